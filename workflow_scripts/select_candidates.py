"""Select the networks that go on to compression and synthesis."""

from snacpack.run.workflow import start_job

start_job(snakemake)

from snacpack.core.files import read_json, read_table, write_json
from snacpack.problems.architectures import architecture_of
from snacpack.search.selection import required_accuracy, select_candidates
from snacpack.tasks.registry import score_word

wanted = snakemake.params.selection["min_score"]
reference = read_json(snakemake.input.reference) if snakemake.input.reference else None
min_accuracy = required_accuracy(wanted, reference)
source = "selection.min_score of the configuration"
if reference:
    source = f"validation {score_word()} of the reference {wanted}, trained by the same recipe"
pareto = read_table(snakemake.input.pareto)
max_candidates = snakemake.params.selection["max_candidates"]
chosen = select_candidates(pareto, snakemake.params.objectives, min_accuracy, max_candidates)
rows = pareto.set_index("trial")
for candidate in chosen["candidates"]:
    candidate["architecture"] = architecture_of(rows.loc[candidate["trial"]], snakemake.params.sizes).to_dict()
write_json({**chosen, "min_accuracy_source": source}, snakemake.output.selected)

"""Select the networks that go on to compression and synthesis."""

from snacpack.workflow import start_job

start_job(snakemake)

import pandas as pd

from snacpack.files import read_json, write_json
from snacpack.search.selection import select_candidates

wanted = snakemake.params.selection["min_accuracy"]
if isinstance(wanted, str):
    min_accuracy = read_json(snakemake.input.reference)["validation_accuracy"]
    source = f"validation accuracy of the reference {wanted}, trained by the same recipe"
else:
    min_accuracy, source = wanted, "selection.min_accuracy of the configuration"
pareto = pd.read_csv(snakemake.input.pareto)
max_candidates = snakemake.params.selection["max_candidates"]
chosen = select_candidates(pareto, snakemake.params.objectives, min_accuracy, max_candidates)
write_json({**chosen, "min_accuracy_source": source}, snakemake.output.selected)

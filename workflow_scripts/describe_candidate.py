"""Write down the architecture of one model, a reference's from the config or a chosen trial's."""

from snacpack.run.workflow import start_job

start_job(snakemake)

from snacpack.core.files import read_json, write_json
from snacpack.networks.architecture import Architecture
from snacpack.search.selection import chosen_candidate

if snakemake.params.reference is not None:
    fields = {**snakemake.params.reference, **snakemake.params.sizes}
else:
    fields = chosen_candidate(read_json(snakemake.input.selected), snakemake.wildcards.candidate)["architecture"]
write_json(Architecture.from_dict(fields).to_dict(), snakemake.output.architecture)

"""Prepare the user's arrays for training: check, split, normalise."""

from snacpack.run.workflow import start_job

start_job(snakemake)

from snacpack.core.inputs import CHANGED
from snacpack.data.sources.arrays import content_of_arrays, prepare_arrays

# The content and the preparation say when to prepare the arrays again, not how.
settings = {name: value for name, value in snakemake.params.items() if name not in ("seed", "content", "preparation")}
prepared = prepare_arrays(settings, snakemake.params.seed)
# Behind the reading: a file may change during it. The numbers of inputs and of classes are known from the start.
if content_of_arrays(settings["arrays"], trust=False) != snakemake.params.content:
    raise RuntimeError(f"data.arrays.files: one of the files {CHANGED}")
for split, (_, y) in prepared.splits.items():
    print(f"{split}: {len(y):,} examples from {', '.join(prepared.origin[split]['files'])}")
prepared.write(snakemake.output.dataset)

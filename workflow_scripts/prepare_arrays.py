"""Prepare the user's arrays for training: check, split, normalise."""

from snacpack.workflow import start_job

start_job(snakemake)

from snacpack.data.sources.arrays import prepare_arrays

# The content says when to prepare the arrays again, not how.
settings = {name: value for name, value in snakemake.params.items() if name not in ("seed", "content")}
prepared = prepare_arrays(settings, snakemake.params.seed)
for split, (_, y) in prepared.splits.items():
    print(f"{split}: {len(y):,} examples from {', '.join(prepared.origin[split]['files'])}")
prepared.write(snakemake.output.dataset)

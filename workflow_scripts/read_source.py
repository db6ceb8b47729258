"""Let a source give its arrays, and check, split and normalise them."""

from snacpack.run.workflow import start_job

start_job(snakemake)

from snacpack.core.inputs import CHANGED
from snacpack.data.reading import content_of_files, prepare_source
from snacpack.data.sources import describe_source, find_source

settings, source = snakemake.params.settings, find_source(snakemake.params.settings["source"])
prepared = prepare_source(source, settings, snakemake.params.seed)
# Behind the reading: a file may change during it. The numbers of inputs and of classes are known from the start.
if content_of_files(source, settings["options"], trust=False) != snakemake.params.content:
    raise RuntimeError(f"data.options: one of the files that {source.name} reads {CHANGED}")
if prepared.info != describe_source(snakemake.config, trust=True):
    raise RuntimeError(
        f"data.source: the function read of {source.name}.py gave other arrays than at the start of the run; draw from "
        "the seed that it gets, so that it gives the same each time"
    )
for split, (_, y) in prepared.splits.items():
    print(f"{split}: {len(y):,} examples")
prepared.write(snakemake.output.dataset)

"""Prepare jets for training: select constituents, split, normalise."""

from snacpack.run.workflow import start_job

start_job(snakemake)

from snacpack.core.inputs import CHANGED
from snacpack.data.sources.files import content_of_jets
from snacpack.jets.folders import find_samples
from snacpack.jets.layout import collect_jet_files, read_source
from snacpack.jets.preprocessing import Preprocessing, preprocess_jets

settings = dict(snakemake.params.items())
described = settings.pop("source")
# It says when to prepare the jets again, not how; only the user's own files have it.
content = settings.pop("content", None)
train_files = collect_jet_files(snakemake.input.get("train"))
preprocess_jets(
    train_files,
    test_files=collect_jet_files(snakemake.input.get("test", [])),
    output=snakemake.output.jets,
    settings=Preprocessing(**settings),
    source=read_source(train_files[0]) or described,
    val_files=collect_jet_files(snakemake.input.get("val", [])),
)
# Behind the reading: a file may change during it.
if content is not None:
    samples = find_samples(snakemake.config["data"]["files"]["folder"])
    if content_of_jets(samples, trust=False) != content:
        raise RuntimeError(f"data.files.folder: one of the files {CHANGED}")

"""Train a candidate's quantised network from scratch: what every pruning iteration rewinds to."""

from snacpack.workflow import start_job

start_job(snakemake)

from snacpack.architecture import Architecture
from snacpack.compression.pruning import warm_up
from snacpack.compression.scheme import Scheme
from snacpack.files import read_json
from snacpack.jets.dataset import load_jets
from snacpack.seeds import derive_seed

wildcards, params = snakemake.wildcards, snakemake.params
checkpoint = warm_up(
    Architecture.from_dict(read_json(snakemake.input.architecture)),
    Scheme.parse(wildcards.scheme),
    load_jets(snakemake.input.jets),
    epochs=params.epochs,
    batch_size=params.batch_size,
    seed=derive_seed(params.seed, "warm_up", wildcards.candidate, wildcards.scheme),
    candidate=wildcards.candidate,
)
checkpoint.save(snakemake.output.checkpoint)

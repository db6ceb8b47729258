"""Train a candidate's quantised network from scratch: what pruning rewinds to and a search's trials start from."""

from snacpack.run.workflow import start_job

start_job(snakemake)

from snacpack.compression.pruning import warm_up
from snacpack.core.files import read_json
from snacpack.core.seeds import derive_seed
from snacpack.data.dataset import load_training
from snacpack.networks.architecture import Architecture
from snacpack.networks.scheme import Scheme
from snacpack.training.losses import Loss
from snacpack.training.recipe import Machine, Recipe

wildcards, params = snakemake.wildcards, snakemake.params
architecture = Architecture.from_dict(read_json(snakemake.input.architecture))
checkpoint = warm_up(
    architecture,
    Scheme.parse(params.precision).precision(len(architecture.graph.matrices)),
    wildcards.scheme,
    load_training(snakemake.input.jets, params.get("class_weights")),
    recipe=Recipe(params.epochs, params.batch_size, Loss(**params.get("loss", {}))),
    seed=derive_seed(params.seed, "warm_up", wildcards.candidate, wildcards.scheme),
    candidate=wildcards.candidate,
    machine=Machine(snakemake.config["training"]["device"]),
)
checkpoint.save(snakemake.output.checkpoint)

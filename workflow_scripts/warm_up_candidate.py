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

wildcards, params = snakemake.wildcards, snakemake.params
architecture = Architecture.from_dict(read_json(snakemake.input.architecture))
checkpoint = warm_up(
    architecture,
    Scheme.parse(params.precision).precision(len(architecture.graph.matrices)),
    wildcards.scheme,
    load_training(snakemake.input.jets, params.get("class_weights")),
    epochs=params.epochs,
    batch_size=params.batch_size,
    seed=derive_seed(params.seed, "warm_up", wildcards.candidate, wildcards.scheme),
    candidate=wildcards.candidate,
    device=snakemake.config["training"]["device"],
    loss=Loss(**params.get("loss", {})),
)
checkpoint.save(snakemake.output.checkpoint)

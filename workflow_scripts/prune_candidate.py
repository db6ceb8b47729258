"""Prune the smallest weights of a candidate's last iteration, rewind the others and train again."""

from snacpack.run.workflow import start_job

start_job(snakemake)

from snacpack.compression.checkpoint import Checkpoint
from snacpack.compression.pruning import prune
from snacpack.core.files import read_json
from snacpack.core.seeds import derive_seed
from snacpack.data.dataset import load_training
from snacpack.networks.architecture import Architecture
from snacpack.training.losses import Loss
from snacpack.training.recipe import Machine, Recipe

wildcards, params = snakemake.wildcards, snakemake.params
expected = Architecture.from_dict(read_json(snakemake.input.architecture)), wildcards.scheme
checkpoint = prune(
    Checkpoint.load(snakemake.input.warmup, *expected),
    Checkpoint.load(snakemake.input.previous, *expected),
    load_training(snakemake.input.jets, params.get("class_weights")),
    pruned_per_iteration=params.pruned_per_iteration,
    recipe=Recipe(params.epochs, params.batch_size, Loss(**params.get("loss", {}))),
    seed=derive_seed(params.seed, "prune", wildcards.candidate, wildcards.scheme, int(wildcards.iteration)),
    candidate=wildcards.candidate,
    machine=Machine(snakemake.config["training"]["device"]),
)
checkpoint.save(snakemake.output.checkpoint)

"""Simulate jets of one class and write them in the layout of the published data set."""

from snacpack.run.workflow import start_job

start_job(snakemake)

from snacpack.core.seeds import derive_seed
from snacpack.jets.recipe import Recipe
from snacpack.jets.simulation import simulate_jets

wildcards, params = snakemake.wildcards, snakemake.params
stopwatch = simulate_jets(
    snakemake.output.jets,
    jet_class=wildcards.jet_class,
    n_jets=params.n_jets,
    seed=derive_seed(params.seed, "simulate_jets", wildcards.split, wildcards.jet_class, wildcards.part),
    recipe=Recipe.from_config(params.recipe),
)
print(f"{params.n_jets / stopwatch.total:.0f} jets a second; CPU time: {stopwatch}")

"""Collect all trials of the search in one table, and its Pareto front in another."""

from snacpack.workflow import start_job

start_job(snakemake)

from snacpack.files import whole_file
from snacpack.search.records import join_trials, trials_table

n_generations = len(snakemake.input.offspring)
n_shards = len(snakemake.input.trials) // n_generations
records = []
for i in range(n_generations):
    shards = snakemake.input.trials[i * n_shards : (i + 1) * n_shards]
    records += join_trials(snakemake.input.offspring[i], shards, snakemake.input.estimates[i])
table = trials_table(records, snakemake.params.objectives)
front = table[table["pareto"]].sort_values(["accuracy", "trial"], ascending=[False, True])
for rows, output in ((table, snakemake.output.trials), (front, snakemake.output.pareto)):
    with whole_file(output) as path:
        rows.to_csv(path, index=False)

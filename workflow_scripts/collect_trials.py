"""Collect all trials of a search in one table, and their Pareto front in another."""

from snacpack.run.workflow import start_job

start_job(snakemake)

from snacpack.core.files import whole_file
from snacpack.hardware.surrogate import Surrogate
from snacpack.problems import find_problem
from snacpack.search.records import join_generations, trials_table

params = snakemake.params
surrogate = Surrogate(**params.surrogate) if params.surrogate else None
records = join_generations(snakemake.input.offspring, snakemake.input.trials, snakemake.input.estimates)
table = trials_table(find_problem(params.problem), records, params.objectives, surrogate)
front = table[table["pareto"]].sort_values(["accuracy", "trial"], ascending=[False, True])
for rows, output in ((table, snakemake.output.trials), (front, snakemake.output.pareto)):
    with whole_file(output) as path:
        rows.to_csv(path, index=False)

"""Collect all trials of a compression search in one table, and its Pareto front in another."""

from snacpack.workflow import start_job

start_job(snakemake)

from snacpack.files import whole_file
from snacpack.search.records import compressions_table, join_generations

records = join_generations(snakemake.input.offspring, snakemake.input.trials, snakemake.input.estimates)
table = compressions_table(records, snakemake.params.objectives)
front = table[table["pareto"]].sort_values(["accuracy", "trial"], ascending=[False, True])
for rows, output in ((table, snakemake.output.trials), (front, snakemake.output.pareto)):
    with whole_file(output) as path:
        rows.to_csv(path, index=False)

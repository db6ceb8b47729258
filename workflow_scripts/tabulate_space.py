"""Write table 1: the search space of the run."""

from snacpack.run.workflow import start_job

start_job(snakemake)

from snacpack.report.layout import table1
from snacpack.report.tables import TABLE1_FORMATS, table1_rows
from snacpack.report.writing import write_table

rows = table1_rows(snakemake.params.space)
write_table(rows, TABLE1_FORMATS, table1(rows), snakemake.output)

"""Write table 2: accuracy and estimated cost of the references and the chosen networks before compression."""

from snacpack.workflow import start_job

start_job(snakemake)

from snacpack.files import read_json
from snacpack.report.layout import table2
from snacpack.report.records import by_model, read_data_set, read_models, read_trials
from snacpack.report.tables import TABLE2_FORMATS, table2_rows
from snacpack.report.writing import write_table
from snacpack.versions import package_versions

trained = by_model(snakemake.input.trained)
models = read_models(
    snakemake.input.references,
    read_trials(snakemake.input.trials),
    read_json(snakemake.input.selected),
    snakemake.params.references,
    trained,
)
rows = table2_rows(models, trained)
data = read_data_set(snakemake.input.jets)
table = table2(rows, data, package_versions(), snakemake.params.surrogate, snakemake.params.bit_width)
write_table(rows, TABLE2_FORMATS, table, snakemake.output)

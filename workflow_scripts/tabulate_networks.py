"""Write table 2: accuracy and estimated cost of the references and the chosen networks before compression."""

from snacpack.run.workflow import start_job

start_job(snakemake)

from snacpack.core.files import read_json
from snacpack.core.versions import package_versions
from snacpack.report.layout import table2
from snacpack.report.records import by_model, read_data_set, read_models, read_trials
from snacpack.report.tables import table2_formats, table2_rows
from snacpack.report.writing import write_table

trained, costs = by_model(snakemake.input.trained), snakemake.params.get("costs", [])
models = read_models(
    snakemake.input.references,
    read_trials(snakemake.input.trials, costs),
    read_json(snakemake.input.selected),
    snakemake.params.references,
    trained,
    costs,
)
rows = table2_rows(models, trained, costs)
data = read_data_set(snakemake.input.jets)
table = table2(rows, data, package_versions(), snakemake.params.surrogate, snakemake.params.bit_width, costs)
write_table(rows, table2_formats(costs), table, snakemake.output)

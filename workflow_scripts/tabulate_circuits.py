"""Write table 3: the compressed networks as circuits."""

from snacpack.run.workflow import start_job

start_job(snakemake)

from snacpack.core.files import read_json
from snacpack.core.versions import package_versions
from snacpack.report.layout import table3
from snacpack.report.records import by_scheme, in_model_order, model_names, read_data_set
from snacpack.report.tables import TABLE3_FORMATS, table3_rows
from snacpack.report.writing import write_table

compressed, circuits = by_scheme(snakemake.input.compressed), by_scheme(snakemake.input.circuits)
models = model_names(snakemake.params.references, read_json(snakemake.input.selected))
order = in_model_order(compressed, models, snakemake.params.schemes)
rows = table3_rows(order, compressed, circuits)
data = read_data_set(snakemake.input.jets)
table = table3(rows, data, package_versions(), circuits.values(), snakemake.params.part)
write_table(rows, TABLE3_FORMATS, table, snakemake.output)

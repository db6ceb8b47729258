"""Draw what the searches over compressions found, and every synthesised model: LUTs against accuracy."""

from snacpack.run.workflow import start_job

start_job(snakemake)

from snacpack.figures.style import save_figure
from snacpack.report.compression_fronts import draw_compression_fronts
from snacpack.report.records import by_model, by_scheme, compression_searches, metrics_by_scheme
from snacpack.report.tables import accuracy_of, table3_rows

inputs = snakemake.input
searches = compression_searches(inputs.trials, metrics_by_scheme(inputs.metrics), by_scheme(inputs.chosen))
compressed, trained = by_scheme(inputs.compressed), by_model(inputs.trained)
rows = table3_rows(list(compressed), compressed, by_scheme(inputs.circuits))
references = {name: accuracy_of(trained[name], f"candidates/{name}/float.json") for name in snakemake.params.references}
examples, costs = snakemake.params.examples, snakemake.params.get("costs", [])
save_figure(draw_compression_fronts(searches, rows, references, examples, costs), snakemake.output)

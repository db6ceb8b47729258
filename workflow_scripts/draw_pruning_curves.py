"""Draw validation accuracy against sparsity for every model and scheme."""

from snacpack.run.workflow import start_job

start_job(snakemake)

from snacpack.figures.style import save_figure
from snacpack.report.curves import draw_pruning_curves
from snacpack.report.records import by_model, by_scheme, metrics_by_scheme

metrics, chosen = metrics_by_scheme(snakemake.input.metrics), by_scheme(snakemake.input.chosen)
save_figure(draw_pruning_curves(metrics, chosen, by_model(snakemake.input.trained)), snakemake.output)

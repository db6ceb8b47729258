"""Draw validation accuracy against sparsity for every model and scheme."""

from snacpack.workflow import start_job

start_job(snakemake)

from snacpack.report.curves import draw_pruning_curves
from snacpack.report.records import by_model, by_scheme, metrics_by_scheme
from snacpack.report.style import save_figure

metrics, chosen = metrics_by_scheme(snakemake.input.metrics), by_scheme(snakemake.input.chosen)
save_figure(draw_pruning_curves(metrics, chosen, by_model(snakemake.input.trained)), snakemake.output)

"""Draw loss and accuracy of the references and the chosen networks against the epoch."""

from snacpack.run.workflow import start_job

start_job(snakemake)

from snacpack.figures.style import save_figure
from snacpack.report.curves import draw_training_curves
from snacpack.report.records import by_model

histories = {model: record["history"] for model, record in by_model(snakemake.input.trained).items()}
save_figure(draw_training_curves(histories), snakemake.output)

"""Draw figures 1 to 4: every sampled network and the fronts in each projection."""

from snacpack.run.workflow import start_job

start_job(snakemake)

from snacpack.core.files import read_json
from snacpack.figures.style import save_figure
from snacpack.report.fronts import draw_projection
from snacpack.report.projections import projections
from snacpack.report.records import by_model, read_models, read_trials

objectives = snakemake.params.objectives
trials = read_trials(snakemake.input.trials, objectives)
selected, trained = read_json(snakemake.input.selected), by_model(snakemake.input.trained)
models = read_models(snakemake.input.references, trials, selected, snakemake.params.references, trained, objectives)
for projection, *paths in zip(projections(objectives), snakemake.output.png, snakemake.output.svg, strict=True):
    save_figure(draw_projection(trials, models, projection, objectives), paths)

"""Draw what the search reached after each generation."""

from snacpack.run.workflow import start_job

start_job(snakemake)

from snacpack.core.files import read_table
from snacpack.figures.style import save_figure
from snacpack.report.hypervolume import draw_hypervolume

save_figure(draw_hypervolume(read_table(snakemake.input.hypervolume)), snakemake.output)

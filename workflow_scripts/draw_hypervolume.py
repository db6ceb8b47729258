"""Draw what the search reached after each generation."""

from snacpack.workflow import start_job

start_job(snakemake)

from snacpack.files import read_table
from snacpack.report.hypervolume import draw_hypervolume
from snacpack.report.style import save_figure

save_figure(draw_hypervolume(read_table(snakemake.input.hypervolume)), snakemake.output)

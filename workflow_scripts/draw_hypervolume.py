"""Draw what the search reached after each generation."""

from snacpack.workflow import start_job

start_job(snakemake)

import pandas as pd

from snacpack.report.hypervolume import draw_hypervolume
from snacpack.report.style import save_figure

save_figure(draw_hypervolume(pd.read_csv(snakemake.input.hypervolume)), snakemake.output)

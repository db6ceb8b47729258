"""Summarise the prepared data set: counts, distributions by class, a figure."""

from snacpack.run.workflow import start_job

start_job(snakemake)

from snacpack.core.files import write_json
from snacpack.data.dataset import read_info

if read_info(snakemake.input.jets).examples == "jets":
    from snacpack.jets.data_card import draw_data_card, make_data_card

    draw_data_card(snakemake.input.jets, snakemake.output.figure)
else:
    from snacpack.data.card import make_data_card
    from snacpack.figures.style import save_figure
    from snacpack.report.data_card import draw_data_card

    save_figure(draw_data_card(snakemake.input.jets), snakemake.output.figure)
write_json(make_data_card(snakemake.input.jets), snakemake.output.card)

"""Summarise the prepared jets: counts, distributions by class, a figure."""

from snacpack.workflow import start_job

start_job(snakemake)

from snacpack.files import write_json
from snacpack.jets.data_card import draw_data_card, make_data_card

write_json(make_data_card(snakemake.input.jets), snakemake.output.card)
draw_data_card(snakemake.input.jets, snakemake.output.figure)

"""Draw the confusion matrix of a compressed network."""

from snacpack.workflow import start_job

start_job(snakemake)

from snacpack.data.dataset import read_info
from snacpack.files import read_json
from snacpack.report.confusion import JET_SYMBOLS, draw_confusion_matrix
from snacpack.report.style import save_figure

compressed, info = read_json(snakemake.input.compressed), read_info(snakemake.input.jets)
title = (
    f"{snakemake.wildcards.candidate} {snakemake.wildcards.scheme}: "
    f"{100 * compressed['test_accuracy']:.2f}% of {compressed['n_test']:,} test {info.examples} correct"
)
symbols = JET_SYMBOLS if info.examples == "jets" else None
save_figure(draw_confusion_matrix(compressed["confusion"], info.classes, title, symbols), snakemake.output)

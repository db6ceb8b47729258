"""Draw the confusion matrix of a compressed network."""

from snacpack.workflow import start_job

start_job(snakemake)

from snacpack.files import read_json
from snacpack.report.confusion import draw_confusion_matrix
from snacpack.report.records import read_data_set
from snacpack.report.style import save_figure

compressed = read_json(snakemake.input.compressed)
title = (
    f"{snakemake.wildcards.candidate} {snakemake.wildcards.scheme}: "
    f"{100 * compressed['test_accuracy']:.2f}% of {compressed['n_test']:,} test jets correct"
)
classes = read_data_set(snakemake.input.jets).classes
save_figure(draw_confusion_matrix(compressed["confusion"], classes, title), snakemake.output)

"""The report's table of everything that a task measures on test examples."""

from collections.abc import Mapping, Sequence
from typing import Any

from snacpack.report.layout import Table
from snacpack.report.records import Key
from snacpack.report.sections import cells
from snacpack.tasks.intervals import N_RESAMPLES
from snacpack.tasks.task import Metric, Task

FLOAT = "float"
"""The scheme, in the table, of a network before compression."""

_MOST_COLUMNS = 10


def performance_table(
    order: Sequence[Key],
    measured: Mapping[Key, Mapping[str, Any]],
    task: Task,
    options: Mapping[str, Any],
    examples: str,
) -> Table:
    """Lay out the metrics of every final network with their intervals.

    Parameters
    ----------
    order
        Models and schemes, :data:`FLOAT` before compression.
    measured
        Content of ``performance.json`` by model and scheme.
    task, options
        The task behind the numbers, and all its options.
    examples
        The word for examples.
    """
    values = {key: {(row["metric"], row["of"]): row for row in measured[key]["metrics"]} for key in order}
    metrics = {metric.name: metric for metric in task.metrics}
    columns = list(dict.fromkeys(column for of_key in values.values() for column in of_key))
    single = [column for column in columns if column[1]]
    columns = [column for column in columns if not column[1]]
    # With more classes than a page has room for, those of each stand in the files only.
    columns += single if len(single) <= _MOST_COLUMNS else []
    rows = tuple(
        cells(*key, *(_with_interval(metrics[name], values[key].get((name, of))) for name, of in columns))
        for key in order
    )
    headings = ("Model", "Scheme", *(metrics[name].title(of) for name, of in columns))
    drawn = any(metric.interval is None for metric in task.metrics)
    notes = [
        f"In brackets: the interval at 68.27% from the statistics of the test {examples}"
        + (f"; without a formula, from {N_RESAMPLES} draws of as many {examples} with replacement." if drawn else "."),
        *(f"{metric.heading}: {metric.note.format(**options)}." for metric in task.metrics),
    ]
    return Table(f"Performance on the test {examples}", headings, rows, tuple(notes), n_text=2)


def _with_interval(metric: Metric, row: Mapping[str, Any] | None) -> str | None:
    if row is None or row["value"] is None:
        return None
    if row["low"] is None:
        return metric.write(row["value"])
    return f"{metric.write(row['value'])} ({metric.write(row['low'])} to {metric.write(row['high'])})"

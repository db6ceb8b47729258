"""The rows of tables 1 to 3, and their CSV files.

Every number is written in a fixed format, so that equal runs give equal files
byte for byte.
"""

import csv
import io
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import pandas as pd

from snacpack.core.files import write_text
from snacpack.costs.registry import ARCHITECTURES, find_measure, measures_of, shown_costs
from snacpack.networks.architecture import DENSE
from snacpack.networks.registry import find_family
from snacpack.synthesis.devices import RESOURCES
from snacpack.tasks.intervals import wilson_interval
from snacpack.tasks.registry import current_task
from snacpack.tasks.task import CLASSES

Row = dict[str, Any]

TABLE1_FORMATS = {"parameter": "", "space": ""}
TABLE3_FORMATS = {
    "model": "",
    "scheme": "",
    "sparsity": ".4f",
    "accuracy_percent": ".2f",
    "backend": "",
    "clock_period_ns": ".2f",
    "latency_cycles": "d",
    "latency_ns": ".2f",
    "ii_cycles": "d",
    "ii_ns": ".2f",
    **dict.fromkeys(RESOURCES, "d"),
    **dict.fromkeys((f"{name}_percent" for name in RESOURCES), ".2f"),
    "hls4ml_reuse_factors": "",
    "failure": "",
}
"""Columns in their order, and how their numbers are written."""

NO_CIRCUIT = "no circuit"


def table2_columns(costs: Sequence[str] = ()) -> dict[str, str]:
    """Return table 2's columns of costs in their order, by the objective: those of every run, then ``costs``."""
    measures = measures_of(ARCHITECTURES)
    return {name: measures[name].reference_column or name for name in shown_costs(ARCHITECTURES, costs)}


def table2_formats(costs: Sequence[str] = ()) -> dict[str, str]:
    """Return table 2's columns in their order, and how their numbers are written.

    Parameters
    ----------
    costs
        Names of objectives that the table has beside those of every run; their columns are the last ones.
    """
    columns = table2_columns(costs)
    formats = {columns[name]: find_measure(ARCHITECTURES, name).format for name in columns}
    last = {columns[name]: formats.pop(columns[name]) for name in costs}
    accuracy = dict.fromkeys(("accuracy_percent", "accuracy_low", "accuracy_high"), ".2f")
    return {"model": "", "architecture": "", **accuracy, **formats, "extrapolated": "", **last}


_ACTIVATION_NAMES = {"relu": "ReLU", "tanh": "Tanh", "sigmoid": "Sigmoid"}
_SPACE_NAMES = {
    "activation": "Activation function",
    "batch_norm": "Batch normalization",
    "learning_rate": "Learning rate",
    "l1": "L1 regularization",
    "dropout": "Dropout rate",
}


def write_number(value: Any, specification: str) -> str:
    """Write one value of a table; nothing where there is none."""
    if value is None:
        return ""
    return format(round(value), "d") if specification == "d" else format(value, specification)


def table1_rows(space: Mapping[str, Any]) -> list[Row]:
    """Return the search space of the config, row by row as in the paper's Table 1."""
    family = find_family(space.get("family", DENSE))
    own = [option.decision(f"options.{name}", space["options"][name]) for name, option in family.options.items()]
    rows = [{"parameter": name, "space": _options(options)} for decision in own for name, options in decision.genes]
    rows += [{"parameter": "Number of layers", "space": _options(space["n_layers"])}]
    rows += [
        {"parameter": f"Hidden units of layer {i}", "space": _options(widths)}
        for i, widths in enumerate(space["units"], start=1)
    ]
    return rows + [{"parameter": title, "space": _options(space[key])} for key, title in _SPACE_NAMES.items()]


def table2_rows(models: pd.DataFrame, trained: Mapping[str, Mapping[str, Any]], costs: Sequence[str] = ()) -> list[Row]:
    """Return accuracy and estimated cost of every final model.

    Parameters
    ----------
    models
        Result of :func:`snacpack.report.records.read_models`.
    trained
        Content of ``float.json`` by model.
    costs
        As for :func:`table2_formats`.

    Raises
    ------
    ValueError
        If a model's counts of test jets are not a fraction; the message names the file.
    """
    return [_table2_row(name, model, trained[name], costs) for name, model in models.iterrows()]


def _table2_row(name: str, model: pd.Series, trained: Mapping[str, Any], costs: Sequence[str]) -> Row:
    return {
        "model": name,
        "architecture": model["architecture"],
        **accuracy_of(trained, f"candidates/{name}/float.json"),
        **{column: model[cost] for cost, column in table2_columns(costs).items()},
        "extrapolated": bool(model["extrapolated"]),
    }


def accuracy_of(counts: Mapping[str, Any], path: str) -> Row:
    """Return a model's accuracy on test jets with its 68% interval, all in percent.

    Parameters
    ----------
    counts
        ``test_correct`` and ``n_test``, or a regression's ``test_score`` with ``test_low`` and ``test_high``.
    path
        The file that they are from.

    Raises
    ------
    ValueError
        If the counts are not a fraction; the message names the file.
    """
    if "test_score" in counts:
        # A score that is not counted has its interval with it.
        names = {"accuracy_percent": "test_score", "accuracy_low": "test_low", "accuracy_high": "test_high"}
        return {column: 100 * counts[name] for column, name in names.items()}
    try:
        low, high = wilson_interval(counts["test_correct"], counts["n_test"])
    except ValueError as error:
        raise ValueError(f"{path}: {error}") from None
    percent = 100 * counts["test_correct"] / counts["n_test"]
    return {"accuracy_percent": percent, "accuracy_low": 100 * low, "accuracy_high": 100 * high}


def table3_rows(
    order: Sequence[tuple[str, str]],
    compressed: Mapping[tuple[str, str], Mapping[str, Any]],
    synthesised: Mapping[tuple[str, str], Mapping[str, Any]],
) -> list[Row]:
    """Return accuracy after compression and the circuit of every model and scheme.

    Parameters
    ----------
    order
        Models and schemes in the order of the table.
    compressed, synthesised
        Content of ``compressed.json`` and of synthesis' ``report.json`` by model and scheme.

    Returns
    -------
    Rows with table 3's columns and the accuracy's interval, which the CSV file leaves out. A network that no circuit
    is built of has a row too: its numbers are None, and ``failure`` says why.

    Raises
    ------
    ValueError
        If counts of test jets are not a fraction; the message names the file.
    """
    return [
        {
            "model": model,
            "scheme": scheme,
            "sparsity": compressed[model, scheme]["sparsity"],
            **accuracy_of(compressed[model, scheme], f"candidates/{model}/{scheme}/compressed.json"),
            **_circuit_columns(synthesised[model, scheme]),
        }
        for model, scheme in order
    ]


def _circuit_columns(circuit: Mapping[str, Any]) -> Row:
    others = ("model", "scheme", "sparsity", "accuracy_percent", "hls4ml_reuse_factors", "failure")
    failure = circuit.get("failure")
    return {
        **{name: circuit[name] for name in TABLE3_FORMATS if name not in others},
        # A project of an older version does not say them.
        "hls4ml_reuse_factors": " ".join(map(str, circuit.get("hls4ml", {}).get("reuse_factors") or [])),
        "failure": f"{NO_CIRCUIT}: {failure}" if failure else "",
    }


def csv_column(name: str) -> str:
    """Return a column's name in files: the score's columns are of accuracies only where there are classes."""
    return name if current_task().targets == CLASSES else name.replace("accuracy_", "score_", 1)


def write_csv(rows: Iterable[Row], formats: Mapping[str, str], path: str | Path) -> None:
    """Write rows as CSV with the columns and number formats of ``formats``."""
    stream = io.StringIO()
    writer = csv.writer(stream, lineterminator="\n")
    writer.writerow(map(csv_column, formats))
    for row in rows:
        writer.writerow([write_number(row[name], specification) for name, specification in formats.items()])
    write_text(stream.getvalue(), path)


def _options(options: Iterable[Any]) -> str:
    return "{" + ", ".join(_option(option) for option in options) + "}"


def _option(option: Any) -> str:
    if isinstance(option, str):
        return _ACTIVATION_NAMES.get(option, option)
    if isinstance(option, float):
        return short_float(option)
    return str(option)


def short_float(value: float) -> str:
    """Write a hyper-parameter as readers do: 0.0015, 1e-6."""
    if value == 0 or abs(value) >= 1e-3:
        return f"{value:.6g}" if value else "0.0"
    # 1e-06 in Python's own writing; readers expect 1e-6.
    mantissa, exponent = f"{value:e}".split("e")
    return f"{float(mantissa):g}e{int(exponent)}"

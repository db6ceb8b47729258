"""The fronts of the searches over compressions, and the synthesised models: LUTs against accuracy."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from snacpack.costs.registry import COMPRESSIONS, find_measure
from snacpack.figures.style import INK, figure_style, model_look
from snacpack.report.fronts import on_axes, step_line
from snacpack.report.labels import label_points
from snacpack.report.projections import Projection
from snacpack.report.records import CompressionSearch
from snacpack.report.tables import Row
from snacpack.tasks.registry import score_word

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure
    from matplotlib.lines import Line2D

PLANE = Projection("compression_fronts", "accuracy", "lut")
_GREY = "#555555"
_REQUIRED = {"color": INK, "lw": 1.0, "ls": (0, (5, 3))}
_RING = {"ls": "", "marker": "o", "ms": 14, "markerfacecolor": "none", "color": _GREY}


def draw_compression_fronts(
    searches: Mapping[str, CompressionSearch],
    rows: Sequence[Row],
    references: Mapping[str, Row],
    examples: str,
    costs: Sequence[str] = (),
) -> "Figure":
    """Draw what the searches found, on the left, and on the right every model that was synthesised.

    Parameters
    ----------
    searches
        By model, in the run's order; the left side is left out where there are none.
    rows
        Result of :func:`snacpack.report.tables.table3_rows`: every model and scheme, in the run's order.
    references
        Result of :func:`snacpack.report.tables.accuracy_of` for each reference before compression.
    examples
        Word for what accuracies were measured on, such as ``jets``.
    costs
        Further costs that the searches optimised; each has a panel below.
    """
    import matplotlib.pyplot as plt

    models = list(dict.fromkeys(row["model"] for row in rows))
    looks = {model: model_look(i) for i, model in enumerate(models)}
    # A search without a circuit has no place on an axis of LUTs.
    searches = {model: search for model, search in searches.items() if not _finalists(search).empty}
    n_without, rows = sum(bool(row["failure"]) for row in rows), [row for row in rows if not row["failure"]]
    with figure_style():
        n_rows = 1 + (-(-len(costs) // 2) if searches else 0)
        size = (12 if searches else 6.6, 5.2 * n_rows)
        figure, axes = plt.subplots(n_rows, 2 if searches else 1, figsize=size, squeeze=False)
        *found, built = axes[0]
        if searches:
            _draw_searches(found[0], searches, looks, examples)
        below = list(axes[1:].flat)
        for place, name in zip(below, costs, strict=False):
            _draw_cost(place, searches, looks, name, examples)
            place.set_ylim(found[0].get_ylim())
        for place in below[len(costs) :]:
            place.remove()
        _draw_models(built, rows, references, looks, n_without, examples)
        marks = [*(_search_marks() if searches else []), *built.get_legend_handles_labels()[0]]
        figure.legend(handles=marks, loc="outside lower center", ncols=6, columnspacing=1.6)
        _label_models(built, rows, references)
    return figure


def on_log_axis(table: pd.DataFrame) -> pd.DataFrame:
    """Return the rows that have LUTs, at least one, and an accuracy, in percent."""
    kept = on_axes(table[table["lut"].notna()])
    kept["lut"] = np.maximum(kept["lut"].astype(float), 1)
    return kept


def _points(table: pd.DataFrame, cost: str) -> pd.DataFrame:
    """Return the rows that have a cost and an accuracy, in percent, as the cost's axis shows them."""
    return on_log_axis(table) if cost == PLANE.x else on_axes(table[table[cost].notna()])


def _finalists(search: CompressionSearch, cost: str = PLANE.x) -> pd.DataFrame:
    return _points(search.finalists.rename(columns={"validation_accuracy": "accuracy"}), cost)


def _draw_searches(
    axes: "Axes", searches: Mapping[str, CompressionSearch], looks: Mapping[str, Mapping[str, str]], examples: str
) -> None:
    for model, search in searches.items():
        _draw_search(axes, search, looks[model], PLANE)
    _draw_required(axes, searches)
    _scale_luts(axes)
    below = _frame_searches(axes, list(searches.values()))
    # Nothing is small and accurate at once, so that this corner is free.
    marks = _model_marks({model: looks[model] for model in searches})
    axes.legend(handles=marks, loc="upper left", frameon=True, framealpha=0.9, edgecolor="none")
    axes.set_title(f"Searches, on validation {examples}{f' ({below:,} trials lie below)' if below else ''}")
    axes.set(xlabel="LUTs, estimated by da4ml", ylabel=f"Validation {score_word()} [%]")


def _draw_cost(
    axes: "Axes",
    searches: Mapping[str, CompressionSearch],
    looks: Mapping[str, Mapping[str, str]],
    cost: str,
    examples: str,
) -> None:
    for model, search in searches.items():
        _draw_search(axes, search, looks[model], Projection(cost, "accuracy", cost))
    _draw_required(axes, searches)
    axes.set_title(f"Searches, on validation {examples}")
    axes.set(xlabel=find_measure(COMPRESSIONS, cost).heading, ylabel=f"Validation {score_word()} [%]")


def _draw_required(axes: "Axes", searches: Mapping[str, CompressionSearch]) -> None:
    for accuracy in sorted({search.chosen["min_accuracy"] for search in searches.values()}):
        axes.axhline(100 * accuracy, **_REQUIRED, zorder=2)


def _draw_search(axes: "Axes", search: CompressionSearch, look: Mapping[str, str], plane: Projection) -> None:
    x = plane.x
    trials, finalists = _points(search.trials, x), _finalists(search, x)
    color, marker = look["color"], look["marker"]
    axes.scatter(trials[x], trials["accuracy"], s=7, color=color, alpha=0.28, linewidths=0)
    axes.plot(*step_line(trials, plane).T, color=color, lw=1.4, zorder=3)
    hollow = {"marker": marker, "s": 34, "facecolors": "white", "edgecolors": color, "linewidths": 1.3, "zorder": 4}
    axes.scatter(finalists[x], finalists["accuracy"], **hollow)
    chosen = finalists[finalists["iteration"] == search.chosen["iteration"]]
    axes.scatter(chosen[x], chosen["accuracy"], marker=marker, s=46, color=color, zorder=5)
    axes.plot(chosen[x], chosen["accuracy"], **_RING, zorder=5)


def _model_marks(looks: Mapping[str, Mapping[str, str]]) -> list["Line2D"]:
    from matplotlib.lines import Line2D

    return [Line2D([], [], ls="", ms=6, label=model, **look) for model, look in looks.items()]


def _search_marks() -> list["Line2D"]:
    from matplotlib.lines import Line2D

    return [
        Line2D([], [], ls="", marker=".", ms=5, color=_GREY, alpha=0.6, label="trial"),
        Line2D([], [], lw=1.4, color=_GREY, label="front of the trials"),
        Line2D([], [], ls="", marker="o", ms=6, markerfacecolor="white", color=_GREY, label="finalist, trained on"),
        Line2D([], [], **_RING, label="synthesised"),
        Line2D([], [], **_REQUIRED, label=f"required {score_word()}"),
    ]


def _frame_searches(axes: "Axes", searches: Sequence[CompressionSearch]) -> int:
    """Limit the axes to where the searches are decided and return how many trials lie below."""
    trials = pd.concat([on_log_axis(search.trials)[["lut", "accuracy"]] for search in searches])
    finalists = pd.concat([_finalists(search)[["lut", "accuracy"]] for search in searches])
    wanted = [100 * search.chosen["min_accuracy"] for search in searches]
    high = max(trials["accuracy"].max(), finalists["accuracy"].max(), *wanted)
    bottom = min(finalists["accuracy"].min(), *wanted)
    # Trials that learned little stretch the axis until the fronts are a line; half of the trials tell enough.
    low = max(trials["accuracy"].min(), min(trials["accuracy"].median(), bottom - 0.5 * (high - bottom)))
    low = min(low, bottom)
    margin = 0.06 * (high - low) or 1
    shown = pd.concat([trials[trials["accuracy"] >= low - margin], finalists])["lut"]
    axes.set(xlim=(shown.min() / 1.3, shown.max() * 1.3), ylim=(low - margin, high + margin))
    return int((trials["accuracy"] < low - margin).sum())


def _draw_models(
    axes: "Axes",
    rows: Sequence[Row],
    references: Mapping[str, Row],
    looks: Mapping[str, Mapping[str, str]],
    n_without: int,
    examples: str,
) -> None:
    for model, accuracy in references.items():
        _draw_band(axes, accuracy, looks[model], model)
    for row in rows:
        _draw_model(axes, row, looks[row["model"]])
    _scale_luts(axes)
    axes.margins(x=0.18, y=0.18)
    title = f"Synthesised models, on test {examples}, with 68% intervals"
    axes.set_title(f"{title}\n({n_without} without a circuit left out)" if n_without else title)
    axes.set(xlabel="LUTs, counted by synthesis", ylabel=f"Test {score_word()} [%]")


def _place(row: Row) -> tuple[float, float]:
    return float(max(row["lut"], 1)), row["accuracy_percent"]


def _draw_band(axes: "Axes", accuracy: Row, look: Mapping[str, str], model: str) -> None:
    axes.axhspan(accuracy["accuracy_low"], accuracy["accuracy_high"], color=look["color"], alpha=0.13, lw=0)
    axes.axhline(
        accuracy["accuracy_percent"], color=look["color"], lw=0.9, ls=(0, (1, 3)), label=f"{model}, not compressed"
    )


def _draw_model(axes: "Axes", row: Row, look: Mapping[str, str]) -> None:
    below, above = row["accuracy_percent"] - row["accuracy_low"], row["accuracy_high"] - row["accuracy_percent"]
    x, y = _place(row)
    axes.errorbar(x, y, [[below], [above]], fmt=look["marker"], color=look["color"], ms=7, elinewidth=1.1, zorder=4)


def _scale_luts(axes: "Axes") -> None:
    from matplotlib.ticker import EngFormatter, LogLocator, NullFormatter

    axes.set_xscale("log")
    axes.xaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))
    axes.xaxis.set_major_formatter(EngFormatter(sep=""))
    axes.xaxis.set_minor_formatter(NullFormatter())


def _label_models(axes: "Axes", rows: Sequence[Row], references: Mapping[str, Row]) -> None:
    if not rows:
        return
    anchors = {f"{row['model']} {row['scheme']}": _place(row) for row in rows}
    bars = [np.array([[_place(row)[0], row[end]] for end in ("accuracy_low", "accuracy_high")]) for row in rows]
    left, right = axes.get_xlim()
    lines = [np.array([[left, a["accuracy_percent"]], [right, a["accuracy_percent"]]]) for a in references.values()]
    label_points(axes, anchors, np.array(list(anchors.values())), [*bars, *lines])

"""Figures 1 to 4: every network that the search sampled, and the fronts in each projection."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from snacpack.costs.objective import MINIMISED
from snacpack.costs.registry import ARCHITECTURES, find_measure, find_objective
from snacpack.figures.style import CANDIDATE, FRONT, GENERATIONS, INK, REFERENCE, figure_style
from snacpack.report.labels import label_points
from snacpack.report.projections import Projection
from snacpack.search.objectives import objective_values
from snacpack.search.pareto import non_dominated

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure


def on_axes(table: pd.DataFrame) -> pd.DataFrame:
    """Return the rows that have an accuracy, with accuracies in percent, as the axes show them."""
    kept = table[table["accuracy"].notna()].copy()
    kept["accuracy"] = 100 * kept["accuracy"].astype(float)
    return kept


def projected_front(points: pd.DataFrame, projection: Projection) -> pd.DataFrame:
    """Return the rows that no other row dominates in this projection, sorted along x."""
    axes = (projection.x, projection.y)
    front = points[non_dominated(objective_values(points.to_dict("records"), axes))] if len(points) else points
    return front.sort_values([projection.x, projection.y])


def step_line(points: pd.DataFrame, projection: Projection) -> np.ndarray:
    """Return the vertices, (n, 2), of the line between what the search reached in this projection and what not."""
    front = projected_front(points, projection)[[projection.x, projection.y]].to_numpy(dtype=float)
    # Before the next point along x, the best reached is the last one where x is to be small, else the next.
    if find_objective(projection.x).direction == MINIMISED:
        corners = np.column_stack([front[1:, 0], front[:-1, 1]])
    else:
        corners = np.column_stack([front[:-1, 0], front[1:, 1]])
    return np.vstack([front[:1], np.stack([corners, front[1:]], axis=1).reshape(-1, 2)])


def close_view(points: pd.DataFrame, marked: pd.DataFrame) -> tuple[float, float] | None:
    """Return the range of accuracies (percent) around the good networks, None where everything lies there.

    Networks that learned little stretch the axis until the front is a dot; half of the networks, and all
    marked ones, are good.
    """
    accuracies = pd.concat([points["accuracy"], marked["accuracy"]])
    low, high = min(points["accuracy"].median(), marked["accuracy"].min()), accuracies.max()
    if not high - accuracies.min() > 3 * (high - low) > 0:
        return None
    margin = 0.08 * (high - low)
    return low - margin, high + margin


def generation_ticks(points: pd.DataFrame) -> list[int]:
    """Return up to seven generations, evenly spaced, to write beside the colours."""
    last = int(points["generation"].max()) if len(points) else 0
    step = next(step for step in (1, 2, 5, 10, 20, 50, 100, 200, 500, 1000, last) if last <= 6 * step)
    return list(range(0, last + 1, max(step, 1)))


def draw_projection(
    trials: pd.DataFrame, models: pd.DataFrame, projection: Projection, objectives: Sequence[str]
) -> "Figure":
    """Draw one projection: all sampled networks, its front, the Pareto set, references and candidates.

    Parameters
    ----------
    trials
        Result of :func:`snacpack.report.records.read_trials`.
    models
        Result of :func:`snacpack.report.records.read_models`, with validation accuracies for all.
    projection, objectives
        The projection that is drawn, and the objectives of the search.

    Returns
    -------
    A figure with one panel, or two if the networks that learned little hide the front's detail.
    """
    import matplotlib.pyplot as plt

    points, marked = on_axes(trials), on_axes(models)
    view = close_view(points, marked) if projection.x == "accuracy" and len(points) else None
    with figure_style():
        # Two panels are wider by one panel, not squeezed.
        figure, axes = plt.subplots(1, 2 if view else 1, figsize=(11.5 if view else 6.6, 4.6), squeeze=False)
        whole, *close = axes[0]
        image = _draw_points(whole, points, marked, projection)
        if close:
            outside = int((points["accuracy"] < view[0]).sum())
            whole.set_title(f"all {len(points)} networks", fontsize=10)
            close[0].set_title(f"close view ({outside} networks lie to the left)", fontsize=10)
            _draw_points(close[0], points, marked, projection)
            _zoom(close[0], points, marked, projection, view)
        figure.colorbar(image, ax=axes[0].tolist(), label="Generation", ticks=generation_ticks(points), pad=0.01)
        figure.suptitle(projection.title(objectives), fontsize=12)
        handles, labels = whole.get_legend_handles_labels()
        figure.legend(handles, labels, loc="outside lower center", ncols=5, columnspacing=1.2, handletextpad=0.4)
        # Names find their places last, when nothing moves the axes any more.
        shown = points[points["accuracy"].between(*view)] if view else points
        _label(axes[0][-1], shown, marked, projection)
    return figure


def _draw_points(axes: "Axes", points: pd.DataFrame, marked: pd.DataFrame, projection: Projection):
    x, y = projection.x, projection.y
    image = axes.scatter(
        points[x], points[y], c=points["generation"], cmap=GENERATIONS, s=20, alpha=0.85, linewidths=0, label="Sampled"
    )
    pareto = points[points["pareto"]]
    axes.plot(*step_line(points, projection).T, color=FRONT, zorder=3, label="Front of this plane")
    axes.scatter(
        pareto[x], pareto[y], s=52, facecolors="none", edgecolors=INK, linewidths=0.9, zorder=4, label="Pareto set"
    )
    looks = {"reference": ("Reference", "D", REFERENCE, 48), "candidate": ("Chosen", "*", CANDIDATE, 190)}
    for kind, (label, marker, color, size) in looks.items():
        rows = marked[marked["kind"] == kind]
        style = {"marker": marker, "s": size, "c": color, "edgecolors": "white", "linewidths": 0.8, "zorder": 5}
        axes.scatter(rows[x], rows[y], label=label, **style)
    measures = [find_measure(ARCHITECTURES, name) for name in (x, y)]
    axes.set(xlabel=measures[0].heading, ylabel=measures[1].heading)
    if measures[1].in_millions:
        axes.yaxis.set_major_formatter(lambda value, _: f"{value / 1e6:g}")
        axes.set_ylabel(f"{measures[1].axis} [millions]")
    return image


def _zoom(
    axes: "Axes", points: pd.DataFrame, marked: pd.DataFrame, projection: Projection, view: tuple[float, float]
) -> None:
    shown = pd.concat([table[table["accuracy"].between(*view)] for table in (points, marked)])[projection.y]
    margin = 0.06 * (shown.max() - shown.min()) or 1
    axes.set(xlim=view, ylim=(shown.min() - margin, shown.max() + margin))


def _label(axes: "Axes", points: pd.DataFrame, marked: pd.DataFrame, projection: Projection) -> None:
    columns = [projection.x, projection.y]
    anchors = {name: tuple(model[columns].astype(float)) for name, model in marked.iterrows()}
    obstacles = pd.concat([points[columns], marked[columns]]).to_numpy(dtype=float)
    label_points(axes, anchors, obstacles, [step_line(points, projection)])

"""The fronts as pictures that answer to the mouse, with plotly."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd
from markupsafe import Markup, escape
from matplotlib.colors import to_hex

from snacpack.costs.registry import ARCHITECTURES, find_measure, shown_costs, validated
from snacpack.figures.style import CANDIDATE, FRONT, GENERATIONS, INK, REFERENCE
from snacpack.report.fronts import close_view, generation_ticks, on_axes, step_line
from snacpack.report.projections import Projection

_HOVER = (
    "<b>%{customdata[0]}</b><br>%{customdata[1]}<br>%{customdata[2]}<br>%{customdata[3]}%{customdata[4]}<extra></extra>"
)
_FONT = "system-ui, -apple-system, 'Segoe UI', Roboto, 'Helvetica Neue', Arial, sans-serif"
_GRID = "#e6e6e6"


def plotly_library() -> Markup:
    """Return plotly's JavaScript (MIT licence), to stand once in a page."""
    from plotly.offline import get_plotlyjs

    return Markup(get_plotlyjs())


def interactive_projection(
    trials: pd.DataFrame, models: pd.DataFrame, projection: Projection, objectives: Sequence[str]
) -> Markup:
    """Return one projection as an HTML fragment; :func:`plotly_library` must stand before it in the page.

    ``trials``, ``models``, ``projection`` and ``objectives`` are those of
    :func:`snacpack.report.fronts.draw_projection`.
    """
    import plotly.graph_objects as go

    points, marked = on_axes(trials), on_axes(models)
    figure = go.Figure()
    for trace in (
        _sampled(points, projection, objectives),
        _front(points, projection),
        _pareto(points, projection),
        *(_marked(marked, kind, projection, objectives) for kind in ("reference", "candidate")),
    ):
        figure.add_trace(trace)
    figure.update_layout(**_layout(projection), updatemenus=_views(points, marked, projection))
    view = close_view(points, marked) if projection.x == "accuracy" and len(points) else None
    if view:
        ranges = _close_ranges(points, marked, projection, view)
        figure.update_layout({"xaxis.range": ranges[0], "yaxis.range": ranges[1]})
    # Plotly's own bar offers to upload the chart; this page talks to nobody.
    settings = {"responsive": True, "displaylogo": False, "showSendToCloud": False}
    settings |= {"modeBarButtons": [["toImage", "zoomIn2d", "zoomOut2d", "resetScale2d"]]}
    return Markup(
        figure.to_html(full_html=False, include_plotlyjs=False, div_id=f"plot-{projection.name}", config=settings)
    )


def _hover(row: pd.Series, heading: str, objectives: Sequence[str]) -> list[str]:
    extras = [str(row["activation"])] if "activation" in row else []
    if str(row.get("batch_norm", "")).lower() == "true":
        extras.append("batch norm")
    return [
        heading,
        str(row["architecture"]),
        ", ".join(extras),
        "<br>".join(
            _value(row, name)
            for name in ("accuracy", *validated(ARCHITECTURES, objectives), *shown_costs(ARCHITECTURES, objectives))
        ),
        "<br><i>extrapolated: rule4ml was trained on no such network</i>" if row["extrapolated"] else "",
    ]


def _value(row: pd.Series, name: str) -> str:
    """Write an objective with its words and unit, as the axes show it."""
    measure = find_measure(ARCHITECTURES, name)
    unit = measure.unit if measure.unit in ("", "%") else f" {measure.unit}"
    # Plotly reads the text as HTML.
    return str(escape(f"{measure.words} {measure.write(row[name])}{unit}"))


def _sampled(points: pd.DataFrame, projection: Projection, objectives: Sequence[str]) -> Any:
    import plotly.graph_objects as go

    generations = points["generation"].tolist()
    headings = [f"trial {trial}, generation {g}" for trial, g in zip(points["trial"], generations, strict=True)]
    bar = {"title": {"text": "Generation", "side": "right"}, "thickness": 10, "outlinewidth": 0}
    bar |= {"tickvals": generation_ticks(points)}
    colors = [[position, to_hex(GENERATIONS(position))] for position in np.linspace(0, 1, 9).tolist()]
    return go.Scatter(
        x=points[projection.x].tolist(),
        y=points[projection.y].tolist(),
        mode="markers",
        name="Sampled",
        marker={"color": generations, "colorscale": colors, "size": 7, "colorbar": bar},
        customdata=[_hover(row, h, objectives) for (_, row), h in zip(points.iterrows(), headings, strict=True)],
        hovertemplate=_HOVER,
    )


def _front(points: pd.DataFrame, projection: Projection) -> Any:
    import plotly.graph_objects as go

    line = step_line(points, projection)
    return go.Scatter(
        x=line[:, 0].tolist(),
        y=line[:, 1].tolist(),
        mode="lines",
        name="Front of this plane",
        line={"color": FRONT, "width": 2},
        hoverinfo="skip",
    )


def _pareto(points: pd.DataFrame, projection: Projection) -> Any:
    import plotly.graph_objects as go

    pareto = points[points["pareto"]]
    return go.Scatter(
        x=pareto[projection.x].tolist(),
        y=pareto[projection.y].tolist(),
        mode="markers",
        name="Pareto set",
        marker={"symbol": "circle-open", "size": 12, "color": INK},
        hoverinfo="skip",
    )


def _marked(marked: pd.DataFrame, kind: str, projection: Projection, objectives: Sequence[str]) -> Any:
    import plotly.graph_objects as go

    rows = marked[marked["kind"] == kind]
    name, symbol, color, size = {
        "reference": ("Reference", "diamond", REFERENCE, 11),
        "candidate": ("Chosen", "star", CANDIDATE, 16),
    }[kind]
    return go.Scatter(
        x=rows[projection.x].tolist(),
        y=rows[projection.y].tolist(),
        mode="markers+text",
        name=name,
        text=[str(model) for model in rows.index],
        textposition=_text_positions(rows[projection.x], marked[projection.x]),
        cliponaxis=False,
        textfont={"size": 12},
        marker={"symbol": symbol, "size": size, "color": color, "line": {"color": "white", "width": 1}},
        customdata=[_hover(row, str(model), objectives) for model, row in rows.iterrows()],
        hovertemplate=_HOVER,
    )


def _text_positions(x: pd.Series, all_x: pd.Series) -> list[str]:
    # Neighbours' names go above and below in turn, and those on the right point inwards.
    sides = ["left" if value > all_x.mean() else "right" for value in x]
    return [f"{'bottom' if i % 2 else 'top'} {side}" for i, side in enumerate(sides)]


def _layout(projection: Projection) -> dict[str, Any]:
    axis = {"gridcolor": _GRID, "zeroline": False, "linecolor": INK, "ticks": "outside", "automargin": True}
    return {
        "font": {"family": _FONT, "size": 13, "color": INK},
        "xaxis": {"title": {"text": find_measure(ARCHITECTURES, projection.x).heading}, **axis},
        "yaxis": {"title": {"text": find_measure(ARCHITECTURES, projection.y).heading}, **axis},
        "plot_bgcolor": "white",
        "paper_bgcolor": "white",
        "height": 480,
        "margin": {"l": 10, "r": 10, "t": 40, "b": 10},
        "legend": {"orientation": "h", "yanchor": "top", "y": -0.17, "x": 0},
        "hoverlabel": {"align": "left", "bgcolor": "white", "font": {"color": INK}},
    }


def _close_ranges(
    points: pd.DataFrame, marked: pd.DataFrame, projection: Projection, view: tuple[float, float]
) -> tuple[list[float], list[float]]:
    shown = pd.concat([table[table["accuracy"].between(*view)] for table in (points, marked)])[projection.y]
    margin = 0.08 * float(shown.max() - shown.min()) or 1.0
    return list(view), [float(shown.min()) - margin, float(shown.max()) + margin]


def _views(points: pd.DataFrame, marked: pd.DataFrame, projection: Projection) -> list[dict[str, Any]]:
    """Return the two buttons that switch between the good networks and all, none where both are the same."""
    view = close_view(points, marked) if projection.x == "accuracy" and len(points) else None
    if not view:
        return []
    x, y = _close_ranges(points, marked, projection, view)
    everything = {"xaxis.autorange": True, "yaxis.autorange": True}
    buttons = [
        {"label": "Close view", "method": "relayout", "args": [{"xaxis.range": x, "yaxis.range": y}]},
        {"label": f"All {len(points)} networks", "method": "relayout", "args": [everything]},
    ]
    place = {"direction": "right", "x": 0, "xanchor": "left", "y": 1.02, "yanchor": "bottom", "showactive": True}
    return [{"type": "buttons", "buttons": buttons, "bgcolor": "white", "pad": {"b": 0}, **place}]

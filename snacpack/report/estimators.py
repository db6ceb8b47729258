"""Estimates of LUTs beside the LUTs that synthesis counted: tables and figures, for a study and for a run."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from snacpack.core.files import read_table
from snacpack.figures.style import INK, figure_style, model_look
from snacpack.hardware.estimators import ESTIMATORS, Estimator, Quality, Rank, kendall_tau, network_estimates
from snacpack.hardware.surrogate import Surrogate
from snacpack.networks.integers import FixedPointNetwork
from snacpack.report.layout import EXTRAPOLATED, MISSING, Cell, Table, extrapolation_notes, grouped
from snacpack.report.records import Key
from snacpack.report.sections import cells
from snacpack.report.tables import Row

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

ESTIMATE_FORMATS = {
    "model": "",
    "scheme": "",
    "lut": "d",
    "da4ml": "d",
    "ebops": "d",
    "bops": "d",
    "rule4ml_lut": "d",
    "rule4ml_average": ".2f",
    "ff": "d",
    "da4ml_ff": "d",
    "extrapolated": "",
}
"""Columns of a run's estimates in their order, and how their numbers are written."""

# The table shows an extrapolation as a sign, not as a column.
ESTIMATE_COLUMNS = tuple(name for name in ESTIMATE_FORMATS if name != "extrapolated")

# With two models a rank correlation is a coin's toss.
FEWEST_MODELS = 3


@dataclass(frozen=True)
class Panel:
    """An estimate against the LUTs counted.

    Parameters
    ----------
    estimator
        The estimator along x.
    estimates, counts
        Those of each circuit; numbers that are not positive have no place on logarithmic axes.
    kinds
        The kind of each circuit, which gives it its colour: an activation, or a model.
    rank
        For the title; None leaves it out.
    """

    estimator: Estimator
    estimates: Sequence[float]
    counts: Sequence[float]
    kinds: Sequence[str]
    rank: Rank | None = None


def draw_estimators(panels: Sequence[Panel], counted_by: str) -> "Figure":
    """Draw estimates against the LUTs counted, on logarithmic axes, two panels in a row.

    Each panel has the line on which an estimate in LUTs is exact, or an estimate in another unit after the best scale.

    Parameters
    ----------
    panels
        The panels that are drawn.
    counted_by
        The tool that counted the LUTs, for the axis.
    """
    import matplotlib.pyplot as plt

    n_rows = (len(panels) + 1) // 2
    with figure_style():
        figure, axes = plt.subplots(n_rows, 2, figsize=(9.2, 3.7 * n_rows), squeeze=False, sharey=True)
        for place, panel in zip(axes.flat, panels, strict=False):
            _draw_panel(place, panel)
        for place in axes.flat[len(panels) :]:
            place.remove()
        for place in axes[:, 0]:
            place.set_ylabel(f"LUTs, {counted_by}")
        handles, labels = axes[0, 0].get_legend_handles_labels()
        figure.legend(handles, labels, loc="outside lower center", ncols=4)
    return figure


def _draw_panel(axes: "Axes", panel: Panel) -> None:
    from matplotlib.ticker import EngFormatter, LogLocator, NullFormatter

    x, y = np.array(panel.estimates, dtype=float), np.array(panel.counts, dtype=float)
    shown = (x > 0) & (y > 0)
    for i, kind in enumerate(dict.fromkeys(panel.kinds)):
        of_kind = shown & np.array([other == kind for other in panel.kinds])
        axes.plot(x[of_kind], y[of_kind], ls="", markersize=5, alpha=0.8, label=kind, **model_look(i))
    axes.set(xscale="log", yscale="log", title=_panel_title(panel))
    axes.set_xlabel(f"{panel.estimator.name} [{panel.estimator.unit}]")
    if shown.any():
        scale = 1.0 if panel.estimator.in_luts else float(np.exp(np.median(np.log(y[shown] / x[shown]))))
        ends = np.array([y[shown].min(), y[shown].max()])
        axes.plot(ends / scale, ends, color=INK, lw=0.9, ls=(0, (4, 3)), zorder=1, label="exact, or best scale")
    for axis in (axes.xaxis, axes.yaxis):
        low, high = axis.get_view_interval()
        axis.set_major_locator(LogLocator(subs=(1, 2, 5) if high < 50 * low else (1,)))
        axis.set_major_formatter(EngFormatter(sep=""))
        axis.set_minor_formatter(NullFormatter())


def _panel_title(panel: Panel) -> str:
    name = panel.estimator.name.partition(",")[0]
    return name if panel.rank is None else f"{name}: τ = {_rank(panel.rank)}"


def _rank(rank: Rank) -> str:
    if rank.tau is None:
        return MISSING
    interval = "" if rank.low is None else f" ({rank.low:.2f} to {rank.high:.2f})"
    return f"{rank.tau:.2f}{interval}"


def quality_table(
    title: str,
    estimators: Mapping[str, Estimator],
    as_is: Mapping[str, Quality],
    scaled: Mapping[str, Quality],
    notes: Sequence[str] = (),
) -> Table:
    """Lay out how estimates compare with counts.

    Parameters
    ----------
    title
        Title of the table.
    estimators
        The rows.
    as_is, scaled
        Quality of those that are in LUTs, taken as they are, and of all after the best scale.
    notes
        Notes below the table.
    """
    rows = []
    for key, estimator in estimators.items():
        own, fitted = as_is.get(key), scaled[key]
        rows.append(
            cells(
                estimator.name,
                _rank(fitted.rank),
                _rank(fitted.within),
                *(_factor(own and own.median_factor), _factor(own and own.p90_factor)),
                f"{fitted.scale:.3g}",
                *(_factor(fitted.median_factor), _factor(fitted.p90_factor)),
            )
        )
    headings = (
        "Estimate",
        "Kendall's τ",
        "τ within an architecture",
        "As it is: half within a factor",
        "nine of ten",
        "Best scale [LUT per unit]",
        "Scaled: half within a factor",
        "nine of ten",
    )
    return Table(title, headings, tuple(rows), tuple(notes))


def _factor(factor: float | None) -> str | None:
    return None if factor is None else f"{factor:.2f}"


def rule4ml_of_models(
    references_csv: str, trials: pd.DataFrame, selected: Mapping[str, Any], references: Sequence[str]
) -> dict[str, dict[str, float]]:
    """Return rule4ml's ``lut`` and ``average_resources``, percent of its board, of each model of a run.

    ``extrapolated`` is 1 where the network is unlike those that rule4ml was trained on.

    Parameters
    ----------
    references_csv
        The run's ``references/hardware.csv``.
    trials
        Result of :func:`snacpack.report.records.read_trials`.
    selected
        Content of ``candidates/selected.json``.
    references
        Names of the references in the config's order.
    """
    known = read_table(references_csv, dtype={"model": str}).set_index("model")
    columns = {"lut": "lut_percent", "average_resources": "est_average_resources_percent"}
    columns["extrapolated"] = "extrapolated"
    estimates = {name: {key: float(known.at[name, column]) for key, column in columns.items()} for name in references}
    by_trial = trials.set_index("trial")
    for candidate in selected["candidates"]:
        estimates[candidate["name"]] = {key: float(by_trial.at[candidate["trial"], key]) for key in columns}
    return estimates


def estimate_rows(
    order: Sequence[Key],
    circuits: Mapping[Key, Mapping[str, Any]],
    networks: Mapping[Key, FixedPointNetwork],
    rule4ml: Mapping[str, Mapping[str, float]],
    surrogate: Surrogate,
) -> list[Row]:
    """Return what was estimated and counted of every model and scheme of a run.

    Parameters
    ----------
    order
        Models and schemes in the order of the table.
    circuits, networks
        Content of synthesis' ``report.json`` and the ``fixed_point.json`` by model and scheme.
    rule4ml
        Result of :func:`rule4ml_of_models`.
    surrogate
        The run's ``hardware.surrogate``.

    Returns
    -------
    Rows with the columns of :data:`ESTIMATE_FORMATS`. rule4ml's estimate follows from the architecture alone. A
    number that a network without a circuit does not have is None.
    """
    rows = []
    for model, scheme in order:
        circuit = circuits[model, scheme]
        da4ml = (circuit["estimates"] or {"da4ml": {"lut": None, "ff": None}})["da4ml"]
        rows.append(
            {
                "model": model,
                "scheme": scheme,
                "lut": circuit["lut"],
                **network_estimates(networks[model, scheme], da4ml),
                "rule4ml_lut": surrogate.units("lut", rule4ml[model]["lut"]),
                "rule4ml_average": rule4ml[model]["average_resources"],
                "ff": circuit["ff"],
                "da4ml_ff": da4ml["ff"],
                "extrapolated": bool(rule4ml[model]["extrapolated"]),
            }
        )
    return rows


def estimate_table(rows: Sequence[Row], tools: Sequence[str], surrogate: Surrogate) -> Table:
    """Lay out a run's estimates beside the counts, with the rank correlations below.

    Parameters
    ----------
    rows
        Result of :func:`estimate_rows`.
    tools
        The tools that counted: the ``tool`` of each ``report.json``.
    surrogate
        The run's ``hardware.surrogate``.
    """
    lines = [cells(*(_estimate_text(row, name) for name in ESTIMATE_COLUMNS)) for row in rows]
    built = [row for row in rows if row["lut"] is not None]
    notes = [
        f"Counted by {'; '.join(dict.fromkeys(tools))}. da4ml: its estimate of its own Verilog. EBOPs and "
        "BOPs: (effective) bit operations of the compressed network's integers, where weights that round to zero are "
        "left out too. "
        f"rule4ml: from the architecture at {surrogate.precision}, as the search asked for it ({surrogate.weights} "
        f"weights, {surrogate.board}), for hls4ml's circuit.",
    ]
    if len(built) < len(rows):
        notes.append(f"{MISSING}: no circuit is built of this network; table 3 says why.")
    notes += extrapolation_notes(asdict(surrogate), any(row["extrapolated"] for row in rows))
    if len(built) >= FEWEST_MODELS:
        ranks = run_ranks(built)
        ranked = {**{name: _rank(Rank(tau)) for name, tau in ranks.items()}, "model": "Kendall's τ"}
        lines.append(tuple(Cell(ranked.get(name, "")) for name in ESTIMATE_COLUMNS))
        notes.append(
            "Kendall's τ, over all pairs of circuits: the share that the estimate orders as the count does, less the "
            "share that it orders the other way."
        )
    else:
        notes.append(f"For a rank correlation there are too few circuits; it takes {FEWEST_MODELS}.")
    headings = (
        "Model",
        "Scheme",
        "LUT counted",
        "da4ml [LUT]",
        "EBOPs",
        "BOPs",
        "rule4ml [LUT]",
        "rule4ml, average [%]",
        "FF counted",
        "da4ml [FF]",
    )
    return Table("Estimates beside the count", headings, tuple(lines), tuple(notes), n_text=2)


def _estimate_text(row: Row, name: str) -> str:
    sign = EXTRAPOLATED if name.startswith("rule4ml") and row["extrapolated"] else ""
    return grouped(row[name], ESTIMATE_FORMATS[name]) + sign


def run_ranks(rows: Sequence[Row]) -> dict[str, float | None]:
    """Return Kendall's tau of each estimate of LUTs, and of da4ml's flip-flops (``da4ml_ff``), over a run's rows."""
    ranks = {name: kendall_tau([r[name] for r in rows], [r["lut"] for r in rows]) for name in ESTIMATORS}
    return {**ranks, "da4ml_ff": kendall_tau([r["da4ml_ff"] for r in rows], [r["ff"] for r in rows])}


def draw_run_estimates(rows: Sequence[Row]) -> "Figure":
    """Draw a run's estimates against the LUTs counted.

    Parameters
    ----------
    rows
        Result of :func:`estimate_rows`; a network that no circuit is built of has no place on the axes.
    """
    rows = [row for row in rows if row["lut"] is not None]
    ranks = run_ranks(rows) if len(rows) >= FEWEST_MODELS else None
    names = [f"{row['model']} {row['scheme']}" for row in rows]
    panels = [
        Panel(
            ESTIMATORS[name],
            [row[name] for row in rows],
            [row["lut"] for row in rows],
            names,
            None if ranks is None else Rank(ranks[name]),
        )
        for name in ("da4ml", "ebops", "bops", "rule4ml_lut")
    ]
    return draw_estimators(panels, "counted")

"""The figure of jet_realism.py: simulated jets on top of published ones, and what still tells them apart."""

from pathlib import Path
from typing import Any

import numpy as np

from snacpack.figures.style import INK, PALETTE, figure_style, save_figure
from snacpack.jets.layout import CLASSES

TITLES = {"g": "gluon", "q": "light quark", "w": "W", "z": "Z", "t": "top"}
BEFORE, AFTER = "#999999", PALETTE[1]
# The drawn quantities, each with its axis and whether that is logarithmic.
_ROWS = (
    ("jet pT", "jet pT [GeV]"),
    ("mass", "mass [GeV]"),
    ("pT of constituent 1", "pT of the leading constituent [GeV] (the last bin holds all above)"),
    ("width", "width: mean angle to the axis, weighted with pT"),
)
_PT_SHOWN = (500, 1500)


def draw(record: dict[str, Any], before: dict[str, Any] | None, path: Path) -> None:
    """Draw a result of jet_realism.py, and an earlier one beside it if there is one.

    Parameters
    ----------
    record, before
        The record that jet_realism.py writes.
    path
        The file to make, in the format of its suffix.
    """
    import matplotlib.pyplot as plt

    with figure_style():
        figure = plt.figure(figsize=(13, 15.5))
        upper, lower = figure.subfigures(2, 1, height_ratios=(len(_ROWS) * 2.3, 6.3))
        axes = upper.subplots(len(_ROWS), len(CLASSES))
        for row, (quantity, label) in zip(axes, _ROWS, strict=True):
            for axis, name in zip(row, CLASSES, strict=True):
                _draw_spectra(axis, quantity, name, record, before)
            row[len(CLASSES) // 2].set_xlabel(label)
            row[0].set_ylabel("share of jets per bin")
        for axis, name in zip(axes[0], CLASSES, strict=True):
            axis.set_title(TITLES[name])
        handles, labels = axes[1, 0].get_legend_handles_labels()
        upper.legend(handles, labels, loc="outside upper center", ncols=3)
        left, right = lower.subplots(1, 2, width_ratios=(1.25, 1))
        _draw_distances(left, record, before)
        _draw_areas(right, record, before)
    save_figure(figure, [path])


def _draw_spectra(axis: Any, quantity: str, name: str, record: dict[str, Any], before: dict[str, Any] | None) -> None:
    spectra = record["histograms"][quantity]
    edges, published = np.array(spectra["edges"]), np.array(spectra[name]["published"], dtype=float)
    n_published = published.sum()
    if quantity == "jet pT":
        axis.stairs(published / n_published, edges, fill=True, color=PALETTE[4], alpha=0.6, label="published")
        axis.set(xlim=_PT_SHOWN, yscale="log", ylim=(1e-4, 1))
    else:
        centres = (edges[1:] + edges[:-1]) / 2
        errors = np.sqrt(published) / n_published
        axis.errorbar(
            centres,
            published / n_published,
            errors,
            fmt="o",
            ms=3.2,
            lw=1,
            color=PALETTE[0],
            zorder=3,
            label="published",
        )
    for result, color, width, label in ((before, BEFORE, 1.2, "simulated, before"), (record, AFTER, 1.6, "simulated")):
        if result is not None and quantity in result["histograms"]:
            old = result["histograms"][quantity]
            counts = np.array(old[name]["simulated"], dtype=float)
            axis.stairs(counts / counts.sum(), old["edges"], color=color, lw=width, label=label)


def _draw_distances(axis: Any, record: dict[str, Any], before: dict[str, Any] | None) -> None:
    """Draw each quantity's Kolmogorov distance, the mean of the classes, as bars, and what noise gives as marks."""
    means = _mean_distances(record, "distance")
    names = sorted(means, key=means.__getitem__)
    places = np.arange(len(names))
    if before is not None:
        earlier = _mean_distances(before, "distance")
        axis.barh(places, [earlier[name] for name in names], 0.8, color="#d5d5d5", label="simulated, before")
    axis.barh(places, [means[name] for name in names], 0.45, color=AFTER, label="simulated")
    noise = _mean_distances(record, "noise")
    axis.plot(
        [noise[name] for name in names], places, "|", ms=11, mew=2, color=INK, label="two samples of one distribution"
    )
    n_published = sum(record["jets"]["published"].values())
    axis.set(
        yticks=places, yticklabels=names, ylim=(-0.6, len(names) - 0.4),
        xlabel="Kolmogorov distance to the published jets, mean of the five classes",
        title=f"{len(names)} quantities of {n_published:,} published jets",
    )  # fmt: skip
    axis.grid(axis="y", visible=False)
    axis.legend(loc="lower right", frameon=True, framealpha=1, edgecolor="none")


def _mean_distances(record: dict[str, Any], key: str) -> dict[str, float]:
    by_class = record["kolmogorov"]["by_class"]
    return {
        quantity: float(np.mean([by_class[name][quantity][key] for name in CLASSES]))
        for quantity in by_class[CLASSES[0]]
    }


def _draw_areas(axis: Any, record: dict[str, Any], before: dict[str, Any] | None) -> None:
    """Draw the two-sample test's areas with one and two standard errors."""
    names = ("all", *CLASSES)
    places = np.arange(len(names))[::-1]
    results = [(record, AFTER, "simulated", 0.0)]
    if before is not None:
        results.insert(0, (before, BEFORE, "simulated, before", 0.18))
    for result, color, label, shift in results:
        areas = result["two_sample_auc"]
        values, errors = (np.array([areas[f"{name}{suffix}"] for name in names]) for suffix in ("", "_error"))
        axis.errorbar(values, places + shift, xerr=2 * errors, fmt="none", color=color, lw=1)
        axis.errorbar(values, places + shift, xerr=errors, fmt="o", ms=6, color=color, lw=2.6, label=label)
    axis.axvline(0.5, color=INK, lw=1, ls="--")
    axis.text(0.5, len(names) - 0.62, " cannot be told apart", ha="left", va="center", fontsize=9)
    axis.set(
        yticks=places, yticklabels=[TITLES.get(name, "all classes") for name in names], ylim=(-0.5, len(names) - 0.4),
        xlabel="AUC of boosted trees, simulated against published\n(bars: one and two standard errors)",
        title="Two-sample test",
    )  # fmt: skip
    axis.grid(axis="y", visible=False)
    axis.legend(loc="lower right")

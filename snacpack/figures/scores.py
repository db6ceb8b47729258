"""The distribution of a network's anomaly score."""

from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np

from snacpack.figures.style import INK, PALETTE, figure_style, plain_text

if TYPE_CHECKING:
    from matplotlib.figure import Figure

_BINS = 40
_MOST_SIGNALS = 6


Scores = tuple[np.ndarray, np.ndarray | None]
"""Scores, (n,), not negative, and the weights of their examples, (n,), or None where all count the same."""


def draw_scores(background: Scores, signals: Mapping[str, Scores], rate: float, model: str, examples: str) -> "Figure":
    """Draw the distributions of the score of background and of each signal, of at most six, and the threshold.

    Parameters
    ----------
    background, signals
        Scores of the background, and of each signal by its name.
    rate
        Share of the background that the threshold lets pass.
    model
        The network's name in words.
    examples
        The word for examples.
    """
    import matplotlib.pyplot as plt
    from matplotlib.ticker import FormatStrFormatter, LogLocator, NullFormatter

    every = np.concatenate([background[0], *(scores for scores, _ in signals.values())])
    low, high = np.quantile(every[every > 0], (0.001, 1)) if (every > 0).any() else (1.0, 1.0)
    bins = np.geomspace(low, high if high > low else 2 * low, _BINS + 1)

    def shares(scores: np.ndarray, weights: np.ndarray | None) -> np.ndarray:
        counts, _ = np.histogram(np.clip(scores, bins[0], bins[-1]), bins=bins, weights=weights)
        return counts / (max(len(scores), 1) if weights is None else weights.sum())

    with figure_style():
        figure, axes = plt.subplots(figsize=(4.8, 4.3))
        axes.stairs(shares(*background), bins, fill=True, color=INK, alpha=0.25, label="background")
        for colour, (name, scores) in zip(PALETTE, list(signals.items())[:_MOST_SIGNALS], strict=False):
            axes.stairs(shares(*scores), bins, color=colour, linewidth=1.4, label=plain_text(name, 18))
        scores, weights = background
        method = "linear" if weights is None else "inverted_cdf"
        threshold = np.quantile(scores, 1 - rate, weights=weights, method=method)
        axes.axvline(threshold, color=INK, linewidth=1, linestyle=":", label=f"threshold at a rate of {rate:g}")
        axes.set(xscale="log", yscale="log", xlabel="Mean squared difference of outputs and inputs")
        axes.set_ylabel(f"Share of the {examples}")
        # Room for the legend.
        axes.set_ylim(top=6 * max(shares(*scores).max() for scores in (background, *signals.values())))
        steps = (1, 2, 5) if bins[-1] < 50 * bins[0] else (1,)
        axes.xaxis.set_major_locator(LogLocator(subs=steps))
        axes.xaxis.set_major_formatter(FormatStrFormatter("%g"))
        axes.xaxis.set_minor_formatter(NullFormatter())
        axes.set_title(f"{plain_text(model, 60)}\nscore of the test {examples}", fontsize=10)
        axes.legend(loc="upper left", fontsize=7.5)
    return figure

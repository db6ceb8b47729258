"""Confusion matrices of the compressed networks."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from snacpack.report.style import figure_style, plain_text

if TYPE_CHECKING:
    from matplotlib.figure import Figure

CLASS_SYMBOLS = {"w": "W", "z": "Z"}
_LONGEST_FLAT = 6


def row_fractions(counts: np.ndarray) -> np.ndarray:
    """Divide each row of (n, n) counts by its sum; a class without examples gives a row of zeros."""
    counts = np.asarray(counts, dtype=float)
    return counts / np.maximum(counts.sum(axis=1, keepdims=True), 1)


def draw_confusion_matrix(counts: np.ndarray, classes: Sequence[str], title: str) -> "Figure":
    """Draw (n, n) counts, true class by row, as percent of the true class."""
    import matplotlib.pyplot as plt

    percent = 100 * row_fractions(counts)
    symbols = [CLASS_SYMBOLS.get(name, plain_text(name)) for name in classes]
    with figure_style():
        # With many classes the figure grows with their number, and the numbers in it shrink.
        larger, size = max(1.0, len(symbols) / 8), 10 if len(symbols) <= 6 else 7
        figure, axes = plt.subplots(figsize=(4.4 * larger, 4.3 * larger))
        axes.imshow(percent, cmap="Blues", vmin=0, vmax=100)
        for (i, j), value in np.ndenumerate(percent):
            color = "white" if value > 55 else "#222222"
            axes.text(j, i, f"{value:.1f}", ha="center", va="center", color=color, fontsize=size)
        axes.set(xticks=range(len(symbols)), xticklabels=symbols, yticks=range(len(symbols)), yticklabels=symbols)
        if max(map(len, symbols)) > _LONGEST_FLAT:
            axes.tick_params(axis="x", labelrotation=45)
        axes.set(xlabel="Predicted class", ylabel="True class")
        axes.set_title(f"{title}\npercent of the true class", fontsize=10)
        axes.grid(False)
        axes.spines[:].set_visible(False)
    return figure

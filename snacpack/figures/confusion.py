"""Confusion matrices of the compressed networks."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np

from snacpack.figures.style import figure_style, plain_text

if TYPE_CHECKING:
    from matplotlib.figure import Figure

JET_SYMBOLS = {"w": "W", "z": "Z"}
"""Classes of jets whose symbols are not their names."""

_LONGEST_FLAT = 6
_INCHES_PER_CHARACTER = 0.07


def row_fractions(counts: np.ndarray) -> np.ndarray:
    """Divide each row of (n, n) counts by its sum; a class without examples gives a row of zeros."""
    counts = np.asarray(counts, dtype=float)
    return counts / np.maximum(counts.sum(axis=1, keepdims=True), 1)


def draw_confusion_matrix(
    counts: np.ndarray, classes: Sequence[str], title: str, symbols: Mapping[str, str] | None = None
) -> "Figure":
    """Draw (n, n) counts, true class by row, as percent of the true class.

    Parameters
    ----------
    counts
        Examples by true and predicted class.
    classes
        Their names.
    title
        First line of the title.
    symbols
        Replacements in the figure, by name; a name without one is drawn as it is.
    """
    import matplotlib.pyplot as plt

    percent = 100 * row_fractions(counts)
    shown = [(symbols or {}).get(name, plain_text(name)) for name in classes]
    with figure_style():
        # With many classes the figure grows with their number, and the numbers in it shrink. Long names take room
        # beside the matrix.
        larger, size = max(1.0, len(shown) / 8), 10 if len(shown) <= 6 else 7
        longest = max(map(len, shown))
        beside = _INCHES_PER_CHARACTER * max(0, longest - _LONGEST_FLAT)
        figure, axes = plt.subplots(figsize=(4.4 * larger + beside, 4.3 * larger + beside))
        axes.imshow(percent, cmap="Blues", vmin=0, vmax=100)
        for (i, j), value in np.ndenumerate(percent):
            color = "white" if value > 55 else "#222222"
            axes.text(j, i, f"{value:.1f}", ha="center", va="center", color=color, fontsize=size)
        axes.set(xticks=range(len(shown)), xticklabels=shown, yticks=range(len(shown)), yticklabels=shown)
        if longest > _LONGEST_FLAT:
            plt.setp(axes.get_xticklabels(), rotation=45, ha="right", rotation_mode="anchor")
        axes.set(xlabel="Predicted class", ylabel="True class")
        axes.set_title(f"{title}\npercent of the true class", fontsize=10)
        axes.grid(False)
        axes.spines[:].set_visible(False)
    return figure

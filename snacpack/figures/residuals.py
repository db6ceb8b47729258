"""Targets, what a network gives for them, and the differences."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from snacpack.figures.style import INK, PALETTE, figure_style, plain_text

if TYPE_CHECKING:
    from matplotlib.figure import Figure

_MOST_POINTS = 2000
_MOST_TARGETS = 6
_BINS = 40


def draw_residuals(
    outputs: np.ndarray, targets: np.ndarray, names: Sequence[str], model: str, examples: str
) -> "Figure":
    """Draw for each target, of at most six, outputs against targets, and the distribution of the residuals.

    Parameters
    ----------
    outputs, targets
        ``(n, n_targets)`` in the units of the files; of many examples the first 2000 are points.
    names
        The targets' names.
    model
        The network's name in words.
    examples
        The word for examples.
    """
    import matplotlib.pyplot as plt

    drawn = min(len(names), _MOST_TARGETS)
    with figure_style():
        figure, axes = plt.subplots(drawn, 2, figsize=(7.6, 3.2 * drawn + 0.4), squeeze=False)
        for place, (against, spread) in enumerate(axes):
            name, given, wanted = plain_text(names[place]), outputs[:, place], targets[:, place]
            ends = [min(given.min(), wanted.min()), max(given.max(), wanted.max())]
            against.plot(ends, ends, color=INK, linewidth=0.9, linestyle=":")
            points = slice(0, _MOST_POINTS)
            against.scatter(wanted[points], given[points], s=9, alpha=0.45, linewidths=0, color=PALETTE[0])
            against.set(xlabel=name, ylabel=f"{name}, by the network")
            residuals = given - wanted
            low, high = np.quantile(residuals, (0.001, 0.999))
            bins = np.linspace(low, high if high > low else low + 1, _BINS + 1)
            spread.hist(residuals, bins=bins, color=PALETTE[0], alpha=0.75)
            spread.axvline(0, color=INK, linewidth=0.9, linestyle=":")
            spread.set(xlabel=f"residual of {name}", ylabel=f"test {examples}")
        figure.suptitle(plain_text(model, 60), fontsize=10)
    return figure

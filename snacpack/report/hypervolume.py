"""The hypervolume that the search reached after each generation."""

from typing import TYPE_CHECKING

import pandas as pd

from snacpack.figures.style import PALETTE, figure_style
from snacpack.tasks.registry import score_word

if TYPE_CHECKING:
    from matplotlib.figure import Figure


def draw_hypervolume(table: pd.DataFrame) -> "Figure":
    """Draw hypervolume and best validation accuracy against the number of trials, a point per generation.

    Parameters
    ----------
    table
        ``searches/architectures/hypervolume.csv``: ``trials``, ``hypervolume`` and ``best_accuracy`` (a fraction,
        NaN where no network was trained).
    """
    import matplotlib.pyplot as plt

    with figure_style():
        figure, (volume, accuracy) = plt.subplots(1, 2, figsize=(10, 3.8))
        volume.plot(table["trials"], table["hypervolume"], color=PALETTE[0], marker="o", markersize=4.5)
        volume.set(ylabel="Hypervolume", title="Hypervolume of the front")
        best = 100 * table["best_accuracy"].astype(float)
        accuracy.plot(table["trials"], best, color=PALETTE[1], marker="s", markersize=4.5)
        accuracy.set(ylabel=f"Best validation {score_word()} [%]", title="The most accurate network")
        for axes in (volume, accuracy):
            axes.set_xlabel("Networks trained")
            axes.set_xlim(left=0)
            axes.xaxis.get_major_locator().set_params(integer=True)
    return figure

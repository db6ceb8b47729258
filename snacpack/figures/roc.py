"""ROC curves of a network."""

from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np

from snacpack.figures.style import INK, figure_style, model_look, plain_text

if TYPE_CHECKING:
    from matplotlib.figure import Figure

Curve = tuple[np.ndarray, np.ndarray, float]
"""Signal and background efficiencies, each (n_thresholds,) from 0 to 1, and the area."""

_MOST_NAMED = 12


def draw_roc_curves(
    curves: Mapping[str, Curve],
    model: str,
    point: tuple[str, float, float] | None = None,
    words: str = "one class against the rest",
    rate: float | None = None,
) -> "Figure":
    """Draw background against signal efficiency, the background's on a logarithmic axis.

    Parameters
    ----------
    curves
        By class or signal; the legend names the first dozen of them.
    model
        The network's name in words.
    point
        The signal's name, its efficiency, and the background rejection there; not a number where there is none.
    words
        The comparison that the curves show.
    rate
        A background efficiency to mark.
    """
    import matplotlib.pyplot as plt

    with figure_style():
        figure, axes = plt.subplots(figsize=(4.8, 4.3))
        lowest = 1e-1
        for number, (name, (signal, background, area)) in enumerate(curves.items()):
            label = f"{plain_text(name, 18)}, AUC {area:.3f}" if number < _MOST_NAMED else None
            axes.plot(signal, background, color=model_look(number)["color"], linewidth=1.3, label=label)
            passed = background[background > 0]
            lowest = min(lowest, passed.min() if len(passed) else lowest)
        if point is not None and np.isfinite(point[2]):
            name, efficiency, rejection = point
            look = {"marker": "X", "s": 55, "color": INK, "edgecolors": "white", "zorder": 5}
            label = f"rejection {rejection:,.1f} of {plain_text(name, 18)}"
            axes.scatter([efficiency], [1 / rejection], label=label, **look)
            lowest = min(lowest, 1 / rejection)
        if rate is not None:
            axes.axhline(rate, color=INK, linewidth=1, linestyle="--", label=f"background rate {rate:g}")
            lowest = min(lowest, rate)
        floor = max(lowest / 1.5, 1e-6)
        # On a logarithmic axis the diagonal is a curve.
        guess = np.geomspace(floor, 1, 200)
        axes.plot(guess, guess, color=INK, linewidth=0.8, linestyle=":", label="a guess")
        axes.set(yscale="log", xlim=(0, 1), ylim=(floor, 1.2))
        axes.set(xlabel="Signal efficiency", ylabel="Background efficiency")
        axes.set_title(f"{plain_text(model, 60)}\n{words}", fontsize=10)
        axes.legend(loc="lower right", fontsize=7.5)
    return figure

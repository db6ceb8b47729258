"""The separation of signal and background by a number: ROC curve, area, rejection and efficiency."""

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from snacpack.tasks.task import Weights


@dataclass(frozen=True)
class Separation:
    """How far a number tells signal from background.

    Parameters
    ----------
    numbers
        ``(n,)``, larger for what looks more like signal.
    is_signal
        ``(n,)`` bool.
    """

    numbers: np.ndarray
    is_signal: np.ndarray

    @cached_property
    def _order(self) -> np.ndarray:
        return np.argsort(-self.numbers, kind="stable")

    @cached_property
    def _starts(self) -> np.ndarray:
        """The places at which each different number begins in the order, the largest first."""
        ordered = self.numbers[self._order]
        return np.concatenate([[0], np.flatnonzero(np.diff(ordered)) + 1])

    def counts(self, weights: Weights) -> tuple[np.ndarray, np.ndarray]:
        """Return how much signal and background has each different number, the largest number first."""
        ordered, signal = weights[self._order], self.is_signal[self._order]
        return tuple(np.add.reduceat(np.where(kind, ordered, 0.0), self._starts) for kind in (signal, ~signal))

    def area(self, weights: Weights) -> float:
        """Return the area under the ROC curve: the chance that signal has the larger number, half where both are equal.

        It is not a number where there is no signal or no background.
        """
        signal, background = self.counts(weights)
        total = signal.sum() * background.sum()
        if not total:
            return np.nan
        below = background.sum() - np.cumsum(background)
        return float((signal * (below + background / 2)).sum() / total)

    def curve(self, weights: Weights) -> tuple[np.ndarray, np.ndarray]:
        """Return efficiencies of signal and background at each threshold, from 0 to 1; NaN where there is none."""
        with np.errstate(invalid="ignore"):
            return tuple(np.concatenate([[0.0], (sums := np.cumsum(part)) / sums[-1]]) for part in self.counts(weights))

    def rejection(self, weights: Weights, efficiency: float) -> float:
        """Return one over the background's efficiency where the signal's is ``efficiency``.

        Between two thresholds the curve is straight. It is at most the number of background examples, the value for
        a single one that passes, and not a number where there is no signal or no background.
        """
        signal, background = self.curve(weights)
        if not (np.isfinite(signal[-1]) and np.isfinite(background[-1])):
            return np.nan
        i = max(int(np.searchsorted(signal, efficiency)), 1)
        i = min(i, len(signal) - 1)
        part = (efficiency - signal[i - 1]) / (signal[i] - signal[i - 1])
        passed = background[i - 1] + part * (background[i] - background[i - 1])
        return float(1 / max(passed, 1 / weights[~self.is_signal].sum()))

    def efficiency(self, weights: Weights, rate: float) -> float:
        """Return the signal's efficiency where the background's is ``rate``.

        Between two thresholds the curve is straight. It is not a number where there is no signal or no background.
        """
        signal, background = self.curve(weights)
        if not (np.isfinite(signal[-1]) and np.isfinite(background[-1])):
            return np.nan
        # The last threshold at which no more background passes.
        i = int(np.searchsorted(background, rate, side="right")) - 1
        if i + 1 == len(background):
            return float(signal[i])
        part = (rate - background[i]) / (background[i + 1] - background[i])
        return float(signal[i] + part * (signal[i + 1] - signal[i]))

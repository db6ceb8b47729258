"""Intervals at 68.27%: of counted fractions by a formula, of everything else by drawing the examples again."""

from collections.abc import Callable, Mapping
from math import sqrt

import numpy as np

N_RESAMPLES = 200
"""Draws of a bootstrap: the ends of its interval are then known to about a tenth of its width."""

_TAILS = (0.158655, 0.841345)


def wilson_interval(n_correct: float, n: float, z: float = 1.0) -> tuple[float, float]:
    """Return the Wilson score interval of a counted fraction.

    Parameters
    ----------
    n_correct, n
        Successes and attempts, e.g. correctly classified jets and jets; where examples have weights, their effective
        numbers (:func:`snacpack.data.weights.effective_number`), which are not whole.
    z
        Half width in standard deviations of the normal distribution; 1 is a
        coverage of 68.27%.

    Returns
    -------
    Lower and upper end, both fractions in [0, 1].

    Raises
    ------
    ValueError
        If ``n`` is not positive or ``n_correct`` is not between 0 and ``n``.

    Notes
    -----
    E. B. Wilson, J. Am. Stat. Assoc. 22 (1927) 209. Unlike the normal
    approximation it never leaves [0, 1] and has a width at 0 and at ``n``.
    """
    if n < 1 or not 0 <= n_correct <= n:
        raise ValueError(f"{n_correct} of {n} is not a fraction; both counts must come from the same jets")
    fraction = n_correct / n
    centre = (fraction + z**2 / (2 * n)) / (1 + z**2 / n)
    half = z / (1 + z**2 / n) * sqrt(fraction * (1 - fraction) / n + z**2 / (4 * n**2))
    # At the ends the exact result is 0 or 1 and rounding may step over it.
    low = 0.0 if n_correct == 0 else centre - half
    high = 1.0 if n_correct == n else centre + half
    return low, high


def bootstrap_intervals(
    measure: Callable[[np.ndarray], Mapping[str, float]], n: int, seed: int
) -> dict[str, tuple[float, float]]:
    """Return the intervals of what is measured on examples, from draws of as many examples with replacement.

    Parameters
    ----------
    measure
        Gives each quantity's value, by its name, for the weights of the examples, (n,) float64: how often each was
        drawn. A value that is not a number, such as a mean over no example, is left out.
    n
        Examples.
    seed
        Decides the draws.

    Returns
    -------
    dict
        By name the values between which the middle 68.27% of the draws lie; names that have a value in no draw are
        left out.
    """
    random = np.random.default_rng(seed)
    drawn: dict[str, list[float]] = {}
    for _ in range(N_RESAMPLES):
        weights = np.bincount(random.integers(n, size=n), minlength=n).astype(np.float64)
        for name, value in measure(weights).items():
            if np.isfinite(value):
                drawn.setdefault(name, []).append(value)
    return {name: tuple(np.quantile(values, _TAILS).tolist()) for name, values in drawn.items()}

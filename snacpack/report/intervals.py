"""Intervals of counted fractions."""

from math import sqrt


def wilson_interval(n_correct: int, n: int, z: float = 1.0) -> tuple[float, float]:
    """Return the Wilson score interval of a counted fraction.

    Parameters
    ----------
    n_correct, n
        Successes and attempts, e.g. correctly classified jets and jets.
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

"""Non-dominated sets."""

import numpy as np


def non_dominated(values: np.ndarray) -> np.ndarray:
    """Mark the points that no other point dominates.

    A point dominates another if it is nowhere worse and somewhere better. Equal
    points do not dominate each other.

    Parameters
    ----------
    values
        (n_points, n_objectives), every objective minimised.

    Returns
    -------
    (n_points,) bool.

    Raises
    ------
    ValueError
        If ``values`` holds a NaN, which has no order.
    """
    values = np.asarray(values, dtype=float).reshape(len(values), -1)
    if np.isnan(values).any():
        raise ValueError("a Pareto front of values that are not a number is not defined; leave failed trials out")
    import moocore

    return moocore.is_nondominated(values, keep_weakly=True)

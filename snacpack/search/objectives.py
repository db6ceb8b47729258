"""The objectives of a search as numbers that are to be small."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from snacpack.costs.registry import find_objective


def check_objectives(objectives: Sequence[str]) -> None:
    """Raise ValueError unless ``objectives`` are known, different and at least one."""
    if not objectives:
        raise ValueError("search.objectives is empty; name at least one of config/README.md")
    for name in objectives:
        try:
            find_objective(name)
        except ValueError as error:
            raise ValueError(f"search.objectives: {error}") from None
    if len(set(objectives)) < len(objectives):
        raise ValueError("search.objectives names an objective twice")


def objective_values(trials: Sequence[Mapping[str, Any]], objectives: Sequence[str]) -> np.ndarray:
    """Return the trials' objectives, (n_trials, n_objectives), turned so that small is good."""
    signs = {name: -find_objective(name).direction for name in objectives}
    values = [[sign * float(trial[name]) for name, sign in signs.items()] for trial in trials]
    return np.array(values).reshape(len(trials), len(objectives))

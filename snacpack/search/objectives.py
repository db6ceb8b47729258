"""What a search optimises, by name."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

DIRECTIONS = {
    "accuracy": +1,
    "macs": -1,
    "bops": -1,
    "ebops": -1,
    "bram": -1,
    "dsp": -1,
    "ff": -1,
    "lut": -1,
    "average_resources": -1,
    "clock_cycles": -1,
    "initiation_interval": -1,
}
"""+1 for what should be large, -1 for what should be small."""


def check_objectives(objectives: Sequence[str]) -> None:
    """Raise ValueError unless ``objectives`` are known, different and at least one."""
    if not objectives:
        raise ValueError("search.objectives is empty; name at least one of " + ", ".join(DIRECTIONS))
    unknown = [name for name in objectives if name not in DIRECTIONS]
    if unknown:
        raise ValueError(f"search.objectives: {', '.join(unknown)} is unknown; there are {', '.join(DIRECTIONS)}")
    if len(set(objectives)) < len(objectives):
        raise ValueError("search.objectives names an objective twice")


def objective_values(trials: Sequence[Mapping[str, Any]], objectives: Sequence[str]) -> np.ndarray:
    """Return the trials' objectives, (n_trials, n_objectives), turned so that small is good."""
    values = [[-DIRECTIONS[name] * float(trial[name]) for name in objectives] for trial in trials]
    return np.array(values).reshape(len(trials), len(objectives))

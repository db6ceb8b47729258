"""The float networks and how they are trained."""

from snacpack.training.fit import Diverged, TrainingResult, evaluate, fit, predict, train
from snacpack.training.network import build_network, initialise, weight_matrices

__all__ = [
    "Diverged",
    "TrainingResult",
    "build_network",
    "evaluate",
    "fit",
    "initialise",
    "predict",
    "train",
    "weight_matrices",
]

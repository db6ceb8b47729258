"""The float networks and how they are trained."""

from snacpack.training.fit import Diverged, evaluate, fit, predict
from snacpack.training.network import build_network, initialise, weight_matrices
from snacpack.training.recipe import Machine, Recipe, Watch
from snacpack.training.trials import TrainingResult, train

__all__ = [
    "Diverged",
    "Machine",
    "Recipe",
    "TrainingResult",
    "Watch",
    "build_network",
    "evaluate",
    "fit",
    "initialise",
    "predict",
    "train",
    "weight_matrices",
]

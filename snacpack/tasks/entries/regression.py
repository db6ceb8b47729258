"""Regression: a network gives numbers, one for each target."""

from collections.abc import Callable
from typing import TYPE_CHECKING

import numpy as np

from snacpack.data.normalisation import Normalisation
from snacpack.tasks.differences import chosen_loss, loss_options
from snacpack.tasks.task import NUMBERS, Examples, Metric, Option, Picture, Task, Weights

if TYPE_CHECKING:
    from matplotlib.figure import Figure

_HALF_WIDTH = 0.6827


def in_units(examples: Examples) -> tuple[np.ndarray, np.ndarray]:
    """Return outputs and targets in the units of the files, each (n, n_targets) float64."""
    scale = Normalisation.from_dict(examples.info.target_normalisation)
    return scale.undo(examples.outputs), scale.undo(examples.targets.astype(np.float64))


def _by_target(
    examples: Examples, value: Callable[[np.ndarray, np.ndarray, Weights], float]
) -> Callable[[Weights], dict[str, float]]:
    """Return a function that gives a value for each target, and their mean; of a single target only the latter."""
    outputs, targets = in_units(examples)
    names = examples.info.targets

    def values(weights: Weights) -> dict[str, float]:
        found = {name: value(outputs[:, i], targets[:, i], weights) for i, name in enumerate(names)}
        return {"": float(np.mean(list(found.values()))), **(found if len(found) > 1 else {})}

    return values


def determination(outputs: np.ndarray, targets: np.ndarray, weights: Weights) -> float:
    """Return R^2, 1 - sum (y - p)^2 / sum (y - mean y)^2; not a number where all targets are the same."""
    spread = (weights * (targets - np.average(targets, weights=weights)) ** 2).sum()
    return float(1 - (weights * (targets - outputs) ** 2).sum() / spread) if spread > 0 else np.nan


def root_mean_square(outputs: np.ndarray, targets: np.ndarray, weights: Weights) -> float:
    """Return the root of the mean squared residual."""
    return float(np.sqrt(np.average((outputs - targets) ** 2, weights=weights)))


def resolution(outputs: np.ndarray, targets: np.ndarray, weights: Weights) -> float:
    """Return the half-width of the interval around the median residual that holds 68.27% of the residuals.

    The value is half the distance of the quantiles at 15.87% and 84.13%; a few large residuals do not change it.
    """
    residuals = outputs - targets
    order = np.argsort(residuals, kind="stable")
    reached = np.cumsum(weights[order])
    places = np.searchsorted(reached, np.array([(1 - _HALF_WIDTH) / 2, (1 + _HALF_WIDTH) / 2]) * reached[-1])
    low, high = residuals[order[places]]
    return float(high - low) / 2


def _draw_residuals(examples: Examples, model: str) -> "Figure":
    from snacpack.figures.residuals import draw_residuals

    outputs, targets = in_units(examples)
    return draw_residuals(outputs, targets, examples.info.targets, model, examples.info.examples)


TASK = Task(
    name="regression",
    words="regression",
    targets=NUMBERS,
    n_outputs=lambda info: len(info.targets),
    score="r2",
    score_words=("R²", "values of R²"),
    guess=lambda n_outputs: 0.0,
    metrics=(
        Metric(
            "r2",
            "R²",
            "coefficient of determination, the share of the targets' variance that the network explains; 0% is a "
            "network that always gives their mean",
            lambda examples: _by_target(examples, determination),
            unit="%",
            digits=2,
        ),
        Metric(
            "rms",
            "RMS",
            "root of the mean squared residual, in the units of the files; of several targets, first the mean over all",
            lambda examples: _by_target(examples, root_mean_square),
            digits=None,
        ),
        Metric(
            "resolution",
            "Resolution",
            "half the width of the central 68.27% of the residuals, in the units of the files; of several targets, "
            "first the mean over all",
            lambda examples: _by_target(examples, resolution),
            digits=None,
        ),
    ),
    pictures=(
        Picture(
            "residuals",
            "Residuals",
            "The left panels show what the compressed networks give for the test {examples} against the targets, and "
            "the right panels the residuals, which are the differences of the two, in the units of the files.",
            _draw_residuals,
        ),
    ),
    options=(
        *loss_options("residual", "the normalised targets"),
        Option(
            "normalisation",
            "standard",
            {"description": "scale of the targets in training, standard or none", "enum": ["standard", "none"]},
            "scale of the targets in training: `standard` (y - mean) / standard deviation, or `none`; reports have the "
            "units of the files",
        ),
    ),
    loss=chosen_loss,
)

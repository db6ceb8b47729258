"""Anomaly detection: a network learns to give back the inputs of background, and fails at what is unlike it."""

from collections.abc import Callable, Iterator, Mapping
from math import ceil
from typing import TYPE_CHECKING, Any

import numpy as np

from snacpack.data.info import SPLIT_NAMES, DataInfo
from snacpack.tasks.differences import chosen_loss, loss_options
from snacpack.tasks.separation import Separation
from snacpack.tasks.task import RECONSTRUCTION, Examples, Metric, Option, Picture, Task, Weights

if TYPE_CHECKING:
    from matplotlib.figure import Figure

FEWEST_PASSING = 10
"""Background examples that are to pass where an efficiency is measured: fewer do not tell where that is."""


def anomaly_scores(examples: Examples) -> np.ndarray:
    """Return the mean squared difference between outputs and inputs of each example, (n,) float64."""
    return np.square(examples.outputs - examples.inputs).mean(axis=1)


def _background(examples: Examples) -> np.ndarray:
    return examples.info.is_background[examples.targets]


def signal_separations(examples: Examples) -> dict[str, tuple[np.ndarray, Separation]]:
    """Return by signal which examples are it or background, (n,) bool, and how their scores tell them apart."""
    scores, is_background = anomaly_scores(examples), _background(examples)
    found = {}
    for name in examples.info.signals:
        is_signal = examples.targets == examples.info.classes.index(name)
        compared = is_signal | is_background
        found[name] = (compared, Separation(scores[compared], is_signal[compared]))
    return found


def _by_signal(
    examples: Examples, value: Callable[[Separation, Weights], float]
) -> Callable[[Weights], dict[str, float]]:
    """Return a function that gives a value for each signal, and their mean; of a single signal only the latter."""
    separations = signal_separations(examples)

    def values(weights: Weights) -> dict[str, float]:
        found = {name: value(separation, weights[kept]) for name, (kept, separation) in separations.items()}
        return {"": float(np.mean(list(found.values()))), **(found if len(found) > 1 else {})}

    return values


def _reconstructed(examples: Examples) -> Callable[[Weights], dict[str, float]]:
    kept = _background(examples)
    inputs = examples.inputs[kept].astype(np.float64)
    missed = np.square(examples.outputs[kept] - inputs).sum(axis=1)

    def value(weights: Weights) -> dict[str, float]:
        of_kept = weights[kept]
        if not of_kept.sum():
            return {"": np.nan}
        spread = np.square(inputs - np.average(inputs, axis=0, weights=of_kept)).sum(axis=1)
        total = (of_kept * spread).sum()
        return {"": float(1 - (of_kept * missed).sum() / total) if total > 0 else np.nan}

    return value


def _efficiencies(examples: Examples) -> Callable[[Weights], dict[str, float]]:
    rate = examples.options["background_rate"]
    return _by_signal(examples, lambda separation, weights: separation.efficiency(weights, rate))


def _draw_roc(examples: Examples, model: str) -> "Figure":
    from snacpack.figures.roc import draw_roc_curves

    curves = {}
    for name, (kept, separation) in signal_separations(examples).items():
        weights = examples.counting[kept]
        curves[name] = (*separation.curve(weights), separation.area(weights))
    rate = examples.options["background_rate"]
    return draw_roc_curves(curves, model, words="each signal against the background", rate=rate)


def _draw_scores(examples: Examples, model: str) -> "Figure":
    from snacpack.figures.scores import draw_scores

    scores, info = anomaly_scores(examples), examples.info

    def of(chosen: np.ndarray) -> tuple[np.ndarray, np.ndarray | None]:
        return scores[chosen], None if examples.weights is None else examples.counting[chosen]

    signals = {name: of(examples.targets == info.classes.index(name)) for name in info.signals}
    rate = examples.options["background_rate"]
    return draw_scores(of(_background(examples)), signals, rate, model, info.examples)


def _check(info: DataInfo, options: Mapping[str, Any]) -> Iterator[str]:
    rate = options["background_rate"]
    for split, counts in info.counts.items():
        n = sum(count for name, count in counts.items() if name in info.background)
        if split != "train" and rate * n < FEWEST_PASSING:
            yield (
                f"task.options.background_rate: {rate:g} of the {n:,} {SPLIT_NAMES[split]} {info.examples} of "
                f"background are {rate * n:.2g}, and {FEWEST_PASSING} are needed to measure efficiencies there; give "
                f"{ceil(1000 * FEWEST_PASSING / max(n, 1)) / 1000:g} or more, or more {info.examples}"
            )
            return


def _loss(options: Mapping[str, Any]) -> Mapping[str, Any]:
    return {**chosen_loss(options), "pooled": True}


TASK = Task(
    name="anomaly",
    words="anomaly detection",
    targets=RECONSTRUCTION,
    n_outputs=lambda info: info.n_inputs,
    score="r2",
    score_words=("R²", "values of R²"),
    guess=lambda n_outputs: 0.0,
    metrics=(
        Metric(
            "r2",
            "R²",
            "share of the variance of the background's inputs, all inputs together, that the network gives back; 0% is "
            "a network that always gives their means",
            _reconstructed,
            unit="%",
            digits=2,
        ),
        Metric(
            "auc",
            "AUC",
            "area under the ROC curve of a signal against the background, by the mean squared difference between "
            "outputs and inputs; of several signals, first the mean over all",
            lambda examples: _by_signal(examples, Separation.area),
        ),
        Metric(
            "signal_efficiency",
            "Signal efficiency",
            "share of a signal that passes where a share of {background_rate:g} of the background does; of several "
            "signals, first the mean over all",
            _efficiencies,
            unit="%",
            digits=2,
        ),
    ),
    pictures=(
        Picture(
            "roc",
            "ROC curves",
            "Each curve shows how the compressed network tells a signal from the background on the test {examples}: "
            "the share of the background that a threshold on the score lets pass against the share of the signal. "
            "Curves that lie lower are better. The line marks the background rate of the table's signal efficiencies.",
            _draw_roc,
        ),
        Picture(
            "scores",
            "Scores",
            "The score of an example is the mean squared difference between the network's outputs and its inputs. The "
            "figures show its distribution for the test {examples}, and the threshold that the background passes at "
            "the background rate.",
            _draw_scores,
        ),
    ),
    options=(
        Option(
            "background",
            None,
            {
                "description": "a list of different classes, or null where signals have files of their own",
                "type": ["array", "null"],
                "minItems": 1,
                "uniqueItems": True,
                "items": {"description": "a name of a class", "type": ["string", "integer"]},
            },
            "classes that networks are trained on, the others are signals; null where `data.arrays.signals` names the "
            "files of signals",
        ),
        Option(
            "background_rate",
            0.01,
            {
                "description": "a number between 0 and 1, both excluded",
                "type": "number",
                "exclusiveMinimum": 0,
                "exclusiveMaximum": 1,
            },
            "share of the background that passes where the signals' efficiencies are measured; ten or more validation "
            "and test examples must pass",
        ),
        *loss_options("difference", "the normalised inputs"),
    ),
    check=_check,
    loss=_loss,
)

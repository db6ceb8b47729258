"""Classification: each example belongs to one class, and a network gives a logit for each."""

from collections.abc import Callable, Iterator, Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from snacpack.data.info import DataInfo
from snacpack.data.weights import effective_number
from snacpack.tasks.intervals import wilson_interval
from snacpack.tasks.separation import Separation
from snacpack.tasks.task import CLASSES, Examples, Metric, Option, Picture, Task, Weights

if TYPE_CHECKING:
    from matplotlib.figure import Figure


def log_odds(outputs: np.ndarray, is_signal: np.ndarray) -> np.ndarray:
    """Return the logarithm of the odds of some classes against the others.

    They order the examples as the sum of the classes' probabilities does, and do not end at one. They have nine
    decimals: logits of a circuit are often equal, and rounding errors shall not tell such examples apart.

    Parameters
    ----------
    outputs
        ``(n, n_classes)`` logits.
    is_signal
        ``(n_classes,)`` bool.
    """
    return np.round(_log_sum(outputs[:, is_signal]) - _log_sum(outputs[:, ~is_signal]), 9)


def _log_sum(logits: np.ndarray) -> np.ndarray:
    highest = logits.max(axis=1, keepdims=True)
    return highest[:, 0] + np.log(np.exp(logits - highest).sum(axis=1))


def signal_classes(info: DataInfo, options: Mapping[str, Any]) -> np.ndarray:
    """Return which classes are signal, (n_classes,) bool: those of the options, or the last one."""
    return np.isin(info.classes, options["signal"] or info.classes[-1:])


def class_separation(examples: Examples, number: int) -> Separation:
    """Return how one class is told from the rest."""
    is_class = np.arange(examples.info.n_outputs) == number
    return Separation(log_odds(examples.outputs, is_class), examples.targets == number)


def signal_separation(examples: Examples) -> Separation:
    """Return how the signal classes are told from the others."""
    is_signal = signal_classes(examples.info, examples.options)
    return Separation(log_odds(examples.outputs, is_signal), is_signal[examples.targets])


def _accuracy(examples: Examples) -> Callable[[Weights], dict[str, float]]:
    correct = examples.outputs.argmax(axis=1) == examples.targets
    return lambda weights: {"": float(weights[correct].sum() / weights.sum())}


def _accuracy_interval(examples: Examples) -> dict[str, tuple[float, float]]:
    correct = examples.outputs.argmax(axis=1) == examples.targets
    if examples.weights is None:
        return {"": wilson_interval(int(correct.sum()), len(examples))}
    n, weights = effective_number(examples.weights), examples.counting
    return {"": wilson_interval(n * min(1.0, weights[correct].sum() / weights.sum()), n)}


def _areas(examples: Examples) -> Callable[[Weights], dict[str, float]]:
    names = examples.info.classes
    # Each of two classes has the other's area.
    numbers = range(len(names)) if len(names) > 2 else [1]
    separations = {names[number]: class_separation(examples, number) for number in numbers}

    def values(weights: Weights) -> dict[str, float]:
        areas = {name: separation.area(weights) for name, separation in separations.items()}
        return {"": float(np.mean(list(areas.values()))), **(areas if len(areas) > 1 else {})}

    return values


def _rejection(examples: Examples) -> Callable[[Weights], dict[str, float]]:
    separation, efficiency = signal_separation(examples), examples.options["signal_efficiency"]
    return lambda weights: {"": separation.rejection(weights, efficiency)}


def count_confusion(examples: Examples) -> np.ndarray:
    """Count examples, or sum their weights, by true class (row) and the class that the network calls them."""
    weights = 1 if examples.weights is None else examples.weights
    counts = np.zeros((examples.info.n_outputs,) * 2, dtype=np.int64 if examples.weights is None else np.float64)
    np.add.at(counts, (examples.targets, examples.outputs.argmax(axis=1)), weights)
    return counts


def _draw_confusion(examples: Examples, model: str) -> "Figure":
    from snacpack.figures.confusion import JET_SYMBOLS, draw_confusion_matrix

    counts, info = count_confusion(examples), examples.info
    share = 100 * np.trace(counts) / counts.sum()
    title = f"{model}: {share:.2f}% of {len(examples):,} test {info.examples} correct"
    return draw_confusion_matrix(counts, info.classes, title, JET_SYMBOLS if info.examples == "jets" else None)


def _draw_roc(examples: Examples, model: str) -> "Figure":
    from snacpack.figures.roc import draw_roc_curves

    info, options, weights = examples.info, examples.options, examples.counting
    curves = {}
    for number in range(info.n_outputs) if info.n_outputs > 2 else [1]:
        separation = class_separation(examples, number)
        curves[info.classes[number]] = (*separation.curve(weights), separation.area(weights))
    is_signal = signal_classes(info, options)
    efficiency = options["signal_efficiency"]
    rejection = signal_separation(examples).rejection(weights, efficiency)
    names = [name for name, chosen in zip(info.classes, is_signal, strict=True) if chosen]
    return draw_roc_curves(curves, model, (" or ".join(names), efficiency, rejection))


def _check(info: DataInfo, options: Mapping[str, Any]) -> Iterator[str]:
    signal = [str(name) for name in options["signal"] or []]
    unknown = [name for name in signal if name not in info.classes]
    if unknown:
        yield f"task.options.signal: {unknown[0]!r} is no class of {info.name}; it has {', '.join(info.classes)}"
    elif len(signal) == info.n_outputs:
        yield "task.options.signal: all classes are signal; leave one or more for the background"


TASK = Task(
    name="classification",
    words="classification",
    targets=CLASSES,
    n_outputs=lambda info: len(info.classes),
    score="accuracy",
    score_words=("accuracy", "accuracies"),
    guess=lambda n_outputs: 1 / n_outputs,
    metrics=(
        Metric(
            "accuracy",
            "Accuracy",
            "share of the examples whose class the network tells, with Wilson's interval",
            _accuracy,
            unit="%",
            digits=2,
            interval=_accuracy_interval,
        ),
        Metric(
            "auc",
            "AUC",
            "area under the ROC curve of one class against the rest, or the mean over all classes",
            _areas,
        ),
        Metric(
            "background_rejection",
            "Background rejection",
            "one over the background's efficiency at a signal efficiency of {signal_efficiency}, at most the number of "
            "background examples",
            _rejection,
            digits=1,
        ),
    ),
    pictures=(
        Picture(
            "confusion",
            "Confusion matrices",
            "The matrices show the compressed networks on the test {examples}. A row is a true class and adds up to "
            "100%.",
            _draw_confusion,
        ),
        Picture(
            "roc",
            "ROC curves",
            "Each curve shows how one class is told from the rest: the share of the rest that a threshold lets pass "
            "against the share of the class. Curves that lie lower are better. The cross marks the table's background "
            "rejection.",
            _draw_roc,
        ),
    ),
    options=(
        Option(
            "signal",
            None,
            {
                "description": "a list of different classes, or null for the last one",
                "type": ["array", "null"],
                "minItems": 1,
                "uniqueItems": True,
                "items": {"description": "a name of a class", "type": "string"},
            },
            "classes that are signal for the background rejection; null is the last class",
        ),
        Option(
            "signal_efficiency",
            0.5,
            {
                "description": "a number between 0 and 1, both excluded",
                "type": "number",
                "exclusiveMinimum": 0,
                "exclusiveMaximum": 1,
            },
            "share of the signal that passes where the background rejection is measured",
        ),
    ),
    check=_check,
)

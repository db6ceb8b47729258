"""All tasks that a configuration can name: those of :mod:`snacpack.tasks.entries`, and those of plugins."""

from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any

import numpy as np

from snacpack.core.plugins import Registry
from snacpack.data.info import DataInfo
from snacpack.tasks.task import CLASSES, NUMBERS, RECONSTRUCTION, Examples, Task, Validation, measure

SCORES = {CLASSES: "accuracy", NUMBERS: "r2", RECONSTRUCTION: "r2"}
"""The score that the trainers tell of each kind of targets, the name of a metric."""

# The task of this process.
_current = ["classification"]


def _faults(task: Task) -> Iterator[str]:
    if task.score != SCORES[task.targets]:
        yield f"score is {task.score!r}; the trainers tell {SCORES[task.targets]!r} where targets are {task.targets}"


REGISTRY = Registry("tasks", Task, "snacpack.tasks.entries", _faults)
find_task = REGISTRY.find


def try_task(task: Task, info: DataInfo, options: Mapping[str, Any]) -> Iterator[str]:
    """Try a task on a few drawn examples of a data set: a fault would else show at the end of a run.

    Yields
    ------
    str
        A sentence for each fault, with its cure.
    """
    from snacpack.training.losses import Loss

    try:
        loss = Loss(**task.loss(options))
    except (TypeError, ValueError) as error:
        yield f"the loss of {task.name} is none: {error}; mend its function loss"
        return
    if loss.of_classes != (task.targets == CLASSES):
        yield f"the loss of {task.name} is for other targets than {task.targets}; choose a kind that fits"
    if task.score not in [metric.name for metric in task.metrics]:
        yield f"the score of {task.name} is {task.score}, which is none of its metrics; add it to them"
    random, n_outputs = np.random.default_rng(1), task.n_outputs(info)
    outputs = random.normal(size=(10 * max(2, n_outputs), n_outputs))
    classes = np.arange(len(outputs)) % max(1, len(info.classes))
    targets = random.normal(size=outputs.shape) if task.targets == NUMBERS else classes
    examples = Examples(outputs, targets, info, options, random.normal(size=(len(outputs), info.n_inputs)))
    for metric in task.metrics:
        try:
            rows = measure(replace(task, metrics=(metric,)), examples, 1)
            metric.note.format(**options)
        # A plugin's function may fail as it likes.
        except Exception as error:
            yield f"the metric {metric.name} of {task.name} fails with {type(error).__name__}: {error}; mend it"
            continue
        if not any(row["of"] == "" for row in rows):
            yield f"the metric {metric.name} of {task.name} has no value for all together; return one under the name ''"


def task_params(settings: Mapping[str, Any]) -> dict[str, Any]:
    """Return what decides a task's numbers, as a parameter of rules: its name and all options.

    Parameters
    ----------
    settings
        The configuration's section ``task``.
    """
    task = find_task(settings["name"])
    return {"name": task.name, "options": task.complete(settings["options"])}


def targets_of(config: Mapping[str, Any]) -> dict[str, Any]:
    """Return what the preparation of data needs to know of the task's targets, nothing where they are classes.

    Returns
    -------
    dict
        ``targets``, how numbers are normalised; ``background``, the option of this name, of a reconstruction.
    """
    task = find_task(config["task"]["name"])
    options = task.complete(config["task"]["options"])
    if task.targets == NUMBERS:
        return {"targets": options.get("normalisation", "standard")}
    return {"background": options.get("background")} if task.targets == RECONSTRUCTION else {}


def validation_of(
    params: Mapping[str, Any],
    info: DataInfo,
    targets: np.ndarray,
    inputs: np.ndarray | None = None,
    weights: np.ndarray | None = None,
) -> Validation:
    """Return what a job measures of the networks that it trains, from its parameters.

    Parameters
    ----------
    params
        The rule's parameters; ``validated`` holds the names of metrics and :func:`task_params`, and is None or
        missing where no metric is an objective.
    info, targets, inputs, weights
        The data set's description, and of its validation examples the targets, the inputs and the weights, if any.
    """
    validated = params.get("validated")
    if not validated:
        return Validation(current_task(), [], info, {}, targets)
    task = find_task(validated["task"]["name"])
    return Validation(task, validated["names"], info, validated["task"]["options"], targets, inputs, weights)


def use_task(name: str) -> None:
    """Make a task the one whose words this process uses for the score, see :func:`current_task`."""
    find_task(name)
    _current[0] = name


def current_task() -> Task:
    """Return the task of this process, classification unless :func:`use_task` says another."""
    return find_task(_current[0])


def score_word() -> str:
    """Return the word for the score of :func:`current_task`, such as ``accuracy``."""
    return current_task().score_words[0]


def titled(words: str) -> str:
    """Return words with a capital at their beginning, the others as they are."""
    return words[:1].upper() + words[1:]


def score_on_test(
    settings: Mapping[str, Any],
    outputs: np.ndarray,
    targets: np.ndarray,
    info: DataInfo,
    seed: int,
    inputs: np.ndarray | None = None,
    weights: np.ndarray | None = None,
) -> dict[str, Any]:
    """Return what records have of the score on test examples.

    Parameters
    ----------
    settings
        The configuration's section ``task``.
    outputs, targets, info, inputs, weights
        As :class:`snacpack.tasks.task.Examples` has them.
    seed
        Decides the draws behind an interval without a formula.

    Returns
    -------
    dict
        ``test_accuracy``, ``test_correct`` and ``n_test`` of classes; ``test_score`` with its 68.27% interval
        (``test_low`` and ``test_high``) and ``n_test`` of numbers, and of examples with weights. Examples of signals
        do not count.
    """
    task = REGISTRY.find(settings["name"])
    if task.targets == CLASSES and weights is None:
        correct = int((outputs.argmax(axis=1) == targets).sum())
        return {"test_accuracy": correct / len(targets), "test_correct": correct, "n_test": len(targets)}
    examples = Examples(outputs, targets, info, task.complete(settings["options"]), inputs, weights)
    score = replace(task, metrics=tuple(metric for metric in task.metrics if metric.name == task.score))
    (row, *_) = [row for row in measure(score, examples, seed) if not row["of"]]
    n_test = int(info.is_background[targets].sum()) if info.background else len(targets)
    return {"test_score": row["value"], "test_low": row["low"], "test_high": row["high"], "n_test": n_test}

"""All tasks that a configuration can name: those of :mod:`snacpack.tasks.entries`, and those of plugins."""

import importlib
import pkgutil
from collections.abc import Iterable, Iterator, Mapping
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np

from snacpack.data.info import DataInfo
from snacpack.inputs import CHANGED, file_digest, file_digests
from snacpack.plugins import PluginError, find_plugins, import_plugin, only_entry
from snacpack.tasks import entries as _built_in_files
from snacpack.tasks.task import CLASSES, NUMBERS, Examples, Task, Validation, measure

SCORES = {CLASSES: "accuracy", NUMBERS: "r2"}
"""The score that the trainers tell of each kind of targets, the name of a metric."""

# The task of this process.
_current = ["classification"]
# The plugins of this process, by the name of the task, each with its file.
_plugins: dict[str, tuple[Task, Path]] = {}


@cache
def _built_in() -> dict[str, Task]:
    found = {}
    for file in pkgutil.iter_modules(_built_in_files.__path__):
        module = importlib.import_module(f"{_built_in_files.__name__}.{file.name}")
        found[file.name] = only_entry(module, Path(module.__file__), Task)
    return found


def use_task_plugins(folders: Iterable[str | Path]) -> None:
    """Make this process know the tasks of plugins, and no longer those of an earlier call.

    Parameters
    ----------
    folders
        ``plugins`` of the configuration.

    Raises
    ------
    PluginError
        If a folder or a file cannot be used; all faults are named, and no plugin is known.
    """
    _plugins.clear()
    found: dict[str, tuple[Task, Path]] = {}
    problems = []
    for path in find_plugins(folders, "tasks"):
        try:
            task = only_entry(import_plugin(path), path, Task)
        except PluginError as error:
            problems += error.problems
            continue
        problems += [f"{path}: {problem}" for problem in _faults(task)]
        owner = "a task of the workflow" if task.name in _built_in() else found.get(task.name, (None, None))[1]
        if owner:
            problems.append(f"{path}: the name {task.name!r} is taken by {owner}; choose another")
        found.setdefault(task.name, (task, path))
    if problems:
        raise PluginError(problems)
    _plugins.update(found)


def _faults(task: Task) -> Iterator[str]:
    if task.score != SCORES[task.targets]:
        yield f"score is {task.score!r}; the trainers tell {SCORES[task.targets]!r} where targets are {task.targets}"


def known_tasks() -> dict[str, Task]:
    """Return all tasks by name, those of the workflow first."""
    return {**_built_in(), **{name: task for name, (task, _) in _plugins.items()}}


def find_task(name: str) -> Task:
    """Return a task by its name.

    Raises
    ------
    ValueError
        If there is no such task; the message lists all.
    """
    tasks = known_tasks()
    if name not in tasks:
        raise ValueError(f"task.name: {name!r} is unknown; there are {', '.join(tasks)}")
    return tasks[name]


def task_params(settings: Mapping[str, Any], trust: bool = False) -> dict[str, Any]:
    """Return what decides a task's numbers, as a parameter of rules: its name and all options, a plugin's digest.

    Parameters
    ----------
    settings
        The configuration's section ``task``.
    trust
        As :func:`snacpack.inputs.file_digests`: a job takes over what the process that started it has found.
    """
    task = find_task(settings["name"])
    params = {"name": task.name, "options": task.complete(settings["options"])}
    if task.name in _plugins:
        path = _plugins[task.name][1]
        params["digest"] = file_digests([path], trust)[path]
    return params


def task_of(params: Mapping[str, Any]) -> Task:
    """Return the task of :func:`task_params`.

    Raises
    ------
    PluginError
        If it is a plugin that changed since the run started.
    """
    if "digest" in params:
        there = _plugins.get(params["name"])
        if there is None or file_digest(there[1]) != params["digest"]:
            raise PluginError([f"the plugin {there[1] if there else params['name'] + '.py'} {CHANGED}"])
    return find_task(params["name"])


def validation_of(params: Mapping[str, Any], info: DataInfo, targets: np.ndarray) -> Validation:
    """Return what a job measures of the networks that it trains, from its parameters.

    Parameters
    ----------
    params
        Of the rule; ``validated`` holds the names of metrics and :func:`task_params`, and is not there where no metric
        is an objective.
    info, targets
        The data set's description, and the targets of its validation examples.
    """
    validated = params.get("validated", {"names": [], "task": {"name": next(iter(_built_in())), "options": {}}})
    task = task_of(validated["task"])
    return Validation(task, validated["names"], info, validated["task"]["options"], targets)


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
    settings: Mapping[str, Any], outputs: np.ndarray, targets: np.ndarray, info: DataInfo, seed: int
) -> dict[str, Any]:
    """Return what records have of the score on test examples.

    Parameters
    ----------
    settings
        The configuration's section ``task``.
    outputs, targets, info
        As :class:`snacpack.tasks.task.Examples` has them.
    seed
        Decides the draws behind an interval without a formula.

    Returns
    -------
    dict
        ``test_accuracy``, ``test_correct`` and ``n_test`` of classes; ``test_score`` with its 68.27% interval
        (``test_low`` and ``test_high``) and ``n_test`` of numbers.
    """
    task = find_task(settings["name"])
    if task.targets == CLASSES:
        correct = int((outputs.argmax(axis=1) == targets).sum())
        return {"test_accuracy": correct / len(targets), "test_correct": correct, "n_test": len(targets)}
    examples = Examples(outputs, targets, info, task.complete(settings["options"]))
    (row, *_) = [row for row in measure(task, examples, seed) if row["metric"] == task.score and not row["of"]]
    return {"test_score": row["value"], "test_low": row["low"], "test_high": row["high"], "n_test": len(targets)}

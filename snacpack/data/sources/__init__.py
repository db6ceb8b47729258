"""Data sources: each says before the first job which inputs and classes its data set will have."""

from collections.abc import Mapping
from typing import Any

from snacpack.data.info import DataInfo


def describe_source(config: Mapping[str, Any], trust: bool = False) -> DataInfo:
    """Describe the data set that a configuration asks for, before any job.

    Parameters
    ----------
    config
        A configuration whose sections are complete; ``data``, ``seed`` and ``task`` count.
    trust
        Whether files are taken to be what they were when the process that started this one looked at them.

    Raises
    ------
    ValueError
        If the user's files of ``data.source: arrays`` cannot be used; the message names file and key.
    """
    data = config["data"]
    if data["source"] == "arrays":
        from snacpack.data.sources.arrays import describe_arrays

        return describe_arrays({**data, **targets_of(config)}, config["seed"], trust)
    from snacpack.data.sources.jets import describe_jets

    return describe_jets(data)


def targets_of(config: Mapping[str, Any]) -> dict[str, str]:
    """Return how targets are normalised, under ``targets``, where the task takes numbers, and else nothing."""
    from snacpack.tasks.registry import find_task
    from snacpack.tasks.task import NUMBERS

    task = find_task(config["task"]["name"])
    if task.targets != NUMBERS:
        return {}
    return {"targets": task.complete(config["task"]["options"]).get("normalisation", "standard")}

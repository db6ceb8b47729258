"""Filling in what a configuration leaves out."""

from collections.abc import Mapping
from typing import Any


def complete_config(config: Mapping[str, Any]) -> dict[str, Any]:
    """Fill in what a checked configuration leaves out, so that each reader finds a complete record.

    Every job does this again, so it builds no more of the definitions than it needs: ``config/config.yaml`` has all
    keys but those of a reference and the options of the task.

    Parameters
    ----------
    config
        A configuration that :func:`snacpack.config.validate_config` accepts, laid over ``config/config.yaml``. It is
        not changed.

    Returns
    -------
    A copy in which every reference has all of its keys, the references that are null are left out, and the task has all
    of its options.
    """
    from snacpack.config.keys import fill
    from snacpack.config.references import Reference
    from snacpack.tasks.registry import find_task

    given, task = config["references"], config["task"]
    references = {name: fill(Reference, fields) for name, fields in given.items() if fields is not None}
    task = {**task, "options": find_task(task["name"]).complete(task["options"])}
    return {**config, "references": references, "task": task}


def fill_in(config: Mapping[str, Any]) -> dict[str, Any]:
    """Return a complete configuration, whether ``config/config.yaml`` is below the given one or not."""
    from snacpack.config.configuration import Configuration
    from snacpack.config.keys import fill

    return complete_config(fill(Configuration, config))

"""The configuration's section ``task``: what networks are trained for."""

from collections.abc import Iterable
from typing import Annotated, Any

from snacpack.config.keys import Entry, Says, Section, key
from snacpack.config.wording import listed


def _tasks() -> Iterable[str]:
    from snacpack.tasks.registry import REGISTRY

    return REGISTRY.known()


class Task(Section):
    """A task and its options."""

    name: Annotated[str, Entry(_tasks, lambda: listed(_tasks()))] = key(
        "classification",
        "purpose of the networks",
        "Each task is one file of `snacpack/tasks/entries/` or of a plugin, which says what targets it takes, the "
        "score that counts, and what is measured and drawn on test examples.",
    )
    options: Annotated[dict[str, Any], Says("a section with options of the task")] = key(
        {}, "options that differ from their defaults", "They are listed below."
    )

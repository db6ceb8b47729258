"""Data sources, each in the file of its name: an entry of ``data.source``."""

from collections.abc import Iterator, Mapping
from typing import Any

from snacpack.data.info import DataInfo
from snacpack.data.source import Source
from snacpack.plugins import Registry

REGISTRY = Registry("sources", Source, __name__)
find_source = REGISTRY.find


def describe_choices() -> str:
    """Return the values of ``data.source`` in words."""
    *sources, last = (f"{source.name} ({source.words})" for source in REGISTRY.known().values())
    return f"{', '.join(sources)} or {last}"


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
        If the user's files cannot be used; the message names file and key.
    """
    return find_source(config["data"]["source"]).describe(config, trust)


def source_faults(config: Mapping[str, Any]) -> Iterator[str]:
    """Yield a sentence with key and cure for each fault of the sources' settings that the schema cannot see."""
    data = config["data"]
    yield from find_source(data["source"]).faults(config)
    for source in REGISTRY.known().values():
        yield from source.settings_faults(data)

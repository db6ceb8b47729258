"""Data sources, each in the file of its name: an entry of ``data.source``."""

from collections.abc import Iterator, Mapping
from typing import Any

from snacpack.core.plugins import Registry
from snacpack.data.info import DataInfo
from snacpack.data.reading import describe_read, faults_of_read
from snacpack.data.source import Source


def _faults(source: Source) -> Iterator[str]:
    if source.read is None:
        yield "it has no function read, and the rules of a plugin's source are those for arrays; give it one"


REGISTRY = Registry("sources", Source, __name__, _faults)
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
    source = find_source(config["data"]["source"])
    if source.read is None:
        return source.describe(config, trust)
    return describe_read(source, config, REGISTRY.digest_of(source.name, trust), trust)


def source_faults(config: Mapping[str, Any]) -> Iterator[str]:
    """Yield a sentence with key and cure for each fault of the sources' settings that the schema cannot see."""
    data = config["data"]
    source = find_source(data["source"])
    yield from faults_of_read(source, config, REGISTRY.digest_of(source.name)) if source.read else source.faults(config)
    for source in REGISTRY.known().values():
        yield from source.settings_faults(data)

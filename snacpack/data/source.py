"""The description of a data source."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from snacpack.data.info import DataInfo
from snacpack.tasks.task import CLASSES, RECONSTRUCTION


def _no_faults(data: Mapping[str, Any]) -> Iterator[str]:
    return iter(())


@dataclass(frozen=True)
class Source:
    """A source of labelled examples: everything that the workflow knows of it before its rules run.

    The rules that make its data set stand in ``rules/source_{name}.smk``.

    Parameters
    ----------
    name
        The entry of ``data.source``, and the name of the file that holds it.
    words
        Its examples in a few words, such as ``jets simulated here``.
    data_set
        Name of the prepared data set in the run's folder ``data``, without ``.h5``.
    describe
        A function of the configuration, and of whether the user's files are taken to be what they were when the process
        that started this one looked at them, which returns the :class:`snacpack.data.info.DataInfo` of the data set. It
        raises a ValueError that names file and key if the user's files cannot be used.
    faults
        A function of a configuration with this source, which yields a sentence with key and cure for each fault that
        the schema cannot see.
    targets
        The kinds of targets that it can give, see :class:`snacpack.tasks.task.Task`.
    settings_faults
        The same of the section ``data`` alone, for faults that stand in it whatever source is chosen.
    """

    name: str
    words: str
    data_set: str
    describe: Callable[[Mapping[str, Any], bool], DataInfo]
    faults: Callable[[Mapping[str, Any]], Iterator[str]]
    targets: tuple[str, ...] = (CLASSES, RECONSTRUCTION)
    settings_faults: Callable[[Mapping[str, Any]], Iterator[str]] = _no_faults


def path_faults(key: str, paths: Iterable[Path]) -> Iterator[str]:
    """Yield a sentence for each of a key's paths that Snakemake would not take as it is."""
    for path in paths:
        if set(str(path)) & set("{}<>") or not str(path).isprintable():
            yield (
                f"{key}: {str(path)!r} holds one of {{ }} < >, which mean something to Snakemake, or a control "
                "character; rename it, or set a link to it"
            )

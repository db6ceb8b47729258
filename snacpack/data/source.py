"""The description of a data source, and the arrays that one of a user's own gives."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from snacpack.core.plugins import check_name
from snacpack.data.info import DataInfo
from snacpack.tasks.task import CLASSES, RECONSTRUCTION, Option


def _no_faults(data: Mapping[str, Any]) -> Iterator[str]:
    return iter(())


def _no_files(options: Mapping[str, Any]) -> Iterable[Path]:
    return ()


@dataclass(frozen=True)
class Arrays:
    """The labelled examples of a source, before they are checked, split and normalised.

    Parameters
    ----------
    inputs
        ``(n, ...)`` numbers, the features along the last axis.
    target
        ``(n,)`` classes as text or whole numbers, or ``(n,)`` or ``(n, n_outputs)`` numbers for a regression.
    feature_names
        Names along the last axis; None for numbers.
    classes
        Values of the target in the order of the outputs, or names of its classes 0, 1, ...; None takes all in order.
    split
        ``(n,)`` words ``train``, ``val`` and ``test``; None for the fractions of the configuration.
    group
        ``(n,)`` names or numbers, of which none stands in two splits; None for no groups.
    weights
        ``(n,)`` positive numbers; None where all examples count the same.
    allow_repeated
        Whether equal examples may stand in two splits.
    """

    inputs: np.ndarray
    target: np.ndarray
    feature_names: tuple[str, ...] | None = None
    classes: tuple[str, ...] | None = None
    split: np.ndarray | None = None
    group: np.ndarray | None = None
    weights: np.ndarray | None = None
    allow_repeated: bool = False


@dataclass(frozen=True)
class Source:
    """A source of labelled examples: everything that the workflow knows of it before its rules run.

    The rules that make its data set stand in ``rules/source_{name}.smk``. A source with ``read`` needs none of its own:
    it gives arrays, which are checked, split and normalised as those of a user's files.

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
    read
        A function of all options and of the run's seed that returns :class:`Arrays`, the same for the same options,
        files and seed. A source with it has neither ``describe`` nor ``faults``, and the data set ``dataset``.
    files
        A function of all options that returns the files which ``read`` reads: a change of one prepares the data again.
    options
        Keys of ``data.options``.

    Raises
    ------
    ValueError
        If a name is unfit or stands twice, or it is not one of ``read`` and ``describe`` that makes the data known.
    """

    name: str
    words: str
    data_set: str = "dataset"
    describe: Callable[[Mapping[str, Any], bool], DataInfo] | None = None
    faults: Callable[[Mapping[str, Any]], Iterator[str]] = _no_faults
    targets: tuple[str, ...] = (CLASSES, RECONSTRUCTION)
    settings_faults: Callable[[Mapping[str, Any]], Iterator[str]] = _no_faults
    read: Callable[[Mapping[str, Any], int], Arrays] | None = None
    files: Callable[[Mapping[str, Any]], Iterable[Path]] = _no_files
    options: tuple[Option, ...] = ()

    def __post_init__(self) -> None:
        for name in (self.name, *(option.name for option in self.options)):
            check_name(name)
        names = [option.name for option in self.options]
        if len(set(names)) < len(names):
            raise ValueError(f"options of {self.name} have a name twice: {', '.join(names)}; rename one")
        if (self.read is None) == (self.describe is None):
            raise ValueError(f"{self.name} has both of read and describe, or none; give it one of them")

    @property
    def rules(self) -> str:
        """The file of ``rules`` that makes its data set."""
        return f"source_{self.name}.smk" if self.read is None else "read_source.smk"

    def complete(self, options: Mapping[str, Any]) -> dict[str, Any]:
        """Return all options, with the defaults of those that are not given."""
        return {option.name: option.default for option in self.options} | dict(options)


def path_faults(key: str, paths: Iterable[Path]) -> Iterator[str]:
    """Yield a sentence for each of a key's paths that Snakemake would not take as it is."""
    for path in paths:
        if set(str(path)) & set("{}<>") or not str(path).isprintable():
            yield (
                f"{key}: {str(path)!r} holds one of {{ }} < >, which mean something to Snakemake, or a control "
                "character; rename it, or set a link to it"
            )

"""Searches as their rules know them: the space, the evaluation of trials, and the columns of their tables."""

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Generic, TypeVar

import numpy as np

from snacpack.core.files import contents_of, read_json
from snacpack.costs.registry import ARCHITECTURES, COMPRESSIONS
from snacpack.networks.architecture import Architecture
from snacpack.search.nsga2 import NSGA2
from snacpack.search.records import Record, trial_number

if TYPE_CHECKING:
    from snacpack.training.fit import Jets
    from snacpack.training.recipe import Machine, Recipe

Subject = TypeVar("Subject")

_MODULES = {ARCHITECTURES: "snacpack.problems.architectures", COMPRESSIONS: "snacpack.problems.compressions"}


@dataclass(frozen=True)
class Evaluation:
    """How a job evaluates its trials.

    Parameters
    ----------
    data_set
        The file of the prepared data.
    validated
        The rule's parameters that name what the task measures on validation examples, as
        :func:`snacpack.tasks.registry.validation_of` reads them.
    seed
        The run's seed.
    recipe, machine
        Length and loss of the trainings, and their processors.
    class_weights
        As :func:`snacpack.data.dataset.load_training` takes them.
    start
        The checkpoint that compressions start from.
    candidate
        The network that is compressed, by name.
    target
        ``part`` and ``clock_period_ns`` of the circuits that are estimated.
    on_result
        Called as soon as a trial is trained, with ``trial``, ``label``, ``accuracy`` and ``failure``.
    """

    data_set: str | Path
    validated: Any
    seed: int
    recipe: "Recipe"
    machine: "Machine"
    class_weights: str | Mapping[str, float] | None = None
    start: str | Path | None = None
    candidate: str | None = None
    target: Mapping[str, Any] | None = None
    on_result: Callable[[Record], object] = lambda record: None

    @cached_property
    def jets(self) -> "dict[str, Jets]":
        """Examples of ``train`` and ``val`` with the targets that networks are trained on."""
        from snacpack.data.dataset import load_training

        return load_training(self.data_set, self.class_weights)

    @cached_property
    def measured(self) -> tuple[np.ndarray, np.ndarray]:
        """All validation examples as the data set has them: the task measures signals, which no training sees."""
        from snacpack.data.dataset import load_dataset

        return load_dataset(self.data_set, ("val",))["val"]

    @cached_property
    def measured_weights(self) -> np.ndarray | None:
        """Weights of :attr:`measured`, (n,) float32, or None."""
        from snacpack.data.dataset import load_weights

        return load_weights(self.data_set, ("val",))["val"]

    def tell(self, trial: int, label: str, result: Any) -> None:
        """Say how the training of a trial ended."""
        self.on_result({"trial": trial, "label": label, "accuracy": result.accuracy, "failure": result.failure})

    def records(
        self,
        trials: Sequence[int],
        seeds: Sequence[int],
        results: Sequence[Any],
        outputs: Sequence[Callable[[], np.ndarray]],
    ) -> list[Record]:
        """Return the record of each trial from the result of its training, and what gives its validation outputs.

        Parameters
        ----------
        trials, seeds
            Numbers, and what each was trained with.
        results
            Have ``accuracy``, ``loss``, ``epochs``, ``seconds`` and ``failure``.
        outputs
            Return the network's outputs of the validation examples, ``(n, n_outputs)``; called where nothing failed.
        """
        from snacpack.data.dataset import read_info
        from snacpack.tasks.registry import validation_of

        x, y = self.measured
        validation = validation_of(self.validated, read_info(self.data_set), y, x, self.measured_weights)
        fields = ("accuracy", "loss", "epochs", "seconds", "failure")
        records = []
        for trial, seed, result, give in zip(trials, seeds, results, outputs, strict=True):
            record = {"trial": trial, "seed": seed, **{name: getattr(result, name) for name in fields}}
            if not result.failure:
                record |= validation.values(give)
            records.append(record)
        return records


class Problem(ABC, Generic[Subject]):
    """A search, whose genomes stand for subjects: architectures, or compressions of one network."""

    name: ClassVar[str]
    """:data:`ARCHITECTURES` or :data:`COMPRESSIONS`."""

    @staticmethod
    @abstractmethod
    def title(candidate: str | None) -> str:
        """Return what the terminal calls the search of a candidate's compressions, or that over architectures."""

    @staticmethod
    @abstractmethod
    def section(config: Mapping[str, Any]) -> Mapping[str, Any]:
        """Return the search's section of the configuration."""

    @staticmethod
    @abstractmethod
    def search(settings: Mapping[str, Any], seed: int, sizes: Mapping[str, int], network: Architecture | None) -> NSGA2:
        """Return the search.

        Parameters
        ----------
        settings
            The search's section of the configuration.
        seed
            The search's own seed.
        sizes
            :meth:`snacpack.tasks.task.Task.sizes` of the networks.
        network
            The network whose compressions are searched, None for a search over architectures.
        """

    @staticmethod
    @abstractmethod
    def subject(trial: Record) -> Subject:
        """Return what a trial of ``offspring.json`` stands for."""

    @staticmethod
    @abstractmethod
    def evaluate(trials: Sequence[tuple[int, Subject]], evaluation: Evaluation) -> list[Record]:
        """Train numbered subjects and return a record of each: its results, and its cost if that follows from them.

        A training that fails is recorded with its reason in ``failure``.
        """

    @staticmethod
    @abstractmethod
    def columns(subject: Subject) -> Record:
        """Return the columns of a table that describe a subject."""

    @staticmethod
    def remarks(subject: Subject, surrogate: Any) -> Record:
        """Return the columns that say how far estimates of a subject can be trusted, with what estimated it."""
        return {}

    @classmethod
    def read(cls, offspring: str | Path) -> list[tuple[int, Subject]]:
        """Return number and subject of each trial of an ``offspring.json``.

        Raises
        ------
        ValueError
            If the file is not what its rule writes; the message names it.
        """
        content = read_json(offspring)
        with contents_of(offspring):
            return [(trial_number(trial), cls.subject(trial)) for trial in content["trials"]]


def find_problem(name: str) -> type[Problem]:
    """Return the problem of a name; what only the other one needs is not imported."""
    return import_module(_MODULES[name]).PROBLEM

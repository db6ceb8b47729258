"""The search over architectures: each trial is a network that is trained from random weights."""

import json
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from snacpack.core.seeds import derive_seed
from snacpack.costs.registry import ARCHITECTURES
from snacpack.networks.architecture import Architecture
from snacpack.problems.problem import Evaluation, Problem
from snacpack.search.nsga2 import NSGA2, make_search
from snacpack.search.records import Record
from snacpack.search.space import SearchSpace

if TYPE_CHECKING:
    from snacpack.hardware.surrogate import Surrogate


def architecture_search(settings: Mapping[str, Any], sizes: Mapping[str, int], seed: int) -> NSGA2:
    """Return the search of the section ``search`` for networks of :meth:`snacpack.tasks.task.Task.sizes`."""
    return make_search(settings, SearchSpace.from_config(settings["space"], **sizes), seed)


def training_seed(seed: int, network: int | str) -> int:
    """Return the seed that a network is trained with: a trial by its number, a reference by its name.

    A chosen trial has its number, and is trained as the search trained it.
    """
    return derive_seed(seed, "train", network)


def architecture_of(row: Mapping[str, Any], sizes: Mapping[str, int]) -> Architecture:
    """Return the architecture of a row of ``trials.csv``, for networks of :meth:`snacpack.tasks.task.Task.sizes`."""
    return Architecture(
        units=[int(width) for width in str(row["units"]).split()],
        activation=row["activation"],
        batch_norm=bool(row["batch_norm"]),
        **{name: float(row[name]) for name in ("learning_rate", "l1", "dropout")},
        **sizes,
        **({"family": row["family"], "options": json.loads(row["options"])} if "family" in row else {}),
    )


class Architectures(Problem[Architecture]):
    """The search over architectures."""

    name = ARCHITECTURES

    @staticmethod
    def title(candidate: str | None) -> str:
        return "Search"

    @staticmethod
    def section(config: Mapping[str, Any]) -> Mapping[str, Any]:
        return config["search"]

    @staticmethod
    def search(settings: Mapping[str, Any], seed: int, sizes: Mapping[str, int], network: Architecture | None) -> NSGA2:
        return architecture_search(settings, sizes, seed)

    @staticmethod
    def subject(trial: Record) -> Architecture:
        return Architecture.from_dict(trial["architecture"])

    @staticmethod
    def evaluate(trials: Sequence[tuple[int, Architecture]], evaluation: Evaluation) -> list[Record]:
        from snacpack.training import Watch, predict, train

        numbers, architectures = zip(*trials, strict=True)
        seeds = [training_seed(evaluation.seed, number) for number in numbers]
        results = train(
            architectures,
            seeds,
            evaluation.jets["train"],
            evaluation.jets["val"],
            evaluation.recipe,
            evaluation.machine,
            Watch(
                lambda position, record: print(f"trial {numbers[position]}: {record}", flush=True),
                lambda position, result: evaluation.tell(numbers[position], architectures[position].label, result),
            ),
        )
        x_val, _ = evaluation.measured
        outputs = [lambda result=result: predict(result.network, x_val).numpy() for result in results]
        return evaluation.records(numbers, seeds, results, outputs)

    @staticmethod
    def columns(subject: Architecture) -> Record:
        chosen, fields = ("activation", "batch_norm", "learning_rate", "l1", "dropout"), subject.to_dict()
        return {
            "architecture": subject.label,
            "n_layers": len(subject.units),
            "units": " ".join(map(str, subject.units)),
            **{name: getattr(subject, name) for name in chosen},
            **({"family": subject.family, "options": json.dumps(fields["options"])} if "family" in fields else {}),
        }

    @staticmethod
    def remarks(subject: Architecture, surrogate: "Surrogate") -> Record:
        return {"extrapolated": surrogate.extrapolates(subject)}


PROBLEM = Architectures

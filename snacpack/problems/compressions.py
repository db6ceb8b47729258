"""The search over a network's compressions: each trial is a fine-tuning with bits and a sparsity of its own."""

from collections.abc import Mapping, Sequence
from typing import Any

import pandas as pd

from snacpack.costs.registry import COMPRESSIONS
from snacpack.networks.architecture import Architecture
from snacpack.networks.scheme import Compression, Precision
from snacpack.problems.problem import Evaluation, Problem
from snacpack.search.compression_space import CompressionSpace
from snacpack.search.nsga2 import NSGA2, make_search
from snacpack.search.records import Record

_BITS = ("weight_bits", "activation_bits")


def compression_search(settings: Mapping[str, Any], architecture: Architecture, seed: int) -> NSGA2:
    """Return the search of the configuration's section ``compression.search`` for a network."""
    space = CompressionSpace.from_config(settings["space"], len(architecture.graph.matrices))
    return make_search(settings, space, seed)


def compressions_of(table: pd.DataFrame, trials: Sequence[int]) -> list[Compression]:
    """Return what rows of ``trials.csv`` stand for, in the order of the trials' numbers given."""
    rows = table.set_index("trial").loc[list(trials)].to_dict("records")
    bits = [[[int(word) for word in str(row[name]).split()] for name in _BITS] for row in rows]
    return [
        Compression(Precision(*layers, int(row["input_bits"])), float(row["sparsity"]))
        for row, layers in zip(rows, bits, strict=True)
    ]


class Compressions(Problem[Compression]):
    """The search over the compressions of one network. A trial's cost follows from its weights."""

    name = COMPRESSIONS

    @staticmethod
    def title(candidate: str | None) -> str:
        return f"Compression of {candidate}"

    @staticmethod
    def section(config: Mapping[str, Any]) -> Mapping[str, Any]:
        return config["compression"]["search"]

    @staticmethod
    def search(settings: Mapping[str, Any], seed: int, sizes: Mapping[str, int], network: Architecture | None) -> NSGA2:
        return compression_search(settings, network, seed)

    @staticmethod
    def subject(trial: Record) -> Compression:
        return Compression.from_dict(trial)

    @staticmethod
    def evaluate(trials: Sequence[tuple[int, Compression]], evaluation: Evaluation) -> list[Record]:
        from snacpack.compression.checkpoint import Checkpoint
        from snacpack.compression.trials import circuit_costs, compress, trial_seed
        from snacpack.training.recipe import Watch

        numbers, compressions = zip(*trials, strict=True)
        compressed = compress(
            Checkpoint.load(evaluation.start),
            compressions,
            [trial_seed(evaluation.seed, evaluation.candidate, number) for number in numbers],
            evaluation.jets,
            evaluation.recipe,
            evaluation.machine,
            Watch(
                on_result=lambda position, result: evaluation.tell(
                    numbers[position], str(compressions[position].precision), result
                )
            ),
        )
        costs = circuit_costs(compressed, **evaluation.target, threads=evaluation.machine.threads)
        x_val, _ = evaluation.measured
        outputs = [lambda entry=entry: entry.fixed_point.outputs(x_val) for entry in compressed]
        results = [entry.result for entry in compressed]
        records = evaluation.records(numbers, [entry.seed for entry in compressed], results, outputs)
        return [{**record, **cost} for record, cost in zip(records, costs, strict=True)]

    @staticmethod
    def columns(subject: Compression) -> Record:
        precision = subject.precision
        return {
            **{name: " ".join(map(str, getattr(precision, name))) for name in _BITS},
            "input_bits": precision.input_bits,
            "sparsity": subject.sparsity,
        }


PROBLEM = Compressions

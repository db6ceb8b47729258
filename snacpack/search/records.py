"""The files of a search: proposals, trials, estimates, and the table of them all."""

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from snacpack.architecture import Architecture
from snacpack.compression.scheme import CIRCUIT_COSTS, Compression, Precision
from snacpack.files import read_json
from snacpack.search.nsga2 import Space
from snacpack.search.objectives import objective_values
from snacpack.search.pareto import non_dominated
from snacpack.search.space import Genome
from snacpack.seeds import derive_seed

Record = dict[str, Any]
_BITS = ("weight_bits", "activation_bits")
ESTIMATES = ("macs", "bops", "bram", "dsp", "ff", "lut", "average_resources", "clock_cycles")


def proposals(genomes: Sequence[Genome], space: Space, generation: int) -> Record:
    """Return the content of ``offspring.json``: numbered genomes with what they stand for."""
    first = generation * len(genomes)
    trials = [
        {"trial": first + i, "genome": list(genome), **space.describe(genome)} for i, genome in enumerate(genomes)
    ]
    return {"generation": generation, "trials": trials}


def read_proposals(path: str | Path) -> list[tuple[int, Architecture]]:
    """Return number and architecture of each trial of an ``offspring.json``."""
    return [(trial["trial"], Architecture.from_dict(trial["architecture"])) for trial in read_json(path)["trials"]]


def read_compressions(path: str | Path) -> list[tuple[int, Compression]]:
    """Return number and compression of each trial of an ``offspring.json`` of a compression search."""
    return [(trial["trial"], Compression.from_dict(trial)) for trial in read_json(path)["trials"]]


def training_seed(seed: int, name: str | int) -> int:
    """Return the seed that a network is trained with: a trial by its number, a reference by its name.

    A candidate called ``snac-0012`` is trial 12 and is trained exactly as the search trained it.
    """
    prefix, _, number = str(name).rpartition("-")
    trial = int(number) if prefix in ("", "snac", "nac") and number.isdigit() else name
    return derive_seed(seed, "train", trial)


def join_trials(offspring: str | Path, trials: Iterable[str | Path], estimates: Iterable[str | Path]) -> list[Record]:
    """Join a generation's files into one record per trial, in the order of the proposals.

    Raises
    ------
    ValueError
        If a trial was proposed and not trained or not estimated.
    """
    proposed = read_json(offspring)
    parts = [record for path in trials for record in read_json(path)]
    # Without wall times: the same results give the same survivors, byte for byte.
    trained = {record["trial"]: {name: record[name] for name in record if name != "seconds"} for record in parts}
    estimated = {record["trial"]: record for path in estimates for record in read_json(path)}
    missing = [
        trial["trial"] for trial in proposed["trials"] if trial["trial"] not in trained.keys() & estimated.keys()
    ]
    if missing:
        raise ValueError(f"{offspring}: trials {missing} were not trained or not estimated; delete the folder's files")
    return [
        {**trial, **trained[trial["trial"]], **estimated[trial["trial"]], "generation": proposed["generation"]}
        for trial in proposed["trials"]
    ]


def join_generations(
    offspring: Sequence[str | Path], trials: Sequence[str | Path], estimates: Sequence[str | Path]
) -> list[Record]:
    """Join the files of generations as :func:`join_trials` does, each with as many files of trials and estimates."""

    def of_generations(paths: Sequence[str | Path]) -> list[Sequence[str | Path]]:
        count = len(paths) // len(offspring)
        return [paths[i * count : (i + 1) * count] for i in range(len(offspring))]

    files = zip(offspring, of_generations(trials), of_generations(estimates), strict=True)
    return [record for generation in files for record in join_trials(*generation)]


def best_trials(trials: Sequence[Record], objectives: Sequence[str]) -> list[Record]:
    """Return the trials that no other dominates, and the most accurate one whatever the objectives."""
    succeeded = [trial for trial in trials if not trial["failure"]]
    if not succeeded:
        return []
    front = non_dominated(objective_values(succeeded, objectives))
    best = max(trial["accuracy"] for trial in succeeded)
    return [trial for trial, kept in zip(succeeded, front, strict=True) if kept or trial["accuracy"] == best]


def trials_table(records: Sequence[Mapping[str, Any]], objectives: Sequence[str]) -> pd.DataFrame:
    """Return one row per trial; ``pareto`` marks the front of all trials in the run's objectives.

    Wall times are left out: two runs with the same seed give the same table.
    """
    rows = []
    for record in sorted(records, key=lambda record: record["trial"]):
        architecture = Architecture.from_dict(record["architecture"])
        fields = {name: getattr(architecture, name) for name in ("activation", "batch_norm")}
        fields |= {name: getattr(architecture, name) for name in ("learning_rate", "l1", "dropout")}
        rows.append(
            {
                "trial": record["trial"],
                "generation": record["generation"],
                "architecture": architecture.label,
                "n_layers": len(architecture.units),
                "units": " ".join(map(str, architecture.units)),
                **fields,
                "genome": " ".join(map(str, record["genome"])),
                **{name: record[name] for name in ("accuracy", "loss", "epochs", "seed", "failure")},
                **{name: record[name] for name in (*ESTIMATES, "initiation_interval") if name in record},
            }
        )
    return _with_front(pd.DataFrame(rows), objectives)


def _with_front(table: pd.DataFrame, objectives: Sequence[str]) -> pd.DataFrame:
    table["pareto"] = False
    succeeded = table["failure"].isna()
    table.loc[succeeded, "pareto"] = _front(table[succeeded], objectives)
    return table


def compressions_table(records: Sequence[Mapping[str, Any]], objectives: Sequence[str]) -> pd.DataFrame:
    """Return one row per trial of a compression search; ``pareto`` marks the front of all in its objectives."""
    rows = []
    for record in sorted(records, key=lambda record: record["trial"]):
        precision = Compression.from_dict(record).precision
        rows.append(
            {
                "trial": record["trial"],
                "generation": record["generation"],
                "weight_bits": " ".join(map(str, precision.weight_bits)),
                "activation_bits": " ".join(map(str, precision.activation_bits)),
                "input_bits": precision.input_bits,
                "sparsity": record["sparsity"],
                "genome": " ".join(map(str, record["genome"])),
                **{name: record[name] for name in ("accuracy", "loss", "epochs", "seed", "failure")},
                **{name: record.get(name) for name in CIRCUIT_COSTS},
            }
        )
    return _with_front(pd.DataFrame(rows), objectives)


def architecture_of(row: Mapping[str, Any]) -> Architecture:
    """Return the architecture of a row of :func:`trials_table`."""
    n_inputs, *units, n_outputs = map(int, row["architecture"].split("-"))
    return Architecture(
        units=units,
        activation=row["activation"],
        batch_norm=bool(row["batch_norm"]),
        **{name: float(row[name]) for name in ("learning_rate", "l1", "dropout")},
        n_inputs=n_inputs,
        n_outputs=n_outputs,
    )


def compressions_of(table: pd.DataFrame, trials: Sequence[int]) -> list[Compression]:
    """Return what trials of :func:`compressions_table` stand for, in the order of their numbers given."""
    rows = table.set_index("trial").loc[list(trials)].to_dict("records")
    bits = [[[int(word) for word in str(row[name]).split()] for name in _BITS] for row in rows]
    return [
        Compression(Precision(*layers, int(row["input_bits"])), float(row["sparsity"]))
        for row, layers in zip(rows, bits, strict=True)
    ]


def _front(table: pd.DataFrame, objectives: Sequence[str]) -> np.ndarray:
    return non_dominated(objective_values(table.to_dict("records"), objectives)) if len(table) else np.array([], bool)

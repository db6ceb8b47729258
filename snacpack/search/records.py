"""The files of a search: proposals, trials, estimates, and the table of them all."""

import json
from collections.abc import Iterable, Mapping, Sequence
from math import prod
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from snacpack.architecture import DENSE, Architecture
from snacpack.compression.scheme import Compression, Precision
from snacpack.costs.registry import ARCHITECTURES, COMPRESSIONS, costs_of, validated
from snacpack.files import contents_of, read_json
from snacpack.hardware.surrogate import Surrogate
from snacpack.search.nsga2 import Space
from snacpack.search.objectives import check_objectives, objective_values
from snacpack.search.pareto import non_dominated
from snacpack.search.space import Genome
from snacpack.seeds import derive_seed

Record = dict[str, Any]
_BITS = ("weight_bits", "activation_bits")


def proposals(genomes: Sequence[Genome], space: Space, generation: int) -> Record:
    """Return the content of ``offspring.json``: numbered genomes with what they stand for."""
    first = generation * len(genomes)
    trials = [
        {"trial": first + i, "genome": list(genome), **space.describe(genome)} for i, genome in enumerate(genomes)
    ]
    return {"generation": generation, "trials": trials}


def read_proposals(path: str | Path) -> list[tuple[int, Architecture]]:
    """Return number and architecture of each trial of an ``offspring.json``."""
    content = read_json(path)
    with contents_of(path):
        return [(_number(trial), Architecture.from_dict(trial["architecture"])) for trial in content["trials"]]


def read_compressions(path: str | Path) -> list[tuple[int, Compression]]:
    """Return number and compression of each trial of an ``offspring.json`` of a compression search."""
    content = read_json(path)
    with contents_of(path):
        return [(_number(trial), Compression.from_dict(trial)) for trial in content["trials"]]


def _number(trial: Mapping[str, Any]) -> int:
    if not isinstance(trial["trial"], int) or trial["trial"] < 0:
        raise ValueError(f"{trial['trial']!r} is no trial's number")
    return trial["trial"]


def read_genomes(paths: Iterable[str | Path], space: Space) -> list[Genome]:
    """Return the genomes of the trials of files ``offspring.json``.

    Raises
    ------
    ValueError
        If a genome is none of the space; the message names its file.
    """
    return [genome for path in paths for genome in _genomes(path, read_json(path), "trials", space)]


def read_survivors(path: str | Path) -> Record:
    """Return the content of a ``survivors.json``: ``generation``, ``objectives``, ``survivors`` and ``best``.

    Raises
    ------
    ValueError
        If something is missing; the message names the file.
    """
    content = read_json(path)
    with contents_of(path):
        check_objectives(content["objectives"])
        if not content["survivors"]:
            raise ValueError("it has no survivors")
        for trial in [*content["survivors"], *content["best"]]:
            objective_values([trial] * (not trial["failure"]), content["objectives"])
    return content


def check_survivors(path: str | Path, content: Record, space: Space) -> None:
    """Raise ValueError, naming the file, unless the survivors that were read from it are of the space."""
    for kind in ("survivors", "best"):
        _genomes(path, content, kind, space)


def _genomes(path: str | Path, content: Record, kind: str, space: Space) -> list[Genome]:
    counts = space.option_counts
    genomes = []
    with contents_of(path):
        for trial in content[kind]:
            genome = tuple(trial["genome"])
            # A comparison of kinds too: 1.0 is in a range, and no index.
            sound = all(type(gene) is int and 0 <= gene < count for gene, count in zip(genome, counts, strict=False))
            if len(genome) != len(counts) or not sound:
                raise ValueError(f"the genome {list(genome)} of trial {trial['trial']} is not in the search space")
            genomes.append(genome)
    return genomes


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
    trained, estimated = _by_trial(trials, ("accuracy", "failure")), _by_trial(estimates)
    # Without wall times: the same results give the same survivors, byte for byte.
    trained = {number: {k: v for k, v in record.items() if k != "seconds"} for number, record in trained.items()}
    with contents_of(offspring):
        generation, numbers = proposed["generation"], [_number(trial) for trial in proposed["trials"]]
    missing = [number for number in numbers if number not in trained.keys() & estimated.keys()]
    if missing:
        raise ValueError(f"{offspring}: trials {missing} were not trained or not estimated; delete the folder's files")
    return [
        {**trial, **trained[number], **estimated[number], "generation": generation}
        for number, trial in zip(numbers, proposed["trials"], strict=True)
    ]


def _by_trial(paths: Iterable[str | Path], required: Iterable[str] = ()) -> dict[int, Record]:
    records = {}
    for path in paths:
        content = read_json(path)
        with contents_of(path):
            for record in content:
                records[_number(record)] = {**{name: record[name] for name in required}, **record}
    return records


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


def trials_table(records: Sequence[Mapping[str, Any]], objectives: Sequence[str], surrogate: Surrogate) -> pd.DataFrame:
    """Return one row per trial.

    ``pareto`` marks the front of all trials in the run's objectives, and ``extrapolated`` the trials that the surrogate
    estimates outside of what it was trained on.

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
                **{name: record[name] for name in costs_of(ARCHITECTURES) if name in record},
                **{name: record.get(name) for name in validated(ARCHITECTURES, objectives)},
            }
        )
    table = _with_front(pd.DataFrame(rows), objectives)
    architectures = [Architecture.from_dict(r["architecture"]) for r in sorted(records, key=lambda r: r["trial"])]
    table["extrapolated"] = [surrogate.extrapolates(architecture) for architecture in architectures]
    if any(architecture.family != DENSE for architecture in architectures):
        table["family"] = [architecture.family for architecture in architectures]
        table["options"] = [json.dumps(architecture.to_dict()["options"]) for architecture in architectures]
    return _with_appended_last(table, ARCHITECTURES, objectives)


def _with_appended_last(table: pd.DataFrame, search: str, objectives: Sequence[str]) -> pd.DataFrame:
    """Move what has no place among the columns behind all others, where it displaces none."""
    appended = [name for name in (*costs_of(search, appended=True), *validated(search, objectives)) if name in table]
    return table[[*(name for name in table if name not in appended), *appended]]


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
                **{name: record.get(name) for name in (*costs_of(COMPRESSIONS), *validated(COMPRESSIONS, objectives))},
            }
        )
    return _with_appended_last(_with_front(pd.DataFrame(rows), objectives), COMPRESSIONS, objectives)


def architecture_of(row: Mapping[str, Any]) -> Architecture:
    """Return the architecture of a row of :func:`trials_table`."""
    # The label of another family begins with a shape, such as 8x3.
    inputs, *_, n_outputs = row["architecture"].split("-")
    options = row.get("options")
    return Architecture(
        units=[int(width) for width in str(row["units"]).split()],
        activation=row["activation"],
        batch_norm=bool(row["batch_norm"]),
        **{name: float(row[name]) for name in ("learning_rate", "l1", "dropout")},
        n_inputs=prod(map(int, inputs.split("x"))),
        n_outputs=int(n_outputs),
        **({"family": row["family"], "options": json.loads(options)} if isinstance(options, str) else {}),
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

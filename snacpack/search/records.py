"""The files of a search: proposals, trials, estimates, and the table of them all."""

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from snacpack.core.files import contents_of, read_json
from snacpack.costs.registry import costs_of, validated
from snacpack.search.nsga2 import Space
from snacpack.search.objectives import check_objectives, objective_values
from snacpack.search.pareto import non_dominated
from snacpack.search.space import Genome

if TYPE_CHECKING:
    from snacpack.hardware.surrogate import Surrogate
    from snacpack.problems.problem import Problem

Record = dict[str, Any]


def proposals(genomes: Sequence[Genome], space: Space, generation: int) -> Record:
    """Return the content of ``offspring.json``: numbered genomes with what they stand for."""
    first = generation * len(genomes)
    trials = [
        {"trial": first + i, "genome": list(genome), **space.describe(genome)} for i, genome in enumerate(genomes)
    ]
    return {"generation": generation, "trials": trials}


def trial_number(trial: Mapping[str, Any]) -> int:
    """Return the number of a trial's record.

    Raises
    ------
    ValueError
        If it is no number of a trial.
    """
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


def join_trials(
    offspring: str | Path, trials: Iterable[str | Path], estimates: Sequence[str | Path] = ()
) -> list[Record]:
    """Join a generation's files into one record per trial, in the order of the proposals.

    Parameters
    ----------
    offspring
        The proposals.
    trials
        The shards' results.
    estimates
        Files with the cost of the trials; none where their results have it.

    Raises
    ------
    ValueError
        If a trial was proposed and not trained or not estimated.
    """
    proposed = read_json(offspring)
    files = [_by_trial(trials, ("accuracy", "failure")), *([_by_trial(estimates)] if estimates else [])]
    with contents_of(offspring):
        generation, numbers = proposed["generation"], [trial_number(trial) for trial in proposed["trials"]]
    missing = [number for number in numbers if not all(number in records for records in files)]
    if missing:
        raise ValueError(f"{offspring}: trials {missing} were not trained or not estimated; delete the folder's files")
    joined = []
    for number, trial in zip(numbers, proposed["trials"], strict=True):
        record = dict(trial)
        for records in files:
            record |= records[number]
        # Without wall times: the same results give the same survivors, byte for byte.
        record.pop("seconds", None)
        joined.append({**record, "generation": generation})
    return joined


def _by_trial(paths: Iterable[str | Path], required: Iterable[str] = ()) -> dict[int, Record]:
    records = {}
    for path in paths:
        content = read_json(path)
        with contents_of(path):
            for record in content:
                records[trial_number(record)] = {**{name: record[name] for name in required}, **record}
    return records


def join_generations(
    offspring: Sequence[str | Path], trials: Sequence[str | Path], estimates: Sequence[str | Path] = ()
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


def trials_table(
    problem: "type[Problem]", records: Sequence[Record], objectives: Sequence[str], surrogate: "Surrogate | None" = None
) -> pd.DataFrame:
    """Return one row per trial; ``pareto`` marks the front of all trials in the search's objectives.

    Wall times are left out: two runs with the same seed give the same table.

    Parameters
    ----------
    problem
        The problem that is searched, which describes what a trial stands for.
    records
        Trials as :func:`join_generations` returns them.
    objectives
        Names of objectives.
    surrogate
        The surrogate that estimated the trials; None where their cost follows from themselves.
    """
    records = sorted(records, key=lambda record: record["trial"])
    subjects = [problem.subject(record) for record in records]
    measured = validated(problem.name, objectives)
    # A surrogate need not estimate everything; what follows from the trials has a column even where all of them failed.
    known = [name for name in costs_of(problem.name) if any(name in record for record in records)]
    costs = costs_of(problem.name) if surrogate is None else known
    rows = [
        {
            **{name: record[name] for name in ("trial", "generation")},
            **problem.columns(subject),
            "genome": " ".join(map(str, record["genome"])),
            **{name: record[name] for name in ("accuracy", "loss", "epochs", "seed", "failure")},
            **{name: record.get(name) for name in (*costs, *measured)},
        }
        for record, subject in zip(records, subjects, strict=True)
    ]
    table = pd.DataFrame(rows)
    table["pareto"] = False
    succeeded = table["failure"].isna()
    table.loc[succeeded, "pareto"] = _front(table[succeeded], objectives)
    remarks = pd.DataFrame([problem.remarks(subject, surrogate) for subject in subjects], index=table.index)
    table = pd.concat([table, remarks], axis=1)
    # Columns without a place among the others stand behind them.
    appended = [name for name in (*costs_of(problem.name, appended=True), *measured) if name in table]
    return table[[*(name for name in table if name not in appended), *appended]]


def _front(table: pd.DataFrame, objectives: Sequence[str]) -> np.ndarray:
    return non_dominated(objective_values(table.to_dict("records"), objectives)) if len(table) else np.array([], bool)

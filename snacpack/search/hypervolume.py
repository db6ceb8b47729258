"""How good a search is, in one number: the hypervolume, on a scale that is fixed before the search.

References
----------
E. Zitzler, L. Thiele, "Multiobjective evolutionary algorithms: a comparative case study and
the Strength Pareto approach", IEEE Trans. Evol. Comput. 3 (1999) 257.
M. Lopez-Ibanez et al., moocore, https://multi-objective.github.io/moocore.
"""

from collections.abc import Mapping, Sequence
from random import Random
from typing import Any

import numpy as np

from snacpack.core.seeds import derive_seed
from snacpack.costs.objective import MAXIMISED
from snacpack.costs.registry import ARCHITECTURES, costs_of, find_objective
from snacpack.networks.architecture import Architecture
from snacpack.search.objectives import objective_values
from snacpack.search.space import SearchSpace
from snacpack.tasks.registry import current_task

N_SAMPLED = 100
"""Networks that are drawn at random, beside the largest, to find the highest costs of a space."""

DIGITS = 6
"""Decimals that a hypervolume is given with."""

Limits = Mapping[str, Mapping[str, float]]


def limiting_architectures(space: SearchSpace) -> list[Architecture]:
    """Return networks of a space that show what its networks cost at most.

    They are the largest network with every activation, with and without batch norm, and
    :data:`N_SAMPLED` drawn at random: a surrogate need not find the largest the dearest. The same
    space gives the same networks, whatever the run and its seed.
    """
    random = Random(derive_seed(0, "limiting_architectures"))
    genomes = {*space.largest(), *(space.sample(random) for _ in range(N_SAMPLED))}
    return [space.decode(genome) for genome in sorted(genomes)]


def search_limits(space: SearchSpace, costs: Sequence[Mapping[str, float]]) -> dict[str, dict[str, float]]:
    """Return what :func:`hypervolume` measures against: ``lowest`` and ``highest`` of every objective.

    Parameters
    ----------
    space
        Its number of outputs sets the lowest score, that of a guess; the highest is 1.
    costs
        A record of cost objectives for each of :func:`limiting_architectures`.
    """
    limits = {
        name: {"lowest": min(record[name] for record in costs), "highest": max(record[name] for record in costs)}
        for name in costs_of(ARCHITECTURES)
        if name in costs[0]
    }
    return {"accuracy": {"lowest": current_task().guess(space.n_outputs), "highest": 1.0}, **limits}


def hypervolume(trials: Sequence[Mapping[str, Any]], objectives: Sequence[str], limits: Limits) -> float:
    """Return the share of all thinkable results that at least one trial equals or beats.

    Thinkable are results between the worst of the space and the ideal: accuracies between a guess and 1, and costs
    between the highest and the objective's ``ideal``, or the best of the space where it has none. Each of these ranges
    has length 1, so that the share is between 0 and 1.

    Parameters
    ----------
    trials
        Records with ``failure`` and the objectives, dominated ones or not. One that failed, or
        is beyond a limit, adds nothing.
    objectives
        Names of objectives. One in which the networks of the space do not differ is left out.
    limits
        Result of :func:`search_limits`. An objective that it lacks lies between its own ``worst`` and ``ideal``.
    """
    import moocore

    limits = {**limits, **{name: _declared(name) for name in objectives if name not in limits}}

    used = [name for name in objectives if limits[name]["highest"] > limits[name]["lowest"]]
    succeeded = [trial for trial in trials if not trial["failure"]]
    if not used or not succeeded:
        return 0.0
    ends = {name: _worst_and_ideal(name, limits[name]) for name in used}
    corner, ideal = objective_values([{name: ends[name][i] for name in used} for i in (0, 1)], used)
    # 0 is ideal and 1 the limit; an estimate below zero is no better than none.
    points = np.maximum((objective_values(succeeded, used) - ideal) / (corner - ideal), 0)
    return round(float(moocore.hypervolume(points, ref=np.ones(len(used)))), DIGITS)


def _declared(name: str) -> dict[str, float]:
    objective = find_objective(name)
    lowest, highest = sorted((objective.worst, objective.ideal))
    return {"lowest": lowest, "highest": highest}


def _worst_and_ideal(name: str, limits: Mapping[str, float]) -> tuple[float, float]:
    """Return the ends of an objective's range; the ideal is the space's best where none is declared or beyond it."""
    objective = find_objective(name)
    worst, best = limits["lowest"], limits["highest"]
    if objective.direction != MAXIMISED:
        worst, best = best, worst
    ideal = objective.ideal
    if ideal is None or objective.direction * (ideal - worst) <= 0:
        return worst, best
    return worst, ideal


def reached(trials: Sequence[Mapping[str, Any]], objectives: Sequence[str], limits: Limits) -> dict[str, Any]:
    """Return ``best_accuracy`` of all trials, None where every one failed, and their ``hypervolume``."""
    accuracies = [trial["accuracy"] for trial in trials if not trial["failure"]]
    return {
        "best_accuracy": max(accuracies, default=None),
        "hypervolume": hypervolume(trials, objectives, limits),
    }


def reached_by_generation(
    trials: Sequence[Mapping[str, Any]], objectives: Sequence[str], limits: Limits
) -> list[dict[str, Any]]:
    """Return for each generation what the trials until then reached.

    Parameters
    ----------
    trials
        All trials, with ``generation`` beside what :func:`hypervolume` needs.
    objectives, limits
        As for :func:`hypervolume`.

    Returns
    -------
    Records of ``generation``, ``trials`` (how many until then), and those of :func:`reached`.
    """
    records = []
    for generation in sorted({trial["generation"] for trial in trials}):
        so_far = [trial for trial in trials if trial["generation"] <= generation]
        records.append({"generation": generation, "trials": len(so_far), **reached(so_far, objectives, limits)})
    return records

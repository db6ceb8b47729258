"""Which networks of a search go on to compression and synthesis."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd

from snacpack.costs.objective import MINIMISED
from snacpack.costs.registry import NAC_OBJECTIVES, find_objective
from snacpack.search.objectives import objective_values
from snacpack.tasks.registry import score_word

RULE = (
    "The choice considers the Pareto-optimal networks with the required validation {score}. It takes the most "
    "accurate "
    "one, then the best one for each other objective in the order of the configuration, and then, up to the number of "
    "candidates, the one farthest from its nearest chosen network, with distances in the objectives scaled to their "
    "range on the front. If none is accurate enough, it takes the most accurate networks of the front."
)


def candidate_name(objectives: Sequence[str], trial: int) -> str:
    """Return the readable name of a chosen trial: ``nac-0012`` for NAC's objectives, else ``snac-0012``."""
    return f"{'nac' if set(objectives) == NAC_OBJECTIVES else 'snac'}-{trial:04d}"


def required_accuracy(wanted: float | str, reference: Mapping[str, Any] | None) -> float:
    """Return a ``min_score`` of the config as a fraction: itself, or what the reference of that name reached."""
    return wanted if reference is None else reference["validation_accuracy"]


def select_candidates(
    pareto: pd.DataFrame, objectives: Sequence[str], min_accuracy: float, max_candidates: int
) -> dict[str, Any]:
    """Apply :data:`RULE` to the Pareto-optimal trials.

    Returns
    -------
    ``n_pareto``, ``n_qualified``, ``fallback`` (whether none was accurate enough), ``rule`` and
    ``candidates``: name, trial, accuracy and why it was chosen; none where every trial failed.
    """
    ranked = pareto.sort_values(["accuracy", "trial"], ascending=[False, True]).reset_index(drop=True)
    qualified = ranked[ranked["accuracy"] >= min_accuracy]
    if qualified.empty:
        chosen = [
            (i, f"among the most accurate, because none reached the required {score_word()}")
            for i in range(len(ranked))
        ]
        chosen, pool = chosen[:max_candidates], ranked
    else:
        chosen, pool = _thin(qualified, objectives, max_candidates), qualified
    return {
        "n_pareto": len(pareto),
        "n_qualified": len(qualified),
        "fallback": qualified.empty,
        "rule": RULE.format(score=score_word()),
        "min_accuracy": min_accuracy,
        "candidates": [
            {
                "name": candidate_name(objectives, int(pool.loc[i, "trial"])),
                "trial": int(pool.loc[i, "trial"]),
                "accuracy": float(pool.loc[i, "accuracy"]),
                "why": why,
            }
            for i, why in chosen
        ],
    }


def chosen_candidate(selected: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    """Return the entry of a candidate in ``selected.json``: its trial, its architecture and why it was chosen."""
    return {entry["name"]: entry for entry in selected["candidates"]}[name]


def _thin(qualified: pd.DataFrame, objectives: Sequence[str], count: int) -> list[tuple[int, str]]:
    """Return row numbers and reasons by :data:`RULE`."""
    values = objective_values(qualified.to_dict("records"), objectives)
    spans = np.ptp(values, axis=0)
    scaled = (values - values.min(axis=0)) / np.where(spans > 0, spans, 1)
    chosen = {0: f"highest validation {score_word()}"}
    for i, name in enumerate(objectives):
        if name != "accuracy":
            chosen.setdefault(int(np.argmin(values[:, i])), f"best {name.replace('_', ' ')}")
    while len(chosen) < min(count, len(qualified)):
        distances = np.linalg.norm(scaled[:, None] - scaled[list(chosen)], axis=2).min(axis=1)
        distances[list(chosen)] = -1
        chosen[int(np.argmax(distances))] = "farthest from the other chosen networks"
    return list(chosen.items())[:count]


def select_finalists(trials: pd.DataFrame, cost: str, min_accuracy: float, count: int) -> list[int]:
    """Choose the trials of a compression search that are trained again, for longer.

    Parameters
    ----------
    trials
        Table of all trials, of :func:`snacpack.search.records.trials_table`.
    cost
        Column of the objective that decides between circuits that are accurate enough.
    min_accuracy
        Validation accuracy that it must reach, a fraction.
    count
        How many are chosen, if so many succeeded.

    Returns
    -------
    Numbers of trials, the cheapest (best in ``cost``) first: those of the front around the cheapest that is accurate
    enough, three quarters of them cheaper than that, for a longer training makes them more accurate;
    then the most accurate beside the front.

    If no trial has a circuit, it is the most accurate of all.

    Raises
    ------
    ValueError
        If every training failed.
    """
    succeeded = trials[trials["failure"].isna()]
    if succeeded.empty:
        trained = trials[trials["accuracy"].notna()].sort_values(["accuracy", "trial"], ascending=[False, True])
        if trained.empty:
            raise ValueError(
                "every trial of the compression search failed; the reason of the first: "
                f"{trials['failure'].iloc[0]}; widen compression.search.space"
            )
        return trained.head(count)["trial"].astype(int).tolist()
    order = {"by": [cost, "trial"], "ascending": [find_objective(cost).direction == MINIMISED, True]}
    front = succeeded[succeeded["pareto"]].sort_values(**order).reset_index(drop=True)
    reached = front.index[front["accuracy"] >= min_accuracy]
    middle = int(reached[0]) if len(reached) else len(front) - 1
    first = max(0, min(middle - 3 * count // 4, len(front) - count))
    chosen = front.loc[first : first + count - 1]
    others = succeeded[~succeeded["pareto"]].sort_values(["accuracy", "trial"], ascending=[False, True])
    chosen = pd.concat([chosen, others.head(count - len(chosen))])
    return [int(trial) for trial in chosen.sort_values(**order)["trial"]]

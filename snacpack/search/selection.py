"""Which networks of a search go on to compression and synthesis."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd

from snacpack.search.objectives import objective_values
from snacpack.search.records import architecture_of

RULE = (
    "Of the Pareto-optimal networks whose validation accuracy is at least min_accuracy: the most accurate, then the "
    "best of each other objective in the order of the config, then, until max_candidates are chosen, the one "
    "that is farthest from its nearest chosen network, distances taken in the objectives scaled to their range on "
    "the front. Where none is accurate enough, the most accurate of the front go on."
)


def candidate_name(objectives: Sequence[str], trial: int) -> str:
    """Return the readable name of a chosen trial: ``nac-0012`` for NAC's objectives, else ``snac-0012``."""
    return f"{'nac' if set(objectives) == {'accuracy', 'bops'} else 'snac'}-{trial:04d}"


def select_candidates(
    pareto: pd.DataFrame, objectives: Sequence[str], min_accuracy: float, max_candidates: int
) -> dict[str, Any]:
    """Apply :data:`RULE` to the Pareto-optimal trials.

    Returns
    -------
    ``n_pareto``, ``n_qualified``, ``fallback`` (whether none was accurate enough), ``rule`` and
    ``candidates``: name, trial, accuracy, architecture and why it was chosen; none where every trial failed.
    """
    ranked = pareto.sort_values(["accuracy", "trial"], ascending=[False, True]).reset_index(drop=True)
    qualified = ranked[ranked["accuracy"] >= min_accuracy]
    if qualified.empty:
        chosen = [(i, "among the most accurate; none reached min_accuracy") for i in range(len(ranked))]
        chosen, pool = chosen[:max_candidates], ranked
    else:
        chosen, pool = _thin(qualified, objectives, max_candidates), qualified
    return {
        "n_pareto": len(pareto),
        "n_qualified": len(qualified),
        "fallback": qualified.empty,
        "rule": RULE,
        "min_accuracy": min_accuracy,
        "candidates": [
            {
                "name": candidate_name(objectives, int(pool.loc[i, "trial"])),
                "trial": int(pool.loc[i, "trial"]),
                "accuracy": float(pool.loc[i, "accuracy"]),
                "architecture": architecture_of(pool.loc[i]).to_dict(),
                "why": why,
            }
            for i, why in chosen
        ],
    }


def _thin(qualified: pd.DataFrame, objectives: Sequence[str], count: int) -> list[tuple[int, str]]:
    """Return row numbers and reasons by :data:`RULE`."""
    values = objective_values(qualified.to_dict("records"), objectives)
    spans = np.ptp(values, axis=0)
    scaled = (values - values.min(axis=0)) / np.where(spans > 0, spans, 1)
    chosen = {0: "highest validation accuracy"}
    for i, name in enumerate(objectives):
        if name != "accuracy":
            chosen.setdefault(int(np.argmin(values[:, i])), f"best {name.replace('_', ' ')}")
    while len(chosen) < min(count, len(qualified)):
        distances = np.linalg.norm(scaled[:, None] - scaled[list(chosen)], axis=2).min(axis=1)
        distances[list(chosen)] = -1
        chosen[int(np.argmax(distances))] = "farthest from the others chosen"
    return list(chosen.items())[:count]

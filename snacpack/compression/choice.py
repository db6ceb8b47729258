"""Which pruning iteration, or which finalist of a search, goes to synthesis."""

import csv
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import torch

from snacpack.compression.checkpoint import Checkpoint
from snacpack.compression.trials import Compressed
from snacpack.core.files import whole_file
from snacpack.costs.objective import MINIMISED
from snacpack.costs.registry import COMPRESSIONS, costs_of, find_objective
from snacpack.networks.architecture import Architecture
from snacpack.networks.bops import bit_operations
from snacpack.tasks.registry import score_word


def compression_metrics(checkpoint: Checkpoint) -> dict[str, Any]:
    """Return an iteration's row of ``metrics.csv``: sparsity, validation accuracy and cost."""
    precision = checkpoint.precision
    bops = bit_operations(
        checkpoint.architecture.graph.matrices,
        precision.weight_bits,
        precision.activation_bits,
        precision.input_bits,
        checkpoint.densities,
    )
    return {
        "iteration": checkpoint.iteration,
        "sparsity": checkpoint.sparsity,
        "validation_accuracy": checkpoint.validation_accuracy,
        "macs_left": macs_left(checkpoint.architecture, checkpoint.masks),
        "bops": round(bops),
    }


def macs_left(architecture: Architecture, masks: Mapping[str, torch.Tensor]) -> int:
    """Count the multiply-accumulates that pruning has left: one for each use of each weight.

    Parameters
    ----------
    architecture
        The network's.
    masks
        For each dense layer's name, from the input on, (n_out, n_in) bool: False where a weight is pruned.
    """
    matrices = architecture.graph.matrices
    return sum(matrix.uses * int(mask.sum()) for matrix, mask in zip(matrices, masks.values(), strict=True))


def write_metrics(rows: Sequence[dict[str, Any]], path: str | Path) -> None:
    """Write ``metrics.csv``, one row per iteration or finalist."""
    with whole_file(path) as temporary, temporary.open("w", newline="") as file:
        writer = csv.DictWriter(file, list(rows[0]), lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)


def choose_iteration(
    rows: Sequence[dict[str, Any]], target_sparsity: float, max_accuracy_loss: float | None = None
) -> dict[str, Any]:
    """Choose the iteration that goes to synthesis, on validation jets only.

    Parameters
    ----------
    rows
        From :func:`compression_metrics`; iteration 0, the warm-up, is one of them.
    target_sparsity
        The iteration nearest to it is chosen (of two as near, the denser)
    max_accuracy_loss
        unless this is given: then the sparsest iteration whose validation accuracy is
        no more than this fraction below the warm-up's.

    Returns
    -------
    dict
        ``iteration``, ``reason``, ``sparsity`` and ``validation_accuracy``.
    """
    rows = sorted(rows, key=lambda row: row["iteration"])
    if max_accuracy_loss is None:
        chosen = min(rows, key=lambda row: abs(row["sparsity"] - target_sparsity))
        reason = f"its sparsity is nearest to the target of {target_sparsity:g}"
    else:
        floor = rows[0]["validation_accuracy"] - max_accuracy_loss
        chosen = max((row for row in rows if row["validation_accuracy"] >= floor), key=lambda row: row["sparsity"])
        reason = (
            f"the sparsest whose validation {score_word()} is at most {max_accuracy_loss:g} below the warm-up's "
            f"{rows[0]['validation_accuracy']:.4f}"
        )
    kept = ("iteration", "sparsity", "validation_accuracy")
    return {**{key: chosen[key] for key in kept}, "reason": reason}


def finalist_metrics(
    trials: Sequence[int], compressed: Sequence[Compressed], costs: Sequence[Mapping[str, Any]]
) -> list[dict[str, Any]]:
    """Return the rows of a search's ``metrics.csv``: of each finalist what it reached and costs."""
    rows = []
    for number, (trial, entry, cost) in enumerate(zip(trials, compressed, costs, strict=True)):
        left = sum(int(mask.sum()) for mask in entry.masks.values())
        precision = entry.compression.precision
        rows.append(
            {
                "iteration": number,
                "trial": trial,
                "weight_bits": " ".join(map(str, precision.weight_bits)),
                "activation_bits": " ".join(map(str, precision.activation_bits)),
                "input_bits": precision.input_bits,
                "sparsity": 1 - left / sum(mask.numel() for mask in entry.masks.values()),
                "validation_accuracy": entry.result.accuracy,
                "macs_left": macs_left(entry.architecture, entry.masks),
                **{name: cost.get(name) for name in costs_of(COMPRESSIONS, appended=False)},
                "failure": entry.result.failure or cost.get("failure"),
                **{name: cost.get(name) for name in costs_of(COMPRESSIONS, appended=True)},
            }
        )
    return rows


def choose_finalist(rows: Sequence[dict[str, Any]], cost: str, min_accuracy: float) -> dict[str, Any]:
    """Choose the finalist that goes to synthesis, on validation jets only.

    Parameters
    ----------
    rows
        From :func:`finalist_metrics`.
    cost
        The objective in which the chosen circuit shall be the best, a column such as ``lut``.
    min_accuracy
        Validation accuracy that it must reach, a fraction; if none does, the most accurate is chosen.

    Returns
    -------
    dict
        ``iteration``, ``trial``, ``reason``, ``sparsity``, ``validation_accuracy``, ``min_accuracy`` and
        ``reached``, whether it is accurate enough and a circuit. If no finalist has a circuit, the most accurate is
        chosen, so that its row says why.

    Raises
    ------
    RuntimeError
        If the training of every finalist failed.
    """
    succeeded = [row for row in rows if not row["failure"]]
    trained = [row for row in rows if row["validation_accuracy"] is not None]
    if not trained:
        raise RuntimeError(
            f"every finalist of the compression search failed; the reason of the first: {rows[0]['failure']}; widen "
            "compression.search.space"
        )
    accurate = [row for row in succeeded if row["validation_accuracy"] >= min_accuracy]
    if accurate:
        least = find_objective(cost).direction == MINIMISED
        chosen = (min if least else max)(accurate, key=lambda row: row[cost])
        extreme = f"the {'least' if least else 'most'} {cost}"
        reason = f"{extreme} of those with a validation {score_word()} of at least {min_accuracy:.4f}"
    elif not succeeded:
        chosen = max(trained, key=lambda row: row["validation_accuracy"])
        reason = "the most accurate; none has a circuit"
    else:
        chosen = max(succeeded, key=lambda row: row["validation_accuracy"])
        reason = f"the most accurate; none reached a validation {score_word()} of {min_accuracy:.4f}"
    kept = ("iteration", "trial", "sparsity", "validation_accuracy")
    fields = {key: chosen[key] for key in kept}
    return {**fields, "min_accuracy": min_accuracy, "reached": bool(accurate), "reason": reason}

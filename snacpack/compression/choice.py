"""Which pruning iteration goes to synthesis."""

import csv
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from snacpack.compression.checkpoint import Checkpoint
from snacpack.files import whole_file
from snacpack.hardware.bops import bit_operations

COLUMNS = ("iteration", "sparsity", "validation_accuracy", "macs_left", "bops")


def compression_metrics(checkpoint: Checkpoint) -> dict[str, Any]:
    """Return an iteration's row of ``metrics.csv``: sparsity, validation accuracy and cost."""
    scheme = checkpoint.scheme
    bops = bit_operations(
        checkpoint.architecture.layer_widths,
        scheme.weight_bits,
        scheme.activation_bits,
        scheme.input_bits,
        checkpoint.densities,
    )
    return {
        "iteration": checkpoint.iteration,
        "sparsity": checkpoint.sparsity,
        "validation_accuracy": checkpoint.validation_accuracy,
        "macs_left": checkpoint.weights_left,
        "bops": round(bops),
    }


def write_metrics(rows: Sequence[dict[str, Any]], path: str | Path) -> None:
    """Write ``metrics.csv``, one row per iteration."""
    with whole_file(path) as temporary, temporary.open("w", newline="") as file:
        writer = csv.DictWriter(file, COLUMNS, lineterminator="\n")
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
            f"the sparsest whose validation accuracy is at most {max_accuracy_loss:g} below the warm-up's "
            f"{rows[0]['validation_accuracy']:.4f}"
        )
    kept = ("iteration", "sparsity", "validation_accuracy")
    return {**{key: chosen[key] for key in kept}, "reason": reason}

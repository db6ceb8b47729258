"""The chosen network on test jets, as Brevitas and as integers."""

from typing import Any

import numpy as np

from snacpack.compression.checkpoint import Checkpoint
from snacpack.compression.network import freeze
from snacpack.fixed_point import FixedPointNetwork
from snacpack.training.fit import predict


def evaluate_on_test_jets(
    checkpoint: Checkpoint, x: np.ndarray, y: np.ndarray
) -> tuple[dict[str, Any], FixedPointNetwork]:
    """Measure a compressed network and freeze it.

    Parameters
    ----------
    checkpoint
        The iteration that was chosen on validation jets.
    x, y
        (n, n_inputs) float32 features and (n,) int64 classes of the test jets.

    Returns
    -------
    dict
        The fields of ``compressed.json``; ``confusion[i][j]`` counts jets of class i called j.
    FixedPointNetwork
        The same network in integers.

    Raises
    ------
    RuntimeError
        If the integers do not give Brevitas' logits on every test jet.
    """
    network = checkpoint.network()
    logits = predict(network, x).numpy().astype(np.float64)
    fixed_point = freeze(network)
    differing = int((fixed_point.predict(x) != logits).any(axis=1).sum())
    if differing:
        raise RuntimeError(
            f"the fixed-point form of {checkpoint.architecture.label} at {checkpoint.scheme} differs from Brevitas on "
            f"{differing} of {len(x)} test jets: sums of this network outgrow float32's 24 bits; use fewer bits in "
            "compression.schemes"
        )
    n_classes = checkpoint.architecture.n_outputs
    confusion = np.zeros((n_classes, n_classes), dtype=np.int64)
    np.add.at(confusion, (y, logits.argmax(1)), 1)
    correct = int(np.trace(confusion))
    result = {
        "iteration": checkpoint.iteration,
        "sparsity": checkpoint.sparsity,
        "validation_accuracy": checkpoint.validation_accuracy,
        "test_accuracy": correct / len(y),
        "test_correct": correct,
        "n_test": len(y),
        "confusion": confusion.tolist(),
    }
    return result, fixed_point

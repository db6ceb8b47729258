"""The chosen network on test jets, as Brevitas and as integers."""

from contextlib import suppress
from typing import Any

import numpy as np

from snacpack.compression.checkpoint import Checkpoint
from snacpack.compression.network import freeze
from snacpack.networks.integers import FixedPointNetwork, NoCircuit
from snacpack.training.fit import predict


def evaluate_on_test_jets(
    checkpoint: Checkpoint, x: np.ndarray, y: np.ndarray | None
) -> tuple[dict[str, Any], FixedPointNetwork]:
    """Measure a compressed network and freeze it.

    Parameters
    ----------
    checkpoint
        The iteration that was chosen on validation jets.
    x, y
        (n, n_inputs) float32 features and (n,) int64 classes of the test jets, None where outputs are no classes.

    Returns
    -------
    dict
        The fields of ``compressed.json``; ``confusion[i][j]`` counts jets of class i called j. Without classes, those
        about the test jets are left to :func:`snacpack.tasks.registry.score_on_test`.
    FixedPointNetwork
        The same network in integers.

    Raises
    ------
    RuntimeError
        If the integers do not give Brevitas' logits on every test jet.

    Notes
    -----
    If sums of the network outgrow the 24 bits of float32, Brevitas computes in float64. If they outgrow its 53
    bits too, the integers are not compared: no circuit is built of such a network.
    """
    network = checkpoint.network()
    fixed_point = freeze(network)
    if fixed_point.float_type is np.float64:
        network, x = network.double(), x.astype(np.float64)
    logits = predict(network, x).numpy().astype(np.float64)
    with suppress(NoCircuit):
        fixed_point.check_sums()
        _check_integers(checkpoint, fixed_point, x, logits)
    result = {
        "iteration": checkpoint.iteration,
        "sparsity": checkpoint.sparsity,
        "validation_accuracy": checkpoint.validation_accuracy,
    }
    if y is None:
        return result, fixed_point
    n_classes = checkpoint.architecture.n_outputs
    confusion = np.zeros((n_classes, n_classes), dtype=np.int64)
    np.add.at(confusion, (y, logits.argmax(1)), 1)
    correct = int(np.trace(confusion))
    tested = {"test_accuracy": correct / len(y), "test_correct": correct, "n_test": len(y)}
    return {**result, **tested, "confusion": confusion.tolist()}, fixed_point


def _check_integers(checkpoint: Checkpoint, network: FixedPointNetwork, x: np.ndarray, logits: np.ndarray) -> None:
    differing = int((network.predict(x) != logits).any(axis=1).sum())
    if differing:
        raise RuntimeError(
            f"the integers of {checkpoint.architecture.label} at {checkpoint.scheme} give other logits than Brevitas "
            f"on {differing} of {len(x)} test examples, although sums of up to {max(network.sum_bits)} bits are exact "
            f"in {network.float_type.__name__}; please report this with the checkpoint"
        )

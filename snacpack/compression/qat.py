"""Quantisation-aware training of Brevitas networks, with pruned weights held at zero."""

from collections.abc import Mapping
from typing import Any

import torch
from torch import nn
from tqdm import tqdm

from snacpack.architecture import Architecture
from snacpack.compression.network import tensors_of
from snacpack.training.fine_tuning import FineTuning, fine_tune
from snacpack.training.fit import Jets


def train_quantized(
    network: nn.Sequential,
    architecture: Architecture,
    jets: Mapping[str, Jets],
    epochs: int,
    batch_size: int,
    seed: int,
    label: str,
    masks: Mapping[str, torch.Tensor] | None = None,
    device: str = "cpu",
) -> list[dict[str, Any]]:
    """Train a quantised network in place: Adam, cross-entropy, L1 on the weights.

    Parameters
    ----------
    network
        From :func:`snacpack.compression.calibration.quantize`.
    architecture
        Gives learning rate, L1 and dropout.
    jets
        ``train`` and ``val``, each (n, n_inputs) float32 features and (n,) int64 classes.
    epochs, batch_size
        Passes over the training jets, and jets per step.
    seed
        Of the order of jets and of dropout.
    label
        What is trained, for the progress bar and errors.
    masks
        For each dense layer's name, False where a weight is held at zero.
    device
        ``cpu``, ``cuda`` or ``auto``.

    Returns
    -------
    list of dict
        Per epoch ``epoch`` (from 1), ``train_loss`` and ``validation_loss``
        (cross-entropy without L1) and ``validation_accuracy``.

    Raises
    ------
    RuntimeError
        If the loss is no longer finite.
    """
    task = FineTuning(tensors_of(network, masks), architecture, seed)
    with tqdm(desc=label, total=epochs, unit="epoch") as bar:
        (result,) = fine_tune(
            [task], jets["train"], jets["val"], epochs, batch_size, device, on_epoch=lambda *_: bar.update()
        )
    if result.failure:
        raise RuntimeError(
            f"quantisation-aware training of {label} failed: {result.failure}. Lower this network's learning rate "
            "(search.space.learning_rate, or references.<name>.learning_rate), raise compression.batch_size, or "
            "give the scheme more bits"
        )
    return result.history

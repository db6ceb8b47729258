"""Quantisation-aware training of Brevitas networks, with pruned weights held at zero."""

from collections.abc import Mapping
from typing import Any

import torch
from torch import nn
from tqdm import tqdm

from snacpack.compression.network import tensors_of
from snacpack.networks.architecture import Architecture
from snacpack.training.fine_tuning import FineTuning, fine_tune
from snacpack.training.fit import Jets
from snacpack.training.losses import CROSS_ENTROPY, Loss


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
    loss: Loss = CROSS_ENTROPY,
) -> list[dict[str, Any]]:
    """Train a quantised network in place: Adam on a loss, L1 on the weights.

    Parameters
    ----------
    network
        From :func:`snacpack.compression.calibration.quantize`.
    architecture
        Gives learning rate, L1 and dropout.
    jets
        ``train`` and ``val``, each as :data:`snacpack.training.fit.Jets` has them.
    epochs, batch_size
        Passes over the training jets, and jets per step.
    seed
        Decides the order of jets and dropout.
    label
        The network in words, for the progress bar and errors.
    masks
        For each dense layer's name, False where a weight is held at zero.
    device
        ``cpu``, ``cuda`` or ``auto``.
    loss
        The loss that is made small.

    Returns
    -------
    list of dict
        Per epoch ``epoch`` (from 1), ``train_loss`` and ``validation_loss``
        (without L1) and ``validation_accuracy``, the score.

    Raises
    ------
    RuntimeError
        If the loss is no longer finite.
    """
    task = FineTuning(tensors_of(network, masks), architecture, seed)
    with tqdm(desc=label, total=epochs, unit="epoch") as bar:
        (result,) = fine_tune(
            [task], jets["train"], jets["val"], epochs, batch_size, device, on_epoch=lambda *_: bar.update(), loss=loss
        )
    if result.failure:
        raise RuntimeError(
            f"quantisation-aware training of {label} failed: {result.failure}. Lower this network's learning rate "
            "(search.space.learning_rate, or references.<name>.learning_rate), raise compression.batch_size, or "
            "give the scheme more bits"
        )
    return result.history

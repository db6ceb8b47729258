"""Quantisation-aware training of a Brevitas network, with pruned weights held at zero."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import torch
from torch import nn
from tqdm import tqdm

from snacpack.architecture import Architecture
from snacpack.seeds import derive_seed
from snacpack.training.fit import Diverged, Jets, fit


def train_quantized(
    network: nn.Sequential,
    architecture: Architecture,
    jets: Mapping[str, Jets],
    epochs: int,
    batch_size: int,
    seed: int,
    label: str,
    masks: Mapping[str, torch.Tensor] | None = None,
) -> list[dict[str, Any]]:
    """Train a quantised network in place: Adam, cross-entropy, L1 on the weights.

    Parameters
    ----------
    network
        From :func:`snacpack.compression.network.build_quantized_network`.
    architecture
        Gives learning rate and L1.
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
    held = [(network.get_submodule(name).weight, mask) for name, mask in (masks or {}).items()]

    @torch.no_grad()
    def hold_pruned_weights() -> None:
        for weight, mask in held:
            weight.mul_(mask)

    with torch.random.fork_rng(devices=[]), _bare_tensors(network):
        torch.manual_seed(derive_seed(seed, "dropout"))
        records = fit(network, architecture, jets["train"], jets["val"], epochs, batch_size, seed, hold_pruned_weights)
        try:
            return list(tqdm(records, desc=label, total=epochs, unit="epoch"))
        except Diverged as error:
            raise RuntimeError(
                f"quantisation-aware training of {label} failed: {error}. Lower this network's learning rate "
                "(search.space.learning_rate, or references.<name>.learning_rate), raise compression.batch_size, or "
                "give the scheme more bits"
            ) from error


@contextmanager
def _bare_tensors(network: nn.Module) -> Iterator[None]:
    """Let quantisers return values without scale and bit width: the same numbers, a tenth faster."""
    proxies = [module for module in network.modules() if hasattr(module, "skip_create_quant_tensor")]
    for proxy in proxies:
        proxy.skip_create_quant_tensor = True
    try:
        yield
    finally:
        for proxy in proxies:
            proxy.skip_create_quant_tensor = False

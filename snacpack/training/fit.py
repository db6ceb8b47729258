"""Training one PyTorch module, float or quantised, by autograd: Adam on cross-entropy with an L1 penalty."""

import math
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import torch
from torch import nn
from torch.nn.functional import cross_entropy

from snacpack.architecture import Architecture
from snacpack.seeds import derive_seed
from snacpack.training.network import weight_matrices

Jets = tuple[np.ndarray | torch.Tensor, np.ndarray | torch.Tensor]
EVALUATION_BATCH = 8192


class Diverged(RuntimeError):
    """The loss of a training is no longer a number."""


def fit(
    network: nn.Module,
    architecture: Architecture,
    training: Jets,
    validation: Jets,
    epochs: int,
    batch_size: int,
    seed: int,
    after_step: Callable[[], Any] = lambda: None,
) -> Iterator[dict[str, float]]:
    """Train ``network`` in place, float or quantised; yield a record after each epoch.

    Parameters
    ----------
    network, architecture
        The module, and the hyper-parameters that it is trained with.
    training, validation
        Jets ``(x, y)``: (n, n_inputs) float32 and (n,) class numbers.
    epochs, batch_size
        Passes over the training jets, and jets per step.
    seed
        Decides the order of the jets; dropout draws from PyTorch's generator.
    after_step
        Called after every optimiser step, e.g. to keep pruned weights at zero.

    Raises
    ------
    Diverged
        If the loss is not finite; the message names epoch and learning rate.
    """
    x, y = (torch.as_tensor(array) for array in training)
    optimizer = torch.optim.Adam(network.parameters(), lr=architecture.learning_rate, fused=True)
    weights = weight_matrices(network)
    for epoch in range(1, epochs + 1):
        network.train()
        losses = []
        for batch in _batches(jet_order(len(x), seed, epoch), batch_size):
            loss = cross_entropy(network(x[batch]), y[batch])
            penalty = architecture.l1 * sum(weight.abs().sum() for weight in weights) if architecture.l1 else 0.0
            optimizer.zero_grad(set_to_none=True)
            (loss + penalty).backward()
            optimizer.step()
            after_step()
            losses.append(loss.detach())
        mean_loss = float(torch.stack(losses).mean())
        validation_loss, accuracy = evaluate(network, *validation)
        if not (math.isfinite(mean_loss) and math.isfinite(validation_loss)):
            raise Diverged(
                f"the loss is {mean_loss} after epoch {epoch} with learning rate {architecture.learning_rate}; "
                "a smaller learning rate may help"
            )
        yield {
            "epoch": epoch,
            "train_loss": mean_loss,
            "validation_loss": validation_loss,
            "validation_accuracy": accuracy,
        }


@torch.no_grad()
def predict(network: nn.Module, x: np.ndarray | torch.Tensor) -> torch.Tensor:
    """Return the logits of (n, n_inputs) jets in evaluation mode, (n, n_outputs), in the network's type of float."""
    network.eval()
    return torch.cat([network(batch) for batch in torch.as_tensor(x).split(EVALUATION_BATCH)])


def evaluate(network: nn.Module, x: np.ndarray | torch.Tensor, y: np.ndarray | torch.Tensor) -> tuple[float, float]:
    """Return cross-entropy and accuracy (a fraction) of jets in evaluation mode."""
    logits, labels = predict(network, x), torch.as_tensor(y)
    return float(cross_entropy(logits, labels)), float((logits.argmax(dim=1) == labels).double().mean())


def jet_order(n_jets: int, seed: int, epoch: int) -> torch.Tensor:
    """Return the order, (n_jets,) int64, in which the network of a seed sees the jets in an epoch (from 1)."""
    return torch.randperm(n_jets, generator=torch.Generator().manual_seed(derive_seed(seed, "epoch", epoch)))


def _batches(order: torch.Tensor, batch_size: int) -> Iterator[torch.Tensor]:
    for batch in order.split(batch_size):
        # Batch normalisation has no variance of a single jet.
        if len(batch) > 1:
            yield batch

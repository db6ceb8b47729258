"""Training one PyTorch module, float or quantised, by autograd: Adam on a loss with an L1 penalty."""

import math
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import torch
from torch import nn

from snacpack.core.seeds import derive_seed
from snacpack.networks.architecture import Architecture
from snacpack.training.losses import CROSS_ENTROPY, Loss
from snacpack.training.network import weight_matrices
from snacpack.training.recipe import Recipe

Array = np.ndarray | torch.Tensor
Jets = tuple[Array, Array] | tuple[Array, Array, Array | None]
"""Features (n, n_inputs) float32; (n,) classes or (n, n_outputs) float32 targets, as the loss is of; and the jets'
weights in loss and score, (n,) float32 or None, which may be left out where all are equal."""
EVALUATION_BATCH = 8192


class Diverged(RuntimeError):
    """The loss of a training is no longer a number."""


def fit(
    network: nn.Module,
    architecture: Architecture,
    training: Jets,
    validation: Jets,
    recipe: Recipe,
    seed: int,
    after_step: Callable[[], Any] = lambda: None,
) -> Iterator[dict[str, float]]:
    """Train ``network`` in place, float or quantised; yield a record after each epoch.

    Parameters
    ----------
    network, architecture
        The module, and the hyper-parameters that it is trained with.
    training, validation
        :data:`Jets`.
    recipe
        Length and loss of the training.
    seed
        Decides the order of the jets; dropout draws from PyTorch's generator.
    after_step
        Called after every optimiser step, e.g. to keep pruned weights at zero.

    Raises
    ------
    Diverged
        If the loss is not finite; the message names epoch and learning rate.
    """
    loss, (x, y, instance_weights) = recipe.loss, as_tensors(training)
    optimizer = torch.optim.Adam(network.parameters(), lr=architecture.learning_rate, fused=True)
    weights = weight_matrices(network)
    for epoch in range(1, recipe.epochs + 1):
        network.train()
        losses = []
        for batch in batches(jet_order(len(x), seed, epoch), recipe.batch_size):
            of_batch = None if instance_weights is None else instance_weights[batch]
            mean = loss.mean(network(x[batch]), y[batch], of_batch)
            penalty = architecture.l1 * sum(weight.abs().sum() for weight in weights) if architecture.l1 else 0.0
            optimizer.zero_grad(set_to_none=True)
            (mean + penalty).backward()
            optimizer.step()
            after_step()
            losses.append(mean.detach())
        mean_loss = float(torch.stack(losses).mean())
        validation_loss, accuracy = evaluate(network, *validation, loss=loss)
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
    """Return the outputs of (n, n_inputs) jets in evaluation mode, (n, n_outputs), in the network's type of float."""
    network.eval()
    return torch.cat([network(batch) for batch in torch.as_tensor(x).split(EVALUATION_BATCH)])


def evaluate(
    network: nn.Module, x: Array, y: Array, weights: Array | None = None, loss: Loss = CROSS_ENTROPY
) -> tuple[float, float]:
    """Return loss and score (:meth:`snacpack.training.losses.Loss.score`) of jets in evaluation mode."""
    outputs = predict(network, x)
    _, targets, of_jets = as_tensors((x, y, weights))
    sums = loss.sums(outputs, targets, of_jets).numpy()
    return float(loss.mean(outputs, targets, of_jets)), float(loss.score(sums, targets, of_jets))


def as_tensors(jets: Jets) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor | None]:
    """Return features, targets, and weights or None."""
    x, y, weights = (*jets, None)[:3]
    return torch.as_tensor(x), torch.as_tensor(y), None if weights is None else torch.as_tensor(weights)


def jet_order(n_jets: int, seed: int, epoch: int) -> torch.Tensor:
    """Return the order, (n_jets,) int64, in which the network of a seed sees the jets in an epoch (from 1)."""
    return torch.randperm(n_jets, generator=torch.Generator().manual_seed(derive_seed(seed, "epoch", epoch)))


def batches(order: torch.Tensor, batch_size: int) -> Iterator[torch.Tensor]:
    """Yield the jets of each step, (n,) int64: ``order`` cut into batches, without a last one of a single jet."""
    for batch in order.split(batch_size):
        # Batch normalisation has no variance of a single jet.
        if len(batch) > 1:
            yield batch

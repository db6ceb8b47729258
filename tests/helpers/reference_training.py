"""A plain PyTorch loop for one network at a time: what the fast trainers must agree with."""

from functools import partial

import numpy as np
import torch
from sklearn.metrics import accuracy_score, r2_score
from torch import nn
from torch.nn.functional import cross_entropy, huber_loss, mse_loss

from snacpack.networks.architecture import Architecture
from snacpack.training.autograd import HashedDropout
from snacpack.training.fit import jet_order
from snacpack.training.losses import CROSS_ENTROPY, Loss
from snacpack.training.trials import dropout_seed, initial_network


def reference_loss(
    loss: Loss, outputs: torch.Tensor, y: torch.Tensor, weights: torch.Tensor | None = None
) -> torch.Tensor:
    """Return a batch's loss by PyTorch's own functions."""
    function = {
        "cross_entropy": cross_entropy,
        "squared": mse_loss,
        "huber": partial(huber_loss, delta=loss.delta),
    }[loss.kind]
    if weights is None:
        return function(outputs, y)
    each = function(outputs, y, reduction="none").reshape(len(y), -1).mean(dim=1)
    return (each * weights).sum() / weights.sum()


def reference_score(loss: Loss, outputs: torch.Tensor, y: torch.Tensor, weights: torch.Tensor | None = None) -> float:
    """Return scikit-learn's accuracy or R^2."""
    if loss.of_classes:
        return accuracy_score(y, outputs.argmax(dim=1), sample_weight=weights)
    multioutput = "variance_weighted" if loss.pooled else "uniform_average"
    return r2_score(y.double(), outputs.double(), sample_weight=weights, multioutput=multioutput)


def make_targets(loss: Loss, x: torch.Tensor, n_outputs: int, seed: int) -> torch.Tensor:
    """Return classes, or numbers that follow from the features but for some noise, of (n, n_inputs) jets."""
    random = torch.Generator().manual_seed(seed)
    slopes = torch.randn(x.shape[-1], n_outputs, generator=random)
    values = x @ slopes + 0.5 * torch.randn(len(x), n_outputs, generator=random)
    return values.argmax(dim=1) if loss.of_classes else torch.sin(values) + values / 4


def make_weights(n: int, seed: int) -> torch.Tensor:
    """Return weights of jets between 0.1 and about 10."""
    random = np.random.default_rng(seed)
    return torch.tensor(np.exp(random.uniform(-2.3, 2.3, n)).astype(np.float32))


def reference_network(architecture: Architecture, seed: int, hashed: bool = True) -> nn.Sequential:
    """Return the network that a seed gives, with dropout by the trainers' hash or PyTorch's own."""
    network = initial_network(architecture, seed)
    layer = 0
    for i, module in enumerate(network):
        if isinstance(module, nn.Dropout) and hashed:
            network[i] = HashedDropout(dropout_seed(seed), layer, architecture.dropout)
            layer += 1
    return network


def reference_train(architecture, seed, training, validation, epochs, batch_size, hashed=True, loss=CROSS_ENTROPY):
    """Train with autograd and PyTorch's Adam; return the network, its last training loss and validation score."""
    network = reference_network(architecture, seed, hashed)
    x, y, weights = (*training, None)[:3]
    adam = torch.optim.Adam(network.parameters(), lr=architecture.learning_rate)
    for epoch in range(1, epochs + 1):
        network.train()
        losses = []
        for batch in jet_order(len(x), seed, epoch).split(batch_size):
            if len(batch) == 1:
                continue
            mean = reference_loss(loss, network(x[batch]), y[batch], None if weights is None else weights[batch])
            penalty = architecture.l1 * sum(m.weight.abs().sum() for m in network if isinstance(m, nn.Linear))
            adam.zero_grad()
            (mean + penalty).backward()
            adam.step()
            losses.append(mean.item())
    network.eval()
    with torch.no_grad():
        score = reference_score(loss, network(validation[0]), *validation[1:])
    return network, sum(losses) / len(losses), score

"""A plain PyTorch loop for one network at a time: what the fast trainers must agree with."""

import torch
from torch import nn
from torch.nn.functional import cross_entropy

from snacpack.architecture import Architecture
from snacpack.training.dropout import dropout_keys, dropout_mask
from snacpack.training.fit import jet_order
from snacpack.training.trials import dropout_seed, initial_network


class HashedDropout(nn.Module):
    """Dropout of the units that the fast trainers drop too."""

    def __init__(self, seed: int, layer: int, probability: float) -> None:
        super().__init__()
        self.seed, self.layer, self.probability, self.step = torch.tensor(seed), layer, torch.tensor(probability), 0

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        if not self.training:
            return x
        self.step += 1
        keys = dropout_keys(self.seed, self.step, self.layer)
        return x * dropout_mask(keys, *x.shape, self.probability) / (1 - self.probability)


def reference_network(architecture: Architecture, seed: int, hashed: bool = True) -> nn.Sequential:
    """Return the network that a seed gives, with dropout by the trainers' hash or PyTorch's own."""
    network = initial_network(architecture, seed)
    layer = 0
    for i, module in enumerate(network):
        if isinstance(module, nn.Dropout) and hashed:
            network[i] = HashedDropout(dropout_seed(seed), layer, architecture.dropout)
            layer += 1
    return network


def reference_train(architecture, seed, training, validation, epochs, batch_size, hashed=True):
    """Train with autograd and PyTorch's Adam; return the network, its last training loss and validation accuracy."""
    network = reference_network(architecture, seed, hashed)
    x, y = training
    adam = torch.optim.Adam(network.parameters(), lr=architecture.learning_rate)
    for epoch in range(1, epochs + 1):
        network.train()
        losses = []
        for batch in jet_order(len(x), seed, epoch).split(batch_size):
            if len(batch) == 1:
                continue
            loss = cross_entropy(network(x[batch]), y[batch])
            penalty = architecture.l1 * sum(m.weight.abs().sum() for m in network if isinstance(m, nn.Linear))
            adam.zero_grad()
            (loss + penalty).backward()
            adam.step()
            losses.append(loss.item())
    network.eval()
    with torch.no_grad():
        accuracy = (network(validation[0]).argmax(dim=1) == validation[1]).double().mean().item()
    return network, sum(losses) / len(losses), accuracy

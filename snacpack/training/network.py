"""The float networks."""

from itertools import pairwise

import torch
from torch import nn

from snacpack.architecture import Architecture

ACTIVATION_MODULES = {"relu": nn.ReLU, "tanh": nn.Tanh, "sigmoid": nn.Sigmoid}
INITIAL_GAIN = {"relu": 2**0.5, "tanh": 5 / 3, "sigmoid": 4.0}


def build_network(architecture: Architecture) -> nn.Sequential:
    """Return the architecture with the initial weights of :func:`initialise`.

    A hidden layer is ``Linear``, ``BatchNorm1d`` if asked for, the activation,
    and ``Dropout`` if its probability is not zero. The output is logits.
    """
    modules: list[nn.Module] = []
    widths = architecture.layer_widths
    for n_in, n_out in pairwise(widths[:-1]):
        modules.append(nn.Linear(n_in, n_out))
        if architecture.batch_norm:
            modules.append(nn.BatchNorm1d(n_out))
        modules.append(ACTIVATION_MODULES[architecture.activation]())
        if architecture.dropout > 0:
            modules.append(nn.Dropout(architecture.dropout))
    network = nn.Sequential(*modules, nn.Linear(widths[-2], widths[-1]))
    initialise(network, architecture.activation)
    return network


def initialise(network: nn.Module, activation: str) -> None:
    """Draw the weights of all dense layers uniformly with variance gain^2 2 / (n_in + n_out); biases are zero.

    PyTorch's default is too small for eight layers without batch norm: such a
    ReLU network often stays at a guess. The gains are sqrt(2) for ReLU, 5/3 for
    tanh, and for the sigmoid 4, its inverse slope.

    References
    ----------
    X. Glorot, Y. Bengio, "Understanding the difficulty of training deep feedforward
    neural networks", AISTATS 2010; K. He et al., "Delving deep into rectifiers", ICCV 2015.
    """
    for module in network.modules():
        if isinstance(module, nn.Linear):
            nn.init.xavier_uniform_(module.weight, INITIAL_GAIN[activation])
            nn.init.zeros_(module.bias)


def weight_matrices(network: nn.Module) -> list[torch.Tensor]:
    """Return the weights of the dense layers, without biases and batch normalisation."""
    return [module.weight for module in network.modules() if isinstance(module, nn.Linear)]

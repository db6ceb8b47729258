"""The float networks."""

import torch
from torch import nn

from snacpack.networks.architecture import Architecture
from snacpack.networks.layer import Shape

INITIAL_GAIN = {"relu": 2**0.5, "tanh": 5 / 3, "sigmoid": 4.0}


def build_network(architecture: Architecture) -> nn.Sequential:
    """Return the architecture with the initial weights of :func:`initialise`.

    A hidden layer is ``Linear``, ``BatchNorm1d`` if asked for, the activation,
    and ``Dropout`` if its probability is not zero. It takes (n, n_inputs) float32;
    the output is logits.
    """
    graph = architecture.graph
    network = nn.Sequential(*shaped(graph.shape), *(layer.module(shape) for layer, shape in graph.steps()))
    initialise(network, architecture.activation)
    return network


def shaped(shape: Shape) -> list[nn.Module]:
    """Return what gives (n, n_inputs) numbers the shape of a graph: nothing where that is a vector."""
    return [nn.Unflatten(1, shape)] if len(shape) > 1 else []


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

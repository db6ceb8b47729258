"""The float networks."""

from itertools import pairwise

import torch
from torch import nn

from snacpack.architecture import Architecture

ACTIVATION_MODULES = {"relu": nn.ReLU, "tanh": nn.Tanh, "sigmoid": nn.Sigmoid}


def build_network(architecture: Architecture) -> nn.Sequential:
    """Return the architecture with PyTorch's default initial weights.

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
    return nn.Sequential(*modules, nn.Linear(widths[-2], widths[-1]))


def weight_matrices(network: nn.Module) -> list[torch.Tensor]:
    """Return the weights of the dense layers, without biases and batch normalisation."""
    return [module.weight for module in network.modules() if isinstance(module, nn.Linear)]

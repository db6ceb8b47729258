"""The activation of hidden layers, which becomes a ReLU and a quantiser, or a quantiser and a table."""

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

from snacpack.networks.layer import Layer, Row, Shape

if TYPE_CHECKING:
    from torch import nn

FUNCTIONS = {"relu": "ReLU", "tanh": "Tanh", "sigmoid": "Sigmoid"}
"""Activations, each with the name of its module in PyTorch and of its layer in Keras."""


@dataclass(frozen=True)
class ActivationLayer(Layer):
    """A function of each number.

    Parameters
    ----------
    function
        One of :data:`FUNCTIONS`.
    """

    function: str

    def rows(self, shape: Shape) -> list[Row]:
        """Return Keras' layer of the function."""
        size = math.prod(shape)
        return [Row(FUNCTIONS[self.function], size, size)]

    def module(self, shape: Shape) -> "nn.Module":
        """Return PyTorch's own."""
        from torch import nn

        return getattr(nn, FUNCTIONS[self.function])()

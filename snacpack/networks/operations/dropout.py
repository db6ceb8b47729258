"""Dropout, which exists in training alone."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

from snacpack.networks.layer import Layer, Shape

if TYPE_CHECKING:
    from torch import nn


@dataclass(frozen=True)
class DropoutLayer(Layer):
    """Numbers that are dropped at random in training.

    Parameters
    ----------
    probability
        The probability that a number is dropped.
    """

    probability: float

    def module(self, shape: Shape) -> "nn.Module":
        """Return PyTorch's own."""
        from torch import nn

        return nn.Dropout(self.probability)

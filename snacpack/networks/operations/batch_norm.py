"""Batch normalisation along the last axis: it is folded into the weights before a network is quantised."""

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

from snacpack.networks.layer import Layer, Row, Shape

if TYPE_CHECKING:
    from torch import nn


@dataclass(frozen=True)
class BatchNormLayer(Layer):
    """Batch normalisation behind a dense layer, which takes it into its weights and biases."""

    def rows(self, shape: Shape) -> list[Row]:
        """Return Keras' layer."""
        size, n = math.prod(shape), shape[-1]
        return [Row("BatchNormalization", size, size, 4 * n, 2 * n)]

    def module(self, shape: Shape) -> "nn.Module":
        """Return PyTorch's own, which takes vectors alone, or ours."""
        from torch import nn

        from snacpack.networks.modules import LastAxisBatchNorm

        return nn.BatchNorm1d(shape[-1]) if len(shape) == 1 else LastAxisBatchNorm(shape[-1])

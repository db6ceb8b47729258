"""Modules of PyTorch that it does not have itself."""

import torch
from torch import nn

from snacpack.networks.operation import Operation


class Exact(nn.Module):
    """An operation without parameters, on floats."""

    def __init__(self, operation: Operation) -> None:
        super().__init__()
        self.operation = operation

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Return the operation's result of (n, *shape) numbers."""
        return self.operation.run_in_floats(x)


class LastAxisBatchNorm(nn.BatchNorm1d):
    """Batch normalisation of each number along the last axis, over all examples and all other axes."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Return (n, *shape) normalised numbers."""
        return super().forward(x.reshape(-1, x.shape[-1])).reshape(x.shape)

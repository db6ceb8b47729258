"""The sum over an axis, and the mean of a power of two of numbers."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from snacpack.networks.grid import Numbers
from snacpack.networks.operation import Operation

if TYPE_CHECKING:
    from snacpack.synthesis.qonnx import GraphWriter


@dataclass(frozen=True)
class Sum(Operation):
    """The sum over an axis, divided by a power of two: exact, since only the place of the binary point moves.

    Parameters
    ----------
    axis
        The axis that goes, counted without the axis of examples.
    shift
        The sum is divided by ``2**shift``: the mean of ``2**shift`` numbers. No division by another number is exact.
        The mean of n numbers differs from the sum divided by the next power of two by one factor, which belongs to the
        weights of the dense layer that follows.
    """

    axis: int
    shift: int = 0

    adds: ClassVar[bool] = True

    def describe(self, numbers: Numbers) -> Numbers:
        """Return the sums' description, without the axis."""
        if not 0 <= self.axis < len(numbers.shape):
            raise ValueError(f"a sum over axis {self.axis} gets a tensor of shape {numbers.shape}")
        n = numbers.shape[self.axis]
        shape = numbers.shape[: self.axis] + numbers.shape[self.axis + 1 :]
        return Numbers(shape, numbers.fraction_bits + self.shift, n * numbers.minimum, n * numbers.maximum)

    def run(self, inputs: tuple[np.ndarray, int]) -> tuple[np.ndarray, int]:
        """Return the sums' integers."""
        integers, fraction_bits = inputs
        return integers.sum(axis=1 + self.axis), fraction_bits + self.shift

    def run_in_floats(self, values: np.ndarray) -> np.ndarray:
        """Return the sums, of PyTorch's tensors too."""
        return values.sum(1 + self.axis) * 2.0**-self.shift

    def trace(self, values: Any) -> Any:
        """Return the sums, each a tree of adders; a division by a power of two costs nothing."""
        return np.sum(values, axis=self.axis) * 2.0**-self.shift

    def write_qonnx(self, writer: "GraphWriter", values: str) -> str:
        """Add a sum over the axis and, unless it is 1, a multiplication by the power of two."""
        axes = writer.constant(np.array([1 + self.axis], dtype=np.int64))
        sums = writer.node("ReduceSum", values, axes, keepdims=0)
        if self.shift == 0:
            return sums
        return writer.node("Mul", sums, writer.constant(np.array(2.0**-self.shift, dtype=np.float32)))

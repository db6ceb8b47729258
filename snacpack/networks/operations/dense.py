"""A dense layer on the last axis: one for all constituents where the shape is (constituents, features)."""

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from snacpack.networks.grid import Numbers, Quantizer
from snacpack.networks.layer import Layer, Matrix, Row, Shape
from snacpack.networks.operation import Operation

if TYPE_CHECKING:
    from torch import nn

    from snacpack.synthesis.qonnx import GraphWriter


@dataclass(frozen=True)
class Dense(Operation):
    """Sums of weighted inputs and a bias, exact.

    Parameters
    ----------
    weight, weight_grid
        (n_out, n_in) int64, and the grid that they are on.
    bias, bias_grid
        (n_out,) int64, and the grid that they are on.
    """

    weight: np.ndarray
    weight_grid: Quantizer
    bias: np.ndarray
    bias_grid: Quantizer

    adds: ClassVar[bool] = True

    @property
    def weights(self) -> tuple[np.ndarray, ...]:
        """The one matrix of weights, (n_out, n_in)."""
        return (self.weight,)

    def describe(self, numbers: Numbers) -> Numbers:
        """Return the sums' description: on the last axis there is one for each output."""
        n_out, n_in = self.weight.shape
        if numbers.shape[-1:] != (n_in,):
            raise ValueError(f"a dense layer of {n_in} inputs gets a tensor of shape {numbers.shape}")
        largest = self._largest_sum(numbers)
        return Numbers((*numbers.shape[:-1], n_out), self._sum_fraction_bits(numbers.fraction_bits), -largest, largest)

    def run(self, inputs: tuple[np.ndarray, int]) -> tuple[np.ndarray, int]:
        """Return the sums of (n, ..., n_in) integers, (n, ..., n_out)."""
        integers, fraction_bits = inputs
        sum_bits = self._sum_fraction_bits(fraction_bits)
        bias = self.bias << (sum_bits - self.bias_grid.fraction_bits)
        sums = np.broadcast_to(bias, (*integers.shape[:-1], len(bias)))
        if self.weight.any():
            sums = sums + ((integers @ self.weight.T) << (sum_bits - self.weight_grid.fraction_bits - fraction_bits))
        return sums, sum_bits

    def run_in_floats(self, values: np.ndarray) -> np.ndarray:
        """Return the sums of (n, ..., n_in) real numbers, (n, ..., n_out)."""
        return values @ self._real_weight().T + self._real_bias()

    def trace(self, values: Any) -> Any:
        """Return the sums, each a tree of adders over shifted inputs."""
        return values @ self._real_weight().T + self._real_bias()

    def write_qonnx(self, writer: "GraphWriter", values: str) -> str:
        """Add a multiplication with the matrix of weights, and an addition of the biases."""
        products = writer.node("MatMul", values, writer.quantized(self._real_weight().T, self.weight_grid))
        return writer.node("Add", products, writer.quantized(self._real_bias(), self.bias_grid))

    def bit_operations(self, numbers: Numbers, weight_bits: int | None = None, density: float | None = None) -> float:
        """Count with the given bits and density, or with those of the weights as they are."""
        if weight_bits is None:
            weight_bits = int(np.abs(self.weight).max()).bit_length() + 1
        if density is None:
            density = np.count_nonzero(self.weight) / self.weight.size
        each = count_bit_operations(*reversed(self.weight.shape), weight_bits, numbers.bits, density)
        return math.prod(numbers.shape[:-1]) * each

    def effective_bit_operations(self, numbers: Numbers) -> int:
        """Count, for each multiplication, the weight's bits from its first to its last one times the input's bits."""
        return math.prod(numbers.shape[:-1]) * numbers.bits * int(_enclosed_bits(self.weight).sum())

    def _real_weight(self) -> np.ndarray:
        return np.ldexp(self.weight.astype(np.float64), -self.weight_grid.fraction_bits)

    def _real_bias(self) -> np.ndarray:
        return np.ldexp(self.bias.astype(np.float64), -self.bias_grid.fraction_bits)

    def _largest_sum(self, numbers: Numbers) -> int:
        """Return what no sum or part of one exceeds in size, in units of the sums' grid."""
        sum_bits = self._sum_fraction_bits(numbers.fraction_bits)
        sizes = [(int(size), int(abs(bias))) for size, bias in zip(np.abs(self.weight).sum(1), self.bias, strict=True)]
        products = numbers.largest << max(0, sum_bits - self.weight_grid.fraction_bits - numbers.fraction_bits)
        return max(size * products + (bias << (sum_bits - self.bias_grid.fraction_bits)) for size, bias in sizes)

    def _sum_fraction_bits(self, fraction_bits: int) -> int:
        # A layer without weights has some fraction bits too, and possibly many.
        bias_bits = self.bias_grid.fraction_bits
        products = self.weight_grid.fraction_bits + fraction_bits if self.weight.any() else bias_bits
        return max(products, bias_bits)


@dataclass(frozen=True)
class DenseLayer(Layer):
    """A dense layer with biases.

    Parameters
    ----------
    units
        Outputs of each vector along the last axis.
    """

    units: int

    def result_shape(self, shape: Shape) -> Shape:
        """Return the shape with the layer's outputs on the last axis."""
        return (*shape[:-1], self.units)

    def matrix(self, shape: Shape) -> Matrix:
        """Return the matrix, used once for each vector."""
        return Matrix(shape[-1], self.units, math.prod(shape[:-1]))

    def rows(self, shape: Shape) -> list[Row]:
        """Return a dense layer for each vector: in the circuit none is shared."""
        parameters = (shape[-1] + 1) * self.units
        return [Row("Dense", shape[-1], self.units, parameters, parameters, multiplies=True)] * math.prod(shape[:-1])

    def module(self, shape: Shape) -> "nn.Module":
        """Return PyTorch's own."""
        from torch import nn

        return nn.Linear(shape[-1], self.units)


def count_bit_operations(n_in: int, n_out: int, weight_bits: int, input_bits: int, density: float) -> float:
    """Count the bit operations of one pruned dense layer for one vector; see :mod:`snacpack.networks.bops`."""
    return n_in * n_out * (density * input_bits * weight_bits + input_bits + weight_bits + math.log2(n_in))


def _enclosed_bits(integers: np.ndarray) -> np.ndarray:
    """Count the bits from each integer's most to its least significant one, of the same shape; 0 for 0."""
    magnitude = np.abs(integers)
    lowest = magnitude & -magnitude
    # frexp's exponent of an integer is its number of bits.
    return np.frexp(magnitude)[1] - np.frexp(lowest)[1] + (magnitude > 0)

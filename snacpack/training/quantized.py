"""A quantised network as tensors: what its training needs to know of the quantisers that Brevitas defines.

All scales are powers of two. A scale that is learned is kept as the binary logarithm of the range of values that it
covers: ``range`` is a float32 scalar and the range is ``2 ** ceil(range)``. Its gradient goes straight through ceil.
Inputs and activations round down, weights and biases to the nearest integer (ties to even); what is outside a grid is
put on its end, and no gradient goes through there.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import torch

from snacpack.networks.architecture import Architecture


@dataclass
class QuantizedReLU:
    """A ReLU whose result is an unsigned integer of ``bits`` bits times ``2 ** (ceil(range) - bits)``."""

    bits: int
    range: torch.Tensor


@dataclass
class Table:
    """An activation on a fixed grid: the sums are put on a signed grid, whose every integer has a result.

    Parameters
    ----------
    input_bits, input_exponent
        The sums' grid: signed integers of ``input_bits`` bits times ``2 ** input_exponent``.
    values, slopes
        (2 ** input_bits,) float32: the quantised result, and the slope that the gradient takes, of each integer
        from the smallest on.
    """

    input_bits: int
    input_exponent: int
    values: torch.Tensor
    slopes: torch.Tensor


@dataclass
class QuantizedDense:
    """A dense layer with the quantisers of its weights, biases and activation.

    Parameters
    ----------
    weight
        (n_out, n_in) float32, trained.
    bias
        (n_out,) float32, trained.
    mask
        (n_out, n_in) bool, False where a weight is held at zero.
    weight_bits, weight_range
        Weights are signed integers of ``weight_bits`` bits, without the most negative one, times
        ``2 ** (ceil(weight_range) - weight_bits + 1)``.
    bias_bits, bias_exponent
        Biases are signed integers of ``bias_bits`` bits times ``2 ** bias_exponent``.
    activation
        None for the logits.
    """

    weight: torch.Tensor
    bias: torch.Tensor
    mask: torch.Tensor
    weight_bits: int
    weight_range: torch.Tensor
    bias_bits: int
    bias_exponent: int
    activation: QuantizedReLU | Table | None

    def tensors(self) -> Iterator[torch.Tensor]:
        """Yield what is trained: weight, bias, the weights' range and a ReLU's range."""
        yield from (self.weight, self.bias, self.weight_range)
        if isinstance(self.activation, QuantizedReLU):
            yield self.activation.range

    def fault(self, is_last: bool) -> str | None:
        """Return what does not fit the layer's weights or its place, or None."""
        table = self.activation if isinstance(self.activation, Table) else None
        tensors = [*self.tensors(), *((table.values, table.slopes) if table else ())]
        if self.bias.shape != self.weight.shape[:1]:
            return f"a bias of shape {tuple(self.bias.shape)}"
        if self.mask.shape != self.weight.shape:
            return f"a mask of shape {tuple(self.mask.shape)}"
        if (self.activation is None) != is_last:
            return "an activation, but gives the logits" if is_last else "no activation"
        if table and not len(table.values) == len(table.slopes) == 2**table.input_bits:
            return f"a table of {len(table.values)} values and {len(table.slopes)} slopes for {table.input_bits} bits"
        if any(tensor.dtype != torch.float32 or not tensor.is_contiguous() for tensor in tensors):
            return "a tensor that is not contiguous float32"
        return None


@dataclass
class QuantizedNetwork:
    """Dense layers behind an input quantiser: signed integers of ``input_bits`` bits times ``2 ** input_exponent``."""

    input_bits: int
    input_exponent: int
    layers: list[QuantizedDense]

    def parameters(self) -> Iterator[torch.Tensor]:
        """Yield what is trained: of each layer weight, bias, the weights' range and a ReLU's range."""
        for layer in self.layers:
            yield from layer.tensors()

    def check(self, architecture: Architecture) -> None:
        """Refuse tensors that do not fit an architecture or each other.

        Raises
        ------
        ValueError
            If a shape, a type or a table is not as the fields' descriptions have it; the message says which.
        """
        shapes = [tuple(layer.weight.shape) for layer in self.layers]
        if shapes != [(matrix.n_out, matrix.n_in) for matrix in architecture.graph.matrices]:
            raise ValueError(f"a quantised network of weights {shapes} is not of its architecture {architecture.label}")
        for i, layer in enumerate(self.layers):
            fault = layer.fault(is_last=i == len(self.layers) - 1)
            if fault:
                raise ValueError(f"layer {i} of the quantised network {architecture.label} has {fault}")

"""A trained network as integers: what every hardware description must reproduce bit for bit.

All numbers are binary fixed point, ``value = integer * 2**-fraction_bits``, and
every quantisation rounds down (towards minus infinity) and saturates. Compression
produces this form from the trained network, synthesis turns it into circuits.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from snacpack.files import contents_of, read_json, write_json

# Of an int64, the sign's bit left out.
INTEGER_BITS = 63

# How wide sums may be, the sign's bit left out, for a float to add them exactly.
FLOAT32_BITS = 24
FLOAT64_BITS = 53


class NoCircuit(ValueError):
    """A network that no circuit is built of, with the reason: the network alone is at fault, other networks are not."""


@dataclass(frozen=True)
class Quantizer:
    """A grid of ``2**bits`` (one less if narrow) values, rounding down, saturating.

    ``narrow`` leaves out the most negative integer of a signed grid.
    """

    bits: int
    fraction_bits: int
    signed: bool
    narrow: bool = False

    @property
    def minimum(self) -> int:
        """Smallest integer of the grid."""
        return -(2 ** (self.bits - 1)) + self.narrow if self.signed else 0

    @property
    def maximum(self) -> int:
        """Largest integer of the grid."""
        return 2 ** (self.bits - self.signed) - 1

    def quantize(self, values: np.ndarray) -> np.ndarray:
        """Return the grid's integers for real ``values``, as int64 of the same shape."""
        scaled = np.floor(np.ldexp(np.asarray(values, dtype=np.float64), self.fraction_bits))
        return np.clip(scaled, self.minimum, self.maximum).astype(np.int64)

    def requantize(self, integers: np.ndarray, fraction_bits: int) -> np.ndarray:
        """Return the grid's integers for fixed-point ``integers`` with ``fraction_bits``."""
        shift = fraction_bits - self.fraction_bits
        if shift >= 0:
            return np.clip(integers >> min(shift, INTEGER_BITS), self.minimum, self.maximum)
        # What is out of range before it is made larger stays so, and must not outgrow the integers on the way.
        end = 2**self.bits
        moved = np.clip(integers, -end, end) << min(-shift, INTEGER_BITS - 1 - self.bits)
        return np.clip(moved, self.minimum, self.maximum)


@dataclass(frozen=True)
class DenseLayer:
    """A dense layer in integers with its activation.

    Parameters
    ----------
    weight
        (n_out, n_in) int64, with ``weight_fraction_bits``.
    bias
        (n_out,) int64, with ``bias_fraction_bits``.
    activation
        ``relu``, ``tanh``, ``sigmoid``, or ``linear`` for the logits.
    output
        Grid of the activation's result; None leaves the sums as they are (the logits).
    table_input, table
        For tanh and sigmoid: the grid that the sums are put on, and the result's
        integer for each of its integers, from ``table_input.minimum`` upwards.
    """

    weight: np.ndarray
    weight_fraction_bits: int
    bias: np.ndarray
    bias_fraction_bits: int
    activation: str
    output: Quantizer | None = None
    table_input: Quantizer | None = None
    table: np.ndarray | None = None

    def run(self, integers: np.ndarray, fraction_bits: int) -> tuple[np.ndarray, int]:
        """Apply the layer to (n, n_in) integers; return (n, n_out) integers and their fraction bits."""
        sum_bits = self._sum_fraction_bits(fraction_bits)
        sums = np.broadcast_to(self.bias << (sum_bits - self.bias_fraction_bits), (len(integers), len(self.bias)))
        if self.weight.any():
            sums = sums + ((integers @ self.weight.T) << (sum_bits - self.weight_fraction_bits - fraction_bits))
        if self.table is not None:
            index = self.table_input.requantize(sums, sum_bits) - self.table_input.minimum
            return self.table[index], self.output.fraction_bits
        if self.output is None:
            return sums, sum_bits
        if self.activation == "relu":
            sums = np.maximum(sums, 0)
        return self.output.requantize(sums, sum_bits), self.output.fraction_bits

    def run_in_floats(self, values: np.ndarray) -> np.ndarray:
        """Apply the layer to (n, n_in) real numbers on its inputs' grid; float64 rounds the sums."""
        sums = values @ np.ldexp(self.weight.astype(np.float64), -self.weight_fraction_bits).T
        sums = sums + np.ldexp(self.bias.astype(np.float64), -self.bias_fraction_bits)
        if self.output is None:
            return sums
        if self.table is not None:
            integers = self.table[self.table_input.quantize(sums) - self.table_input.minimum]
        else:
            integers = self.output.quantize(np.maximum(sums, 0) if self.activation == "relu" else sums)
        return np.ldexp(integers.astype(np.float64), -self.output.fraction_bits)

    def largest_sum(self, largest_input: int, fraction_bits: int) -> int:
        """Return what no sum or part of one exceeds in size, in units of the sums' grid.

        Parameters
        ----------
        largest_input, fraction_bits
            What no input exceeds in size, and the inputs' fraction bits.
        """
        sum_bits = self._sum_fraction_bits(fraction_bits)
        sizes = [(int(size), int(abs(bias))) for size, bias in zip(np.abs(self.weight).sum(1), self.bias, strict=True)]
        products = largest_input << max(0, sum_bits - self.weight_fraction_bits - fraction_bits)
        return max(size * products + (bias << (sum_bits - self.bias_fraction_bits)) for size, bias in sizes)

    def _sum_fraction_bits(self, fraction_bits: int) -> int:
        # A layer without weights has some fraction bits too, and possibly many.
        products = self.weight_fraction_bits + fraction_bits if self.weight.any() else self.bias_fraction_bits
        return max(products, self.bias_fraction_bits)


@dataclass(frozen=True)
class FixedPointNetwork:
    """A dense network in integers, from the input's grid to the logits."""

    input: Quantizer
    layers: tuple[DenseLayer, ...]

    @property
    def layer_widths(self) -> tuple[int, ...]:
        """Inputs, hidden units and outputs in order."""
        return (self.layers[0].weight.shape[1], *(len(layer.bias) for layer in self.layers))

    @property
    def sum_bits(self) -> tuple[int, ...]:
        """Bits, the sign's left out, that no sum or part of one outgrows, whatever the jet, layer by layer."""
        grids = (self.input, *(layer.output for layer in self.layers[:-1]))
        largest = [max(grid.maximum, -grid.minimum) for grid in grids]
        return tuple(
            layer.largest_sum(size, grid.fraction_bits).bit_length()
            for layer, size, grid in zip(self.layers, largest, grids, strict=True)
        )

    @property
    def float_type(self) -> type[np.float32] | type[np.float64]:
        """The float in which the network's sums are computed wherever they are not integers.

        That is float32 where it adds all of them exactly, else float64, which does so where :meth:`check_sums` finds
        no fault.
        """
        return np.float32 if max(self.sum_bits) <= FLOAT32_BITS else np.float64

    def check_sums(self) -> None:
        """Check that float64 adds the network's sums exactly: then all its forms can be compared bit for bit.

        Raises
        ------
        NoCircuit
            If a sum may outgrow the 53 bits of float64.
        """
        if max(self.sum_bits) > FLOAT64_BITS:
            raise NoCircuit(
                f"sums of its layers may need {', '.join(map(str, self.sum_bits))} bits, and no more than "
                f"{FLOAT64_BITS} are exact in every form of a circuit, so the scales of its weights and biases are too "
                "far apart"
            )

    def run(self, x: np.ndarray) -> tuple[np.ndarray, int]:
        """Return the logits of (n, n_inputs) real inputs as (n, n_outputs) integers and their fraction bits.

        Raises
        ------
        OverflowError
            If a sum could outgrow 64-bit integers: the network's scales are too far apart.
        """
        if max(self.sum_bits) > INTEGER_BITS:
            raise OverflowError(f"sums of the network's layers may have {self.sum_bits} bits, integers here have 63")
        integers, fraction_bits = self.input.quantize(x), self.input.fraction_bits
        for layer in self.layers:
            integers, fraction_bits = layer.run(integers, fraction_bits)
        return integers, fraction_bits

    def predict(self, x: np.ndarray) -> np.ndarray:
        """Return the logits of (n, n_inputs) real inputs, (n, n_outputs) float64, exact."""
        integers, fraction_bits = self.run(x)
        return np.ldexp(integers.astype(np.float64), -fraction_bits)

    def outputs(self, x: np.ndarray) -> np.ndarray:
        """Return the logits of (n, n_inputs) real inputs, (n, n_outputs) float64, of any network: for its score.

        They are those of :meth:`predict`, or where sums outgrow its integers, those of sums in float64. No circuit is
        built of such a network.
        """
        if max(self.sum_bits) <= INTEGER_BITS:
            return self.predict(x)
        values = np.ldexp(self.input.quantize(x).astype(np.float64), -self.input.fraction_bits)
        for layer in self.layers:
            values = layer.run_in_floats(values)
        return values

    def to_dict(self) -> dict[str, Any]:
        """Return the network as JSON knows it."""
        return {"input": vars(self.input), "layers": [_layer_to_dict(layer) for layer in self.layers]}

    @classmethod
    def from_dict(cls, fields: Mapping[str, Any]) -> "FixedPointNetwork":
        """Build from :meth:`to_dict`'s fields."""
        return cls(Quantizer(**fields["input"]), tuple(_layer_from_dict(layer) for layer in fields["layers"]))

    def save(self, path: str | Path) -> None:
        """Write the network as JSON."""
        write_json(self.to_dict(), path)

    @classmethod
    def load(cls, path: str | Path) -> "FixedPointNetwork":
        """Read what :meth:`save` wrote.

        Raises
        ------
        ValueError
            If the file is not JSON or not a network.
        """
        fields = read_json(path)
        with contents_of(path):
            return cls.from_dict(fields)


def _layer_to_dict(layer: DenseLayer) -> dict[str, Any]:
    fields = dict(vars(layer))
    for name in ("weight", "bias", "table"):
        fields[name] = None if fields[name] is None else fields[name].tolist()
    for name in ("output", "table_input"):
        fields[name] = None if fields[name] is None else vars(fields[name])
    return fields


def _layer_from_dict(fields: dict[str, Any]) -> DenseLayer:
    arrays = {
        name: None if fields[name] is None else np.array(fields[name], dtype=np.int64)
        for name in ("weight", "bias", "table")
    }
    grids = {name: None if fields[name] is None else Quantizer(**fields[name]) for name in ("output", "table_input")}
    return DenseLayer(**{**fields, **arrays, **grids})

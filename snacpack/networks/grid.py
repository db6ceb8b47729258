"""Grids of binary fixed point: ``value = integer * 2**-fraction_bits``."""

from dataclasses import dataclass
from math import prod

import numpy as np

# The bits of an int64 without that of its sign.
INTEGER_BITS = 63


@dataclass(frozen=True)
class Numbers:
    """A tensor of one example, as far as it is known before the example is: its shape and its numbers' range.

    Parameters
    ----------
    shape
        Without the axis of examples, such as ``(8, 3)``.
    fraction_bits
        Bits behind the binary point of every number.
    minimum, maximum
        Integers between which every number is.
    """

    shape: tuple[int, ...]
    fraction_bits: int
    minimum: int
    maximum: int

    @property
    def size(self) -> int:
        """How many numbers there are."""
        return prod(self.shape)

    @property
    def largest(self) -> int:
        """The integer that no number exceeds in size."""
        return max(self.maximum, -self.minimum)

    @property
    def bits(self) -> int:
        """Bits of each number, its sign's included if there is one."""
        return max(self.maximum.bit_length(), (-1 - self.minimum).bit_length()) + (self.minimum < 0)


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

    @property
    def kif(self) -> tuple[int, int, int]:
        """Sign, integer and fraction bits, as da4ml counts them."""
        return int(self.signed), self.bits - self.signed - self.fraction_bits, self.fraction_bits

    def numbers(self, shape: tuple[int, ...]) -> Numbers:
        """Return the description of a tensor of this shape on the grid."""
        return Numbers(shape, self.fraction_bits, self.minimum, self.maximum)

    def quantize(self, values: np.ndarray) -> np.ndarray:
        """Return the grid's integers for real ``values``, as int64 of the same shape."""
        scaled = np.floor(np.ldexp(np.asarray(values, dtype=np.float64), self.fraction_bits))
        return np.clip(scaled, self.minimum, self.maximum).astype(np.int64)

    def requantize(self, integers: np.ndarray, fraction_bits: int) -> np.ndarray:
        """Return the grid's integers for fixed-point ``integers`` with ``fraction_bits``."""
        shift = fraction_bits - self.fraction_bits
        if shift >= 0:
            return np.clip(integers >> min(shift, INTEGER_BITS), self.minimum, self.maximum)
        # A number that is out of range before it is made larger stays so, and must not outgrow the integers on the way.
        end = 2**self.bits
        moved = np.clip(integers, -end, end) << min(-shift, INTEGER_BITS - 1 - self.bits)
        return np.clip(moved, self.minimum, self.maximum)


def smallest_grid(integers: np.ndarray, fraction_bits: int) -> Quantizer:
    """Return the signed grid of the fewest bits that holds all ``integers`` of these fraction bits."""
    least = Numbers((), fraction_bits, min(-1, int(integers.min())), int(integers.max()))
    return Quantizer(least.bits, fraction_bits, signed=True)

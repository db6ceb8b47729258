"""Putting numbers on a grid: rounded down and, outside of its range, to its end."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from snacpack.networks.grid import Numbers, Quantizer
from snacpack.networks.operation import Operation

if TYPE_CHECKING:
    from snacpack.synthesis.qonnx import GraphWriter


@dataclass(frozen=True)
class Quantize(Operation):
    """Each number on a grid.

    Parameters
    ----------
    grid
        The result's grid.
    """

    grid: Quantizer

    def describe(self, numbers: Numbers) -> Numbers:
        """Return the description of numbers on the grid."""
        return self.grid.numbers(numbers.shape)

    def run(self, inputs: tuple[np.ndarray, int]) -> tuple[np.ndarray, int]:
        """Return the grid's integers."""
        return self.grid.requantize(*inputs), self.grid.fraction_bits

    def run_in_floats(self, values: np.ndarray) -> np.ndarray:
        """Return the grid's numbers."""
        return np.ldexp(self.grid.quantize(values).astype(np.float64), -self.grid.fraction_bits)

    def trace(self, values: Any) -> Any:
        """Return the numbers with the grid's bits."""
        overflow = "SAT_SYM" if self.grid.signed and self.grid.narrow else "SAT"
        return values.quantize(*self.grid.kif, overflow_mode=overflow)

    def write_qonnx(self, writer: "GraphWriter", values: str) -> str:
        """Add a quantiser that rounds down."""
        return writer.quantizer(values, self.grid)

"""tanh and sigmoid as tables: every integer of a grid has a result."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from snacpack.networks.grid import Numbers, Quantizer
from snacpack.networks.operation import Operation

if TYPE_CHECKING:
    from snacpack.synthesis.qonnx import GraphWriter

ONNX_FUNCTIONS = {"tanh": "Tanh", "sigmoid": "Sigmoid"}
"""The type of node in a QONNX graph that computes a table's function."""


@dataclass(frozen=True)
class Table(Operation):
    """A function of numbers that are on a grid already.

    Parameters
    ----------
    function
        ``tanh`` or ``sigmoid``.
    input, output
        Grids before and after.
    table
        (2**input.bits,) int64 of the output's grid, from ``input.minimum`` upwards.
    """

    function: str
    input: Quantizer
    output: Quantizer
    table: np.ndarray

    def describe(self, numbers: Numbers) -> Numbers:
        """Return the description of numbers on the output's grid."""
        if self.input.numbers(numbers.shape) != numbers:
            raise ValueError(f"a table of {self.function} on the grid {self.input} gets {numbers}")
        return self.output.numbers(numbers.shape)

    def run(self, inputs: tuple[np.ndarray, int]) -> tuple[np.ndarray, int]:
        """Return the integers that stand in the table."""
        return self.table[inputs[0] - self.input.minimum], self.output.fraction_bits

    def run_in_floats(self, values: np.ndarray) -> np.ndarray:
        """Return the numbers that stand in the table."""
        integers = self.table[self.input.quantize(values) - self.input.minimum]
        return np.ldexp(integers.astype(np.float64), -self.output.fraction_bits)

    def trace(self, values: Any) -> Any:
        """Return what da4ml looks up; quantising only tells it the precision of the table's numbers."""
        return values.apply(self.run_in_floats).quantize(*self.output.kif, overflow_mode="SAT")

    def write_qonnx(self, writer: "GraphWriter", values: str) -> str:
        """Add the function itself and a quantiser of its result; the export compares them with the table."""
        return writer.quantizer(writer.node(ONNX_FUNCTIONS[self.function], values), self.output)

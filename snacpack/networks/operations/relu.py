"""The rectified linear unit: what is below zero becomes zero."""

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from snacpack.networks.grid import Numbers
from snacpack.networks.operation import Operation

if TYPE_CHECKING:
    from snacpack.synthesis.qonnx import GraphWriter


@dataclass(frozen=True)
class Relu(Operation):
    """The larger of each number and zero, exact."""

    def describe(self, numbers: Numbers) -> Numbers:
        """Return the description of numbers that are not negative."""
        return replace(numbers, minimum=max(numbers.minimum, 0), maximum=max(numbers.maximum, 0))

    def run(self, inputs: tuple[np.ndarray, int]) -> tuple[np.ndarray, int]:
        """Return the integers that are not negative, and zeros."""
        integers, fraction_bits = inputs
        return np.maximum(integers, 0), fraction_bits

    def run_in_floats(self, values: np.ndarray) -> np.ndarray:
        """Return the numbers that are not negative, and zeros."""
        return np.maximum(values, 0)

    def trace(self, values: Any) -> Any:
        """Return the numbers, each cleared by its sign."""
        return values.relu()

    def write_qonnx(self, writer: "GraphWriter", values: str) -> str:
        """Add a node of the same meaning."""
        return writer.node("Relu", values)

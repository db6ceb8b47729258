"""Layers, and what each says about itself before its network is quantised."""

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import TYPE_CHECKING

from snacpack.networks.grid import Numbers
from snacpack.networks.operation import Operation

if TYPE_CHECKING:
    from torch import nn

Shape = tuple[int, ...]
"""The shape of one example, without the axis of examples."""


@dataclass(frozen=True)
class Matrix:
    """A matrix of weights in a network.

    Parameters
    ----------
    n_in, n_out
        Its inputs and outputs.
    uses
        How many vectors of one example it multiplies: the circuit has it once for each.
    """

    n_in: int
    n_out: int
    uses: int = 1


@dataclass(frozen=True)
class Row:
    """A layer as rule4ml reads it from a Keras model.

    Parameters
    ----------
    class_name
        Keras' name of the layer, such as ``Dense``.
    n_in, n_out
        Numbers that go in and come out.
    parameters, trainable
        All parameters, and those that are trained.
    multiplies
        Whether it is a dense layer, whose multipliers a reuse factor shares.
    """

    class_name: str
    n_in: int
    n_out: int
    parameters: int = 0
    trainable: int = 0
    multiplies: bool = False


class Layer(ABC):
    """A step of a network: a frozen dataclass of numbers and words.

    It stands in the file of the operation that it becomes, or in a file of its own where it becomes none.
    """

    def result_shape(self, shape: Shape) -> Shape:
        """Return the shape of the result.

        Raises
        ------
        ValueError
            If the layer does not take this shape.
        """
        return shape

    def matrix(self, shape: Shape) -> Matrix | None:
        """Return the layer's matrix of weights, or None if it has none."""
        return None

    def rows(self, shape: Shape) -> list[Row]:
        """Return the layer as rule4ml sees it; none if it is no hardware."""
        return []

    @abstractmethod
    def module(self, shape: Shape) -> "nn.Module":
        """Return a module of PyTorch that takes (n, *shape) float32."""


@dataclass(frozen=True)
class ExactLayer(Layer):
    """A layer without parameters that is exact in floats and in integers, such as a sum.

    Parameters
    ----------
    operation
        The computation, which is the same before and after the network is quantised. Its ``run_in_floats`` takes
        PyTorch's tensors too.
    """

    operation: Operation

    def result_shape(self, shape: Shape) -> Shape:
        """Return the operation's shape."""
        return self.operation.describe(Numbers(shape, 0, 0, 0)).shape

    def module(self, shape: Shape) -> "nn.Module":
        """Return a module without parameters that computes the operation."""
        from snacpack.networks.modules import Exact

        return Exact(self.operation)

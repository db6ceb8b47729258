"""A network before it is quantised: layers from an example's numbers to the outputs."""

from collections.abc import Iterator
from dataclasses import dataclass
from math import prod

from snacpack.networks.layer import Layer, Matrix, Shape


@dataclass(frozen=True)
class Graph:
    """Layers one behind the other.

    Parameters
    ----------
    shape
        In which the first layer takes an example, such as ``(24,)`` or ``(8, 3)``.
    layers
        From the input to the outputs.
    """

    shape: Shape
    layers: tuple[Layer, ...]

    def steps(self) -> Iterator[tuple[Layer, Shape]]:
        """Yield each layer with the shape that it takes.

        Raises
        ------
        ValueError
            If a layer does not take what it gets.
        """
        shape = self.shape
        for layer in self.layers:
            yield layer, shape
            shape = layer.result_shape(shape)

    @property
    def n_inputs(self) -> int:
        """Numbers of an example."""
        return prod(self.shape)

    @property
    def output_shape(self) -> Shape:
        """The shape of the result."""
        *_, (last, shape) = self.steps()
        return last.result_shape(shape)

    @property
    def matrices(self) -> tuple[Matrix, ...]:
        """The matrices of weights, from the input on."""
        found = (layer.matrix(shape) for layer, shape in self.steps())
        return tuple(matrix for matrix in found if matrix is not None)

    @property
    def label(self) -> str:
        """The inputs and what each layer with weights gives, as one word, e.g. ``24-64-32-5`` or ``8x3-8x16-5``."""
        weighted = [layer.result_shape(shape) for layer, shape in self.steps() if layer.matrix(shape) is not None]
        return "-".join("x".join(map(str, shape)) for shape in (self.shape, *weighted))

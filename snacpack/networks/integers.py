"""A trained network as integers: what every hardware description must reproduce bit for bit.

All numbers are binary fixed point, ``value = integer * 2**-fraction_bits``, and
every quantisation rounds down (towards minus infinity) and saturates. Compression
produces this form from the trained network, synthesis turns it into circuits.
"""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import numpy as np

from snacpack.core.files import contents_of, read_json, write_json
from snacpack.networks.grid import INTEGER_BITS, Numbers, Quantizer
from snacpack.networks.operation import Operation, read_operation

# How wide sums may be, the sign's bit left out, for a float to add them exactly.
FLOAT32_BITS = 24
FLOAT64_BITS = 53

INPUT = "input"
"""The name of the tensor that a network is given."""

Tensor = TypeVar("Tensor")


class NoCircuit(ValueError):
    """A network that no circuit is built of, with the reason: the network alone is at fault, other networks are not."""


@dataclass(frozen=True)
class Node:
    """An operation of a graph.

    Parameters
    ----------
    name
        The name of its result.
    operation
        The computation.
    inputs
        The names of the tensors that it is computed from: results of earlier nodes, or :data:`INPUT`.
    """

    name: str
    operation: Operation
    inputs: tuple[str, ...]


@dataclass(frozen=True)
class FixedPointNetwork:
    """A network in integers: a graph of operations, from the input's grid to the logits.

    Parameters
    ----------
    input
        The grid that an example's numbers are put on.
    shape
        The shape of an example, such as ``(24,)`` or ``(8, 3)``.
    nodes
        In an order in which they can be computed; the result of the last one is the logits, one vector.
    """

    input: Quantizer
    shape: tuple[int, ...]
    nodes: tuple[Node, ...]

    @classmethod
    def chain(
        cls, grid: Quantizer, shape: tuple[int, ...], operations: Iterable[Operation | tuple[str, Operation]]
    ) -> "FixedPointNetwork":
        """Return the network of operations each of which takes the last one's result.

        Parameters
        ----------
        grid, shape
            As the network has them.
        operations
            Each with its name, or without one: ``dense_0`` is then the first of its kind, ``dense_1`` the second.
        """
        counts: Counter[str] = Counter()
        nodes: list[Node] = []
        for entry in operations:
            if isinstance(entry, Operation):
                entry = (f"{entry.name}_{counts[entry.name]}", entry)
            name, operation = entry
            counts[operation.name] += 1
            nodes.append(Node(name, operation, (nodes[-1].name if nodes else INPUT,)))
        return cls(grid, shape, tuple(nodes))

    @property
    def operations(self) -> tuple[Operation, ...]:
        """The operations in the order of the nodes."""
        return tuple(node.operation for node in self.nodes)

    @property
    def weights(self) -> tuple[np.ndarray, ...]:
        """The matrices of all weights, in the order of the nodes."""
        return tuple(weight for operation in self.operations for weight in operation.weights)

    @property
    def label(self) -> str:
        """The inputs and what each operation with weights gives, as one word, e.g. ``24-64-32-5`` or ``8x3-8x16-5``."""
        weighted = [numbers for operation, _, numbers in self.described() if operation.weights]
        shapes = (self.shape, *(numbers.shape for numbers in weighted))
        return "-".join("x".join(map(str, shape)) for shape in shapes)

    def described(self) -> Iterator[tuple[Operation, tuple[Numbers, ...], Numbers]]:
        """Yield each operation with the descriptions of its inputs and of its result.

        Raises
        ------
        ValueError
            If an operation gets what it cannot take.
        """
        known = {INPUT: self.input.numbers(self.shape)}
        for node in self.nodes:
            inputs = tuple(known[name] for name in node.inputs)
            known[node.name] = node.operation.describe(*inputs)
            yield node.operation, inputs, known[node.name]

    def walk(self, start: Tensor, step: Callable[..., Tensor]) -> Tensor:
        """Return the last node's result, where the input is ``start`` and a node's is ``step(operation, *inputs)``."""
        results = {INPUT: start}
        for node in self.nodes:
            results[node.name] = step(node.operation, *(results[name] for name in node.inputs))
        return results[self.nodes[-1].name]

    @property
    def output(self) -> Numbers:
        """The description of the logits; errors are those of :meth:`described`."""
        *_, (_, _, numbers) = self.described()
        return numbers

    @property
    def sum_bits(self) -> tuple[int, ...]:
        """Bits, the sign's left out, that no sum or part of one outgrows, whatever the jet, operation by operation."""
        return tuple(numbers.largest.bit_length() for operation, _, numbers in self.described() if operation.adds)

    @property
    def float_type(self) -> type[np.float32] | type[np.float64]:
        """The float in which the network's sums are computed wherever they are not integers.

        That is float32 where it adds all of them exactly, else float64, which does so where :meth:`check_sums` finds
        no fault.
        """
        return np.float32 if max(self.sum_bits, default=0) <= FLOAT32_BITS else np.float64

    def check_sums(self) -> None:
        """Check that float64 adds the network's sums exactly: then all its forms can be compared bit for bit.

        Raises
        ------
        NoCircuit
            If a sum may outgrow the 53 bits of float64.
        """
        if max(self.sum_bits, default=0) > FLOAT64_BITS:
            raise NoCircuit(
                f"sums of its layers may need {', '.join(map(str, self.sum_bits))} bits, and no more than "
                f"{FLOAT64_BITS} are exact in every form of a circuit, so the scales of its weights and biases are too "
                "far apart"
            )

    def run(self, x: np.ndarray) -> tuple[np.ndarray, int]:
        """Return the logits of real inputs as (n, n_outputs) integers and their fraction bits.

        Parameters
        ----------
        x
            (n, *shape), or each example's numbers in one row.

        Raises
        ------
        OverflowError
            If a sum could outgrow 64-bit integers: the network's scales are too far apart.
        """
        if max(self.sum_bits, default=0) > INTEGER_BITS:
            raise OverflowError(f"sums of the network's layers may have {self.sum_bits} bits, integers here have 63")
        start = self.quantize(x), self.input.fraction_bits
        return self.walk(start, lambda operation, *inputs: operation.run(*inputs))

    def quantize(self, x: np.ndarray) -> np.ndarray:
        """Return the integers that real inputs, in the form that :meth:`run` takes, are put on: (n, *shape)."""
        return self.input.quantize(x).reshape(len(x), *self.shape)

    def predict(self, x: np.ndarray) -> np.ndarray:
        """Return the logits of real inputs, (n, n_outputs) float64, exact; :meth:`run` has the form of the inputs."""
        integers, fraction_bits = self.run(x)
        return np.ldexp(integers.astype(np.float64), -fraction_bits)

    def outputs(self, x: np.ndarray) -> np.ndarray:
        """Return the logits of real inputs, (n, n_outputs) float64, of any network: for its score.

        They are those of :meth:`predict`, or where sums outgrow its integers, those of sums in float64. No circuit is
        built of such a network.
        """
        if max(self.sum_bits, default=0) <= INTEGER_BITS:
            return self.predict(x)
        start = np.ldexp(self.quantize(x).astype(np.float64), -self.input.fraction_bits)
        return self.walk(start, lambda operation, *values: operation.run_in_floats(*values))

    def to_dict(self) -> dict[str, Any]:
        """Return the network as JSON knows it."""
        nodes = [{"name": node.name, "inputs": list(node.inputs), **node.operation.to_dict()} for node in self.nodes]
        return {"input": vars(self.input), "shape": list(self.shape), "nodes": nodes}

    @classmethod
    def from_dict(cls, fields: Mapping[str, Any]) -> "FixedPointNetwork":
        """Build from :meth:`to_dict`'s fields."""
        if "layers" in fields:
            raise ValueError("it lists layers, the form of an earlier version, and not the nodes of a graph")
        return cls(Quantizer(**fields["input"]), tuple(fields["shape"]), tuple(map(_read_node, fields["nodes"])))

    def save(self, path: str | Path) -> None:
        """Write the network as JSON."""
        write_json(self.to_dict(), path)

    @classmethod
    def load(cls, path: str | Path) -> "FixedPointNetwork":
        """Read what :meth:`save` wrote.

        Raises
        ------
        ValueError
            If the file is not JSON, not a network, or a network whose operations do not fit each other.
        """
        fields = read_json(path)
        with contents_of(path):
            network = cls.from_dict(fields)
            if len(network.output.shape) != 1:
                raise ValueError(f"its result has the shape {network.output.shape} and is no vector of logits")
        return network


def _read_node(record: Mapping[str, Any]) -> Node:
    operation = {key: value for key, value in record.items() if key not in ("name", "inputs")}
    return Node(record["name"], read_operation(operation), tuple(record["inputs"]))

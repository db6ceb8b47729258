"""Operations of a network in integers, and what each says about itself."""

import importlib
import pkgutil
from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import fields
from functools import cache
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from snacpack.networks.grid import Numbers, Quantizer

if TYPE_CHECKING:
    from snacpack.synthesis.qonnx import GraphWriter

PACKAGE = "snacpack.networks.operations"


class Operation(ABC):
    """A step from tensors of integers to one: a frozen dataclass of arrays, grids, integers and words.

    Each is one file of ``snacpack/networks/operations/``, whose name is the operation's in files. Methods get the
    tensors, or their descriptions, in the order of the graph. An array of integers has the axis of examples in front
    of its shape.
    """

    adds: ClassVar[bool] = False
    """Whether the operation adds numbers, so that wide sums need as many bits in every form of the network."""

    @property
    def name(self) -> str:
        """The operation's name in files."""
        return type(self).__module__.rsplit(".", 1)[-1]

    @property
    def weights(self) -> tuple[np.ndarray, ...]:
        """The trained factors, int64; biases are none."""
        return ()

    @abstractmethod
    def describe(self, *inputs: Numbers) -> Numbers:
        """Return the description of the result.

        Raises
        ------
        ValueError
            If the inputs' shapes do not fit the operation.
        """

    @abstractmethod
    def run(self, *inputs: tuple[np.ndarray, int]) -> tuple[np.ndarray, int]:
        """Return the result's integers, (n, *shape) int64, and fraction bits, of inputs in the same form."""

    @abstractmethod
    def run_in_floats(self, *inputs: np.ndarray) -> np.ndarray:
        """Return the result's real numbers, (n, *shape) float64, of inputs on their grids; float64 rounds sums."""

    @abstractmethod
    def trace(self, *inputs: Any) -> Any:
        """Return the result of da4ml's symbolic arrays, each in the shape of one example."""

    @abstractmethod
    def write_qonnx(self, writer: "GraphWriter", *inputs: str) -> str:
        """Add the operation's nodes to a QONNX graph, and return the name of the result."""

    def bit_operations(self, *inputs: Any) -> float:
        """Count the bit operations (BOPs) of one inference; see :mod:`snacpack.networks.bops`.

        An operation with weights is given their bits and density behind its inputs, or None for what the weights say.
        """
        return 0

    def effective_bit_operations(self, *inputs: Numbers) -> int:
        """Count the effective bit operations (EBOPs) of one inference; see :mod:`snacpack.networks.bops`."""
        return 0

    def to_dict(self) -> dict[str, Any]:
        """Return the fields as JSON knows them, and ``operation``."""
        return {"operation": self.name, **{name: _to_json(value) for name, value in vars(self).items()}}


@cache
def all_operations() -> dict[str, type[Operation]]:
    """Return the class of every operation by its name."""
    for file in pkgutil.iter_modules(importlib.import_module(PACKAGE).__path__):
        importlib.import_module(f"{PACKAGE}.{file.name}")
    return {kind.__module__.rsplit(".", 1)[-1]: kind for kind in Operation.__subclasses__()}


def read_operation(record: Mapping[str, Any]) -> Operation:
    """Build an operation from its :meth:`Operation.to_dict`.

    Raises
    ------
    KeyError, TypeError, ValueError
        If there is no such operation, or a field is missing or unknown.
    """
    name = record["operation"]
    known = all_operations()
    if name not in known:
        raise ValueError(f"the operation {name!r} is not one of {', '.join(known)}")
    given = {key: _from_json(value) for key, value in record.items() if key != "operation"}
    unknown = given.keys() - {field.name for field in fields(known[name])}
    if unknown:
        raise ValueError(f"{name} has no field {', '.join(sorted(unknown))}")
    return known[name](**given)


def _to_json(value: Any) -> Any:
    if isinstance(value, np.ndarray):
        return value.tolist()
    return vars(value) if isinstance(value, Quantizer) else value


def _from_json(value: Any) -> Any:
    if isinstance(value, list):
        return np.array(value, dtype=np.int64)
    return Quantizer(**value) if isinstance(value, dict) else value

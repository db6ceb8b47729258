"""The description of a family of networks."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from snacpack.core.plugins import check_name
from snacpack.networks.decision import Choice, Decision, Widths
from snacpack.networks.graph import Graph

if TYPE_CHECKING:
    from snacpack.networks.architecture import Architecture

MOST_LAYERS = 64
"""Hidden layers of a network, and layers that an option of hidden units may have."""

WIDEST = 4096
"""Units of a layer."""

_WIDTH = {"type": "integer", "minimum": 1, "maximum": WIDEST}


@dataclass(frozen=True)
class Option:
    """A field that an architecture of a family has beside those of all.

    Parameters
    ----------
    schema
        The JSON schema of a value, with a description.
    """

    schema: Mapping[str, Any]

    @property
    def words(self) -> str:
        """The values that it may have, in words."""
        return self.schema["description"]

    @property
    def search_schema(self) -> dict[str, Any]:
        """The JSON schema of its options in a search."""
        return _list_of(self.schema, f"a list of different options, each {self.words}")

    def decision(self, name: str, options: Any) -> Decision:
        """Return the decision between such options, which the configuration has under this name."""
        # As an architecture has them.
        return Choice(name, tuple(tuple(value) if isinstance(value, list) else value for value in options))


@dataclass(frozen=True)
class Units(Option):
    """Hidden units of each of some layers."""

    @classmethod
    def of(cls, layers: str) -> "Units":
        """Return the option for layers that are described by a phrase such as ``layer that the constituents share``."""
        description = f"hidden units of each {layers}, of 1 to {MOST_LAYERS} layers"
        return cls(
            {"description": description, "type": "array", "minItems": 1, "maxItems": MOST_LAYERS, "items": _WIDTH}
        )

    @property
    def search_schema(self) -> dict[str, Any]:
        """The JSON schema of a section with ``n_layers`` and ``units``, as ``search.space`` has them."""
        depths = _list_of({"type": "integer", "minimum": 1}, "a list of different numbers of layers")
        widths = _list_of(_WIDTH, f"a list of different widths, from 1 to {WIDEST}")
        units = {"type": "array", "minItems": 1, "maxItems": MOST_LAYERS, "items": widths}
        properties = {"n_layers": depths, "units": units}
        return {
            "description": "a section with n_layers, a list of numbers, and units, a list of widths for each layer",
            "type": "object",
            "additionalProperties": False,
            "required": list(properties),
            "properties": properties,
        }

    def decision(self, name: str, options: Any) -> Decision:
        """Return the decision on the number of layers and their widths."""
        widths = tuple(map(tuple, options["units"]))
        return Widths(f"{name}.n_layers", f"{name}.units", tuple(options["n_layers"]), widths)


@dataclass(frozen=True)
class Family:
    """How networks of a kind are built: an entry of ``references.<name>.family`` and of ``search.space.family``.

    Parameters
    ----------
    name
        The entry: small letters, digits and underscores, at most 40.
    words
        A phrase that says what its networks are, such as ``dense layers one behind the other``.
    build
        Returns the graph of an :class:`snacpack.networks.architecture.Architecture`, whose ``options`` are the
        family's own. It raises ValueError where the options do not fit.
    options
        The fields that an architecture of the family has beside those of all, by name; all are needed.

    Raises
    ------
    ValueError
        If a field is unfit.
    """

    name: str
    words: str
    build: "Callable[[Architecture], Graph]"
    options: Mapping[str, Option] = field(default_factory=dict)

    def __post_init__(self) -> None:
        check_name(self.name)
        if not isinstance(self.words, str) or not self.words.strip():
            raise ValueError(f"words is {self.words!r}; write a phrase")
        if not callable(self.build):
            raise ValueError(f"build is {self.build!r}; give a function of an architecture")
        if not isinstance(self.options, Mapping):
            raise ValueError(f"options is {self.options!r}; give an Option for each name")


def _list_of(items: Mapping[str, Any], description: str) -> dict[str, Any]:
    return {"description": description, "type": "array", "minItems": 1, "uniqueItems": True, "items": dict(items)}

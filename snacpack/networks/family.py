"""The description of a family of networks."""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from snacpack.networks.decision import Choice, Decision, Widths
from snacpack.networks.graph import Graph

if TYPE_CHECKING:
    from snacpack.architecture import Architecture

_NAME = re.compile(r"[a-z][a-z0-9_]{0,39}")


@dataclass(frozen=True)
class Option:
    """What an architecture of a family has beside the fields of all.

    Parameters
    ----------
    schema
        The JSON schema of a value, with a description.
    """

    schema: Mapping[str, Any]

    @property
    def search_schema(self) -> dict[str, Any]:
        """The JSON schema of its options in a search."""
        return {"$ref": "#/$defs/options", "items": dict(self.schema)}

    def decision(self, name: str, options: Any) -> Decision:
        """Return the decision between such options, which the configuration has under this name."""
        return Choice(name, tuple(options))


@dataclass(frozen=True)
class Units(Option):
    """Hidden units of each of some layers."""

    @classmethod
    def of(cls, layers: str) -> "Units":
        """Return the option for layers that are described by a phrase such as ``layer that the constituents share``."""
        width = {"$ref": "#/$defs/width"}
        description = f"hidden units of each {layers}, of 1 to 64 layers"
        return cls({"description": description, "type": "array", "minItems": 1, "maxItems": 64, "items": width})

    @property
    def search_schema(self) -> dict[str, Any]:
        """The JSON schema of a section with ``n_layers`` and ``units``, as ``search.space`` has them."""
        return {"$ref": "#/$defs/depths_and_widths", "description": self.schema["description"]}

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
        What its networks are, in a phrase such as ``dense layers one behind the other``.
    build
        Returns the graph of an :class:`snacpack.architecture.Architecture`, whose ``options`` are the family's own.
        It raises ValueError where the options do not fit.
    options
        What an architecture of the family has beside the fields of all, by name; all are needed.

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
        if not isinstance(self.name, str) or not _NAME.fullmatch(self.name):
            raise ValueError(
                f"name is {self.name!r}; write small letters, digits and underscores, a letter first, at most 40"
            )
        if not isinstance(self.words, str) or not self.words.strip():
            raise ValueError(f"words is {self.words!r}; write a phrase")
        if not callable(self.build):
            raise ValueError(f"build is {self.build!r}; give a function of an architecture")
        if not isinstance(self.options, Mapping):
            raise ValueError(f"options is {self.options!r}; give an Option for each name")

    @property
    def options_schema(self) -> dict[str, Any]:
        """The JSON schema of the options of one network."""
        return self._schema({name: dict(option.schema) for name, option in self.options.items()})

    @property
    def search_schema(self) -> dict[str, Any]:
        """The JSON schema of the options of all networks of a search."""
        return self._schema({name: option.search_schema for name, option in self.options.items()})

    def _schema(self, properties: Mapping[str, Any]) -> dict[str, Any]:
        return {
            "description": f"options of the family {self.name}",
            "type": "object",
            "additionalProperties": False,
            "required": list(properties),
            "properties": properties,
        }

"""The description of a family of networks."""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from snacpack.networks.graph import Graph

if TYPE_CHECKING:
    from snacpack.architecture import Architecture

_NAME = re.compile(r"[a-z][a-z0-9_]{0,39}")


@dataclass(frozen=True)
class Family:
    """How networks of a kind are built: one entry of ``references.<name>.family``.

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
        A JSON schema for each option that an architecture of the family has beside those of all; all are needed.

    Raises
    ------
    ValueError
        If a field is unfit.
    """

    name: str
    words: str
    build: "Callable[[Architecture], Graph]"
    options: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if not isinstance(self.name, str) or not _NAME.fullmatch(self.name):
            raise ValueError(
                f"name is {self.name!r}; write small letters, digits and underscores, a letter first, at most 40"
            )
        if not isinstance(self.words, str) or not self.words.strip():
            raise ValueError(f"words is {self.words!r}; write a phrase")
        if not callable(self.build):
            raise ValueError(f"build is {self.build!r}; give a function of an architecture")

"""Decisions of a search over networks: each has finitely many outcomes, and some genes that say which."""

from collections.abc import Sequence
from dataclasses import dataclass
from math import prod
from typing import Any, Protocol

Genes = Sequence[int]
"""The index of an option for each gene."""


class Decision(Protocol):
    """Decisions as a search space knows them."""

    @property
    def genes(self) -> list[tuple[str, tuple[Any, ...]]]:
        """The name and the options of each gene."""

    @property
    def size(self) -> int:
        """Number of different outcomes."""

    def problem(self) -> str:
        """Return what is wrong with the genes' options together, a gene's name first; empty if nothing is."""

    def n_used(self, genes: Genes) -> int:
        """Return how many of the genes, from the first on, have an effect."""

    def outcome(self, genes: Genes) -> Any:
        """Return what genes stand for."""

    def encode(self, outcome: Any) -> list[int]:
        """Return the genes of an outcome; ValueError names the gene that has no such option."""

    def largest(self) -> list[int]:
        """Return the genes of the largest outcome, or of the first where outcomes have no size."""

    def spread(self, i: int) -> Any:
        """Return an outcome for each i, such that these show every option; it need not be in the space."""


@dataclass(frozen=True)
class Choice:
    """One of some options.

    Parameters
    ----------
    name
        The gene's name.
    options
        The values to choose from.
    """

    name: str
    options: tuple[Any, ...]

    @property
    def genes(self) -> list[tuple[str, tuple[Any, ...]]]:
        """The one gene."""
        return [(self.name, self.options)]

    @property
    def size(self) -> int:
        """Number of options."""
        return len(self.options)

    def problem(self) -> str:
        """Return an empty string."""
        return ""

    def n_used(self, genes: Genes) -> int:
        """Return 1."""
        return 1

    def outcome(self, genes: Genes) -> Any:
        """Return the option."""
        return self.options[genes[0]]

    def encode(self, outcome: Any) -> list[int]:
        """Return the option's index; :func:`find_option` has the error."""
        return [find_option(self.name, self.options, outcome)]

    def largest(self) -> list[int]:
        """Return the first option's index."""
        return [0]

    def spread(self, i: int) -> Any:
        """Return an option."""
        return self.options[i % len(self.options)]


@dataclass(frozen=True)
class Widths:
    """Widths of a number of layers that is decided too. Genes of layers beyond that number have no effect.

    Parameters
    ----------
    depth_name, name
        The names of the first gene and, with a number, of the others.
    depths
        Numbers of layers.
    widths
        For the first, second, ... layer the widths to choose from.
    """

    depth_name: str
    name: str
    depths: tuple[int, ...]
    widths: tuple[tuple[int, ...], ...]

    @property
    def genes(self) -> list[tuple[str, tuple[Any, ...]]]:
        """The gene of the number of layers, then one for each possible layer."""
        return [(self.depth_name, self.depths), *((f"{self.name}[{i}]", w) for i, w in enumerate(self.widths))]

    @property
    def size(self) -> int:
        """Number of different lists of widths."""
        return sum(prod(len(options) for options in self.widths[:depth]) for depth in self.depths)

    def problem(self) -> str:
        """Return what is wrong if there is a depth without widths, or no layer."""
        fewest, most = min(self.depths), max(self.depths)
        if 0 < fewest <= most <= len(self.widths):
            return ""
        return (
            f"{self.depth_name} goes from {fewest} to {most}, but search.space.{self.name} gives widths for "
            f"{len(self.widths)} layers; add widths or remove depths"
        )

    def n_used(self, genes: Genes) -> int:
        """Return 1 and the number of layers."""
        return 1 + self.depths[genes[0]]

    def outcome(self, genes: Genes) -> tuple[int, ...]:
        """Return the widths of the layers that there are."""
        widths = [options[gene] for options, gene in zip(self.widths, genes[1:], strict=True)]
        return tuple(widths[: self.depths[genes[0]]])

    def encode(self, outcome: Sequence[int]) -> list[int]:
        """Return the genes of widths; :func:`find_option` has the error."""
        depth = find_option(self.depth_name, self.depths, len(outcome))
        genes = [find_option(*gene, width) for gene, width in zip(self.genes[1:], outcome, strict=False)]
        return [depth, *genes, *[0] * (len(self.widths) - len(outcome))]

    def largest(self) -> list[int]:
        """Return the genes of the most layers with the most units in each."""
        return [self.depths.index(max(self.depths)), *(options.index(max(options)) for options in self.widths)]

    def spread(self, i: int) -> tuple[int, ...]:
        """Return a width of every possible layer."""
        return tuple(options[i % len(options)] for options in self.widths)


def find_option(name: str, options: Sequence[Any], wanted: Any) -> int:
    """Return the index of an option.

    Raises
    ------
    ValueError
        If it is not among the options; the message names the gene.
    """
    if wanted not in options:
        raise ValueError(f"{name} = {wanted} is not in the search space")
    return list(options).index(wanted)

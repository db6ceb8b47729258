"""The space of architectures, and a genome for each of them.

A genome is a list of small integers, one per decision: the index of the depth
among the depths, then for each possible layer the index of its width, then the
indices of activation, batch norm, learning rate, L1 and dropout. Layers beyond
the depth carry index 0, so that one network has one genome.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import product
from math import prod
from random import Random
from typing import Any

from snacpack.architecture import Architecture

Genome = tuple[int, ...]
CHOICES = ("activation", "batch_norm", "learning_rate", "l1", "dropout")


@dataclass(frozen=True)
class SearchSpace:
    """Dense networks whose every decision is a finite list of options.

    Parameters
    ----------
    n_layers
        Numbers of hidden layers.
    units
        For the first, second, ... hidden layer the widths to choose from.
    activation, batch_norm, learning_rate, l1, dropout
        Options of the decisions that hold for the whole network.
    n_inputs, n_outputs
        Numbers of an example, and classes: see :class:`snacpack.data.info.DataInfo`.

    Raises
    ------
    ValueError
        If a list is empty or repeats an option, a depth has no widths, or an
        option is outside its range.
    """

    n_layers: tuple[int, ...]
    units: tuple[tuple[int, ...], ...]
    activation: tuple[str, ...]
    batch_norm: tuple[bool, ...]
    learning_rate: tuple[float, ...]
    l1: tuple[float, ...]
    dropout: tuple[float, ...]
    n_inputs: int
    n_outputs: int

    def __post_init__(self) -> None:
        for name, options in self._named_options():
            if not options:
                raise ValueError(f"search.space.{name} is empty; give at least one option")
            if len(set(options)) < len(options):
                raise ValueError(f"search.space.{name} repeats an option; remove it")
        if max(self.n_layers) > len(self.units) or min(self.n_layers) < 1:
            raise ValueError(
                f"search.space.n_layers goes from {min(self.n_layers)} to {max(self.n_layers)}, but search.space.units "
                f"gives widths for {len(self.units)} layers; add widths or remove depths"
            )
        for i in range(max(map(len, (options for _, options in self._named_options())))):
            self._check_options(i)

    def _named_options(self) -> list[tuple[str, Sequence[Any]]]:
        layers = [(f"units[{i}]", widths) for i, widths in enumerate(self.units)]
        return [("n_layers", self.n_layers), *layers, *((name, getattr(self, name)) for name in CHOICES)]

    def _check_options(self, i: int) -> None:
        # Every option appears in the i-th of these architectures for some i, and architectures check themselves.
        options = {name: getattr(self, name)[i % len(getattr(self, name))] for name in CHOICES}
        try:
            sizes = {"n_inputs": self.n_inputs, "n_outputs": self.n_outputs}
            Architecture(units=[widths[i % len(widths)] for widths in self.units], **options, **sizes)
        except ValueError as error:
            raise ValueError(f"search.space: {error}") from None

    @classmethod
    def from_config(cls, space: Mapping[str, Any], n_inputs: int, n_outputs: int) -> "SearchSpace":
        """Build the space from the config's ``search.space`` for networks of these inputs and outputs."""
        fields = {name: tuple(space[name]) for name in ("n_layers", *CHOICES)}
        return cls(
            units=tuple(tuple(widths) for widths in space["units"]), **fields, n_inputs=n_inputs, n_outputs=n_outputs
        )

    @property
    def option_counts(self) -> tuple[int, ...]:
        """Number of options of each gene."""
        return tuple(len(options) for _, options in self._named_options())

    @property
    def size(self) -> int:
        """Number of different networks."""
        trunks = sum(prod(len(widths) for widths in self.units[:depth]) for depth in self.n_layers)
        return trunks * prod(len(getattr(self, name)) for name in CHOICES)

    def canonical(self, genome: Sequence[int]) -> Genome:
        """Return the genome of the same network whose unused genes are zero."""
        depth = self.n_layers[genome[0]]
        first_unused, n_layers = 1 + depth, len(self.units)
        return tuple(0 if first_unused <= i <= n_layers else int(gene) for i, gene in enumerate(genome))

    def with_random_unused(self, genome: Sequence[int], random: Random) -> list[int]:
        """Return a genome of the same network whose unused genes are drawn anew.

        Recombined as they are stored, zeros would make every layer that a child gains
        the first of its options.
        """
        depth = self.n_layers[genome[0]]
        drawn = [random.randrange(count) for count in self.option_counts]
        first_unused, n_layers = 1 + depth, len(self.units)
        return [drawn[i] if first_unused <= i <= n_layers else int(gene) for i, gene in enumerate(genome)]

    def sample(self, random: Random) -> Genome:
        """Draw a genome, every option of every gene with equal probability."""
        return self.canonical([random.randrange(count) for count in self.option_counts])

    def largest(self) -> list[Genome]:
        """Return the genomes of the deepest and widest network, one for each activation and batch norm.

        What it is trained with has no size: the first option of each is taken.
        """
        depth = self.n_layers.index(max(self.n_layers))
        widest = [widths.index(max(widths)) for widths in self.units]
        choices = product(range(len(self.activation)), range(len(self.batch_norm)))
        return [self.canonical([depth, *widest, *choice, 0, 0, 0]) for choice in choices]

    def decode(self, genome: Sequence[int]) -> Architecture:
        """Return the genome's architecture.

        Raises
        ------
        ValueError
            If the genome has the wrong length or a gene has no such option.
        """
        counts = self.option_counts
        if len(genome) != len(counts):
            raise ValueError(f"a genome of this space has {len(counts)} genes, got {len(genome)}: {list(genome)}")
        for (name, options), gene in zip(self._named_options(), genome, strict=True):
            if not 0 <= gene < len(options):
                raise ValueError(f"gene {gene} of {name} is not the index of one of {list(options)}")
        depth = self.n_layers[genome[0]]
        units = [widths[gene] for widths, gene in zip(self.units, genome[1:], strict=False)][:depth]
        chosen = {name: getattr(self, name)[genome[i - len(CHOICES)]] for i, name in enumerate(CHOICES)}
        return Architecture(units=units, **chosen, n_inputs=self.n_inputs, n_outputs=self.n_outputs)

    def describe(self, genome: Sequence[int]) -> dict[str, Any]:
        """Return what ``offspring.json`` says of a genome."""
        return {"architecture": self.decode(genome).to_dict()}

    def encode(self, architecture: Architecture) -> Genome:
        """Return the architecture's canonical genome.

        Raises
        ------
        ValueError
            If the architecture is not in the space; the message names the decision.
        """
        depth = len(architecture.units)
        wanted = [("n_layers", depth), *((f"units[{i}]", width) for i, width in enumerate(architecture.units))]
        wanted += [(name, getattr(architecture, name)) for name in CHOICES]
        options = dict(self._named_options())
        for name, value in wanted:
            if value not in options.get(name, ()):
                raise ValueError(f"{name} = {value} is not in the search space")
        indices = {name: list(options[name]).index(value) for name, value in wanted}
        return tuple(indices.get(name, 0) for name in options)

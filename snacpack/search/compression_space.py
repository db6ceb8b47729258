"""The space of a network's compressions, and a genome for each of them.

A genome is a list of small integers, one per decision: the indices of the features'
bits, of each dense layer's weight bits, of each hidden layer's activation bits, and of
the sparsity among their options.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import prod
from random import Random
from typing import Any

from snacpack.networks.scheme import Compression, Precision
from snacpack.search.space import Genome


@dataclass(frozen=True)
class CompressionSpace:
    """Compressions of a network whose every decision is a finite list of options.

    Parameters
    ----------
    n_layers
        Dense layers of the network, the last one included.
    weight_bits, activation_bits, input_bits
        Options for each dense layer's weights, each hidden layer's outputs and the features.
    sparsity
        Options for the fraction of all weights that is pruned.

    Raises
    ------
    ValueError
        If a list is empty or repeats an option, or an option is outside its range.
    """

    n_layers: int
    weight_bits: tuple[int, ...]
    activation_bits: tuple[int, ...]
    input_bits: tuple[int, ...]
    sparsity: tuple[float, ...]

    def __post_init__(self) -> None:
        for name in ("weight_bits", "activation_bits", "input_bits", "sparsity"):
            options = getattr(self, name)
            if not options:
                raise ValueError(f"compression.search.space.{name} is empty; give at least one option")
            if len(set(options)) < len(options):
                raise ValueError(f"compression.search.space.{name} repeats an option; remove it")
        try:
            widest = max(self.activation_bits)
            Precision((max(self.weight_bits),) * 2, (widest,), max(self.input_bits))
            Precision((min(self.weight_bits),) * 2, (min(self.activation_bits),), min(self.input_bits))
            for sparsity in self.sparsity:
                Compression(Precision((8, 8), (8,), 8), sparsity)
        except ValueError as error:
            raise ValueError(f"compression.search.space: {error}") from None

    @classmethod
    def from_config(cls, space: Mapping[str, Any], n_layers: int) -> "CompressionSpace":
        """Build the space from the config's ``compression.search.space`` for a network of ``n_layers`` dense layers."""
        return cls(n_layers, **{name: tuple(options) for name, options in space.items()})

    def _options(self) -> list[Sequence[Any]]:
        hidden = self.n_layers - 1
        layers = [self.weight_bits] * self.n_layers + [self.activation_bits] * hidden
        return [self.input_bits, *layers, self.sparsity]

    @property
    def option_counts(self) -> tuple[int, ...]:
        """Number of options of each gene."""
        return tuple(map(len, self._options()))

    @property
    def size(self) -> int:
        """Number of different compressions."""
        return prod(self.option_counts)

    def canonical(self, genome: Sequence[int]) -> Genome:
        """Return the genome itself: all genes count."""
        return tuple(map(int, genome))

    def with_random_unused(self, genome: Sequence[int], random: Random) -> list[int]:
        """Return the genome itself: no gene is unused."""
        return list(genome)

    def sample(self, random: Random) -> Genome:
        """Draw a genome: every second one has the same bits in all layers, the others their own in each.

        With each layer drawn alone, hardly a network would have few bits throughout.
        """
        genome = [random.randrange(count) for count in self.option_counts]
        if random.random() < 0.5:
            first_activation = 1 + self.n_layers
            for i in range(1, len(genome) - 1):
                genome[i] = genome[1] if i < first_activation else genome[first_activation]
        return tuple(genome)

    def decode(self, genome: Sequence[int]) -> Compression:
        """Return the genome's compression.

        Raises
        ------
        ValueError
            If the genome has the wrong length or a gene has no such option.
        """
        options = self._options()
        if len(genome) != len(options):
            raise ValueError(f"a genome of this space has {len(options)} genes, got {len(genome)}: {list(genome)}")
        for position, (gene, choices) in enumerate(zip(genome, options, strict=True)):
            if not 0 <= gene < len(choices):
                raise ValueError(f"gene {position} is {gene}, not the index of one of {list(choices)}")
        input_bits, *bits, sparsity = (choices[gene] for gene, choices in zip(genome, options, strict=True))
        return Compression(Precision(bits[: self.n_layers], bits[self.n_layers :], input_bits), sparsity)

    def describe(self, genome: Sequence[int]) -> dict[str, Any]:
        """Return what ``offspring.json`` says of a genome."""
        return self.decode(genome).to_dict()

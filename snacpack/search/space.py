"""The space of architectures, and a genome for each of them.

A genome is a list of small integers, one per gene: first those of the family's own
decisions, then the index of the depth among the depths and for each possible layer the
index of its width, then the indices of activation, batch norm, learning rate, L1 and
dropout. Layers beyond the depth carry index 0, so that one network has one genome.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import product
from math import prod
from random import Random
from typing import Any

from snacpack.networks.architecture import DENSE, Architecture
from snacpack.networks.decision import Choice, Decision, Widths
from snacpack.networks.registry import find_family

Genome = tuple[int, ...]
CHOICES = ("activation", "batch_norm", "learning_rate", "l1", "dropout")
# Decisions without a size that the cost of a network follows from.
COSTLY_CHOICES = ("activation", "batch_norm")


@dataclass(frozen=True)
class SearchSpace:
    """Networks of a family whose every decision has a finite list of options.

    Parameters
    ----------
    family
        The name of one of :data:`snacpack.networks.registry.REGISTRY`.
    own
        The family's own decisions, by the name of the option that each decides.
    common
        ``units`` and :data:`CHOICES`, by the name of the field of an architecture that each decides.
    n_inputs, n_outputs
        Numbers of an example, and classes: see :class:`snacpack.data.info.DataInfo`.

    Raises
    ------
    ValueError
        If a list is empty or repeats an option, a depth has no widths, or an
        option is outside its range.
    """

    family: str
    own: Mapping[str, Decision]
    common: Mapping[str, Decision]
    n_inputs: int
    n_outputs: int

    def __post_init__(self) -> None:
        for name, options in self._genes():
            if not options:
                raise ValueError(f"search.space.{name} is empty; give at least one option")
            if len(set(options)) < len(options):
                raise ValueError(f"search.space.{name} repeats an option; remove it")
        for decision in self._decisions():
            problem = decision.problem()
            if problem:
                raise ValueError(f"search.space.{problem}")
        for i in range(max(len(options) for _, options in self._genes())):
            self._check_options(i)
        self._check_largest()

    def _decisions(self) -> list[Decision]:
        return [*self.own.values(), *self.common.values()]

    def _genes(self) -> list[tuple[str, tuple[Any, ...]]]:
        return [gene for decision in self._decisions() for gene in decision.genes]

    def _check_options(self, i: int) -> None:
        # Every option appears in the i-th of these architectures for some i, and architectures check themselves.
        try:
            self._architecture(*({name: d.spread(i) for name, d in part.items()} for part in (self.own, self.common)))
        except ValueError as error:
            raise ValueError(f"search.space: {error}") from None

    def _check_largest(self) -> None:
        # A family may refuse options that do not fit together: each of its own choices appears with each other here.
        for genome in self.largest() if self.own else []:
            try:
                self.decode(genome)
            except ValueError as error:
                raise ValueError(f"search.space: {error}") from None

    @classmethod
    def from_config(cls, space: Mapping[str, Any], n_inputs: int, n_outputs: int) -> "SearchSpace":
        """Build the space from the config's ``search.space`` for networks of these inputs and outputs."""
        family = space.get("family", DENSE)
        own = {
            name: option.decision(f"options.{name}", space["options"][name])
            for name, option in find_family(family).options.items()
        }
        units = Widths("n_layers", "units", tuple(space["n_layers"]), tuple(map(tuple, space["units"])))
        common = {"units": units, **{name: Choice(name, tuple(space[name])) for name in CHOICES}}
        return cls(family, own, common, n_inputs, n_outputs)

    @property
    def option_counts(self) -> tuple[int, ...]:
        """Number of options of each gene."""
        return tuple(len(options) for _, options in self._genes())

    @property
    def size(self) -> int:
        """Number of different networks."""
        return prod(decision.size for decision in self._decisions())

    def canonical(self, genome: Sequence[int]) -> Genome:
        """Return the genome of the same network whose unused genes are zero."""
        return tuple(int(gene) if used else 0 for gene, used in zip(genome, self._used(genome), strict=True))

    def with_random_unused(self, genome: Sequence[int], random: Random) -> list[int]:
        """Return a genome of the same network whose unused genes are drawn anew.

        Recombined as they are stored, zeros would make every layer that a child gains
        the first of its options.
        """
        drawn = [random.randrange(count) for count in self.option_counts]
        return [int(gene) if used else new for gene, used, new in zip(genome, self._used(genome), drawn, strict=True)]

    def sample(self, random: Random) -> Genome:
        """Draw a genome, every option of every gene with equal probability."""
        return self.canonical([random.randrange(count) for count in self.option_counts])

    def largest(self) -> list[Genome]:
        """Return the genomes of the deepest and widest network, one for each choice that its cost follows from.

        These are activation, batch norm, and the family's own choices. The others, which a network is trained with,
        have no size: the first option of each is taken.
        """
        costly = [*(self.own[name] for name in self.own), *(self.common[name] for name in COSTLY_CHOICES)]
        genes = [
            [[i] for i in range(decision.size)]
            if isinstance(decision, Choice) and any(decision is other for other in costly)
            else [decision.largest()]
            for decision in self._decisions()
        ]
        return [self.canonical([gene for part in parts for gene in part]) for parts in product(*genes)]

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
        for (name, options), gene in zip(self._genes(), genome, strict=True):
            if not 0 <= gene < len(options):
                raise ValueError(f"gene {gene} of {name} is not the index of one of {list(options)}")
        parts = iter(self._parts(genome))
        own = {name: decision.outcome(next(parts)) for name, decision in self.own.items()}
        return self._architecture(own, {name: decision.outcome(next(parts)) for name, decision in self.common.items()})

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
        if architecture.family != self.family:
            raise ValueError(f"family = {architecture.family} is not in the search space")
        own = [decision.encode(architecture.options[name]) for name, decision in self.own.items()]
        common = [decision.encode(getattr(architecture, name)) for name, decision in self.common.items()]
        return tuple(gene for genes in (*own, *common) for gene in genes)

    def _architecture(self, own: Mapping[str, Any], common: Mapping[str, Any]) -> Architecture:
        sizes = {"n_inputs": self.n_inputs, "n_outputs": self.n_outputs}
        return Architecture(**common, **sizes, family=self.family, options=own)

    def _parts(self, genome: Sequence[int]) -> list[Sequence[int]]:
        """Return the genes of each decision."""
        genes = iter(genome)
        return [[next(genes) for _ in decision.genes] for decision in self._decisions()]

    def _used(self, genome: Sequence[int]) -> list[bool]:
        """Return whether each gene has an effect."""
        parts = zip(self._decisions(), self._parts(genome), strict=True)
        return [i < decision.n_used(genes) for decision, genes in parts for i in range(len(genes))]

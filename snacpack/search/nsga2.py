"""NSGA-II by generations: ask for offspring, tell how they did.

Selection, crowding and variation are DEAP's. This module adds what a workflow
needs: each generation is a function of the run's seed, the generation's number
and the survivors before it, and no network is proposed twice.

References
----------
K. Deb, A. Pratap, S. Agarwal, T. Meyarivan, "A fast and elitist multiobjective
genetic algorithm: NSGA-II", IEEE Trans. Evol. Comput. 6 (2002) 182.
"""

import random
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from typing import Any, Protocol

import numpy as np
from deap import base, tools

from snacpack.core.seeds import derive_seed
from snacpack.search.objectives import check_objectives, objective_values
from snacpack.search.space import Genome

MAX_ATTEMPTS = 1000
"""Variations of one offspring before it is replaced by a random genome."""


class Space(Protocol):
    """What NSGA-II knows of the things that it searches: lists of small integers."""

    @property
    def option_counts(self) -> tuple[int, ...]:
        """Number of options of each gene."""

    @property
    def size(self) -> int:
        """Number of different things."""

    def sample(self, random: random.Random) -> Genome:
        """Draw a genome."""

    def canonical(self, genome: Sequence[int]) -> Genome:
        """Return the one genome of what a genome stands for."""

    def with_random_unused(self, genome: Sequence[int], random: random.Random) -> list[int]:
        """Return a genome of the same thing, ready to be recombined."""

    def describe(self, genome: Sequence[int]) -> dict[str, Any]:
        """Return what a genome stands for, as JSON knows it."""


def make_search(settings: Mapping[str, Any], space: Space, seed: int) -> "NSGA2":
    """Return the search of a space by a section of the configuration, ``search`` or ``compression.search``."""
    return METHODS[settings["method"]](
        space=space,
        objectives=tuple(settings["objectives"]),
        population=settings["population"],
        seed=seed,
        crossover_probability=settings["crossover_probability"],
        mutation_probability=settings["mutation_probability"],
    )


class Individual(list):
    """A genome with the fitness that DEAP's operators look for."""

    def __init__(self, trial: Mapping[str, Any], values: Sequence[float]) -> None:
        super().__init__(trial["genome"])
        self.trial = trial
        self.fitness = _minimised(len(values))(values)


@dataclass(frozen=True)
class NSGA2:
    """The rules of one search.

    Parameters
    ----------
    space
        The space of the genomes.
    objectives
        Names of objectives.
    population
        Size of a generation and of the survivors; a multiple of four, because
        NSGA-II's tournament pairs four individuals at a time.
    seed
        The run's seed.
    crossover_probability
        That two parents exchange genes, each gene with probability one half.
    mutation_probability
        That a gene is drawn anew; None means one over the number of genes.

    Raises
    ------
    ValueError
        If the population is not a positive multiple of four or an objective is unknown.
    """

    space: Space
    objectives: tuple[str, ...]
    population: int
    seed: int
    crossover_probability: float = 0.9
    mutation_probability: float | None = None

    def __post_init__(self) -> None:
        check_objectives(self.objectives)
        if self.population < 4 or self.population % 4:
            raise ValueError(
                f"search.population is {self.population}; NSGA-II's tournament needs a multiple of four, "
                f"the nearest is {max(4, 4 * round(self.population / 4))}"
            )

    def ask(
        self, generation: int, survivors: Sequence[Mapping[str, Any]], seen: Collection[Sequence[int]]
    ) -> list[Genome]:
        """Propose the genomes of a generation, all different and none of them seen before.

        Parameters
        ----------
        generation
            Its number; with the run's seed it decides every random choice.
        survivors
            What :meth:`tell` returned for the generation before; empty for the first.
        seen
            All genomes of earlier generations.

        Raises
        ------
        ValueError
            If fewer networks are left in the space than the population needs.
        """
        known = {tuple(genome) for genome in seen}
        if self.space.size - len(known) < self.population:
            raise ValueError(
                f"the search space has {self.space.size} networks, and {len(known)} of them were tried, so fewer "
                f"than the {self.population} of a generation are left; lower the number of trials or widen the space"
            )
        with _seeded(derive_seed(self.seed, "propose_offspring", generation)):
            draw = self._draw(survivors)
            offspring = []
            for _ in range(self.population):
                genome = self._unseen(draw, known)
                known.add(genome)
                offspring.append(genome)
        return offspring

    def tell(
        self, survivors: Sequence[Mapping[str, Any]], trials: Sequence[Mapping[str, Any]]
    ) -> list[Mapping[str, Any]]:
        """Select the next survivors among the old ones and a generation's trials.

        Trials are records with ``genome``, ``failure`` and the objectives. One
        that failed ranks behind all that did not.
        """
        pool = [*survivors, *trials]
        return [individual.trial for individual in tools.selNSGA2(self._individuals(pool), self.population)]

    def _individuals(self, trials: Sequence[Mapping[str, Any]]) -> list[Individual]:
        succeeded = [trial for trial in trials if not trial["failure"]]
        failed = [trial for trial in trials if trial["failure"]]
        values = objective_values(succeeded, self.objectives)
        # Worse than the worst in every objective, and finite, so that crowding distances stay defined.
        worst = values.max(axis=0) + 1 + abs(values).max(axis=0) if len(values) else np.zeros(len(self.objectives))
        rows = [*zip(succeeded, values.tolist(), strict=True), *((trial, worst.tolist()) for trial in failed)]
        return [Individual(trial, row) for trial, row in rows]

    def _draw(self, survivors: Sequence[Mapping[str, Any]]) -> Iterator[Genome]:
        return self._children(survivors) if survivors else self._random_genomes()

    def _random_genomes(self) -> Iterator[Genome]:
        while True:
            yield self.space.sample(random)

    def _children(self, survivors: Sequence[Mapping[str, Any]]) -> Iterator[Genome]:
        counts = self.space.option_counts
        rate = 1 / len(counts) if self.mutation_probability is None else self.mutation_probability
        parents = self._individuals(survivors)
        # selNSGA2 of all of them assigns the crowding distances that the tournament compares.
        parents = tools.selNSGA2(parents, len(parents))
        while True:
            for mother, father in _pairs(tools.selTournamentDCD(parents, len(parents) - len(parents) % 4)):
                first, second = (self.space.with_random_unused(parent, random) for parent in (mother, father))
                if random.random() < self.crossover_probability:
                    tools.cxUniform(first, second, indpb=0.5)
                for child in (first, second):
                    tools.mutUniformInt(child, low=0, up=[count - 1 for count in counts], indpb=rate)
                    yield self.space.canonical(child)

    def _unseen(self, draw: Iterator[Genome], known: Collection[Genome]) -> Genome:
        for _ in range(MAX_ATTEMPTS):
            genome = next(draw)
            if genome not in known:
                return genome
        # A converged population in a nearly exhausted space: chance alone finds the rest.
        return next(genome for genome in self._random_genomes() if genome not in known)


class RandomSearch(NSGA2):
    """What NSGA-II is measured against: every generation is drawn from the space as the first one is."""

    def _draw(self, survivors: Sequence[Mapping[str, Any]]) -> Iterator[Genome]:
        return self._random_genomes()


METHODS = {"nsga2": NSGA2, "random": RandomSearch}
"""By the name of ``search.method``; with one seed, all begin with the same generation."""


@cache
def _minimised(n_objectives: int) -> type[base.Fitness]:
    return type("Minimised", (base.Fitness,), {"weights": (-1.0,) * n_objectives})


def _pairs(individuals: Sequence[Individual]) -> Iterator[tuple[Individual, Individual]]:
    return zip(individuals[::2], individuals[1::2], strict=True)


@contextmanager
def _seeded(seed: int) -> Iterator[None]:
    """Seed the generator that DEAP's operators use, and put its state back."""
    state = random.getstate()
    random.seed(seed)
    try:
        yield
    finally:
        random.setstate(state)

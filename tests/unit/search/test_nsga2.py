from dataclasses import dataclass

import numpy as np
import pytest

from helpers.spaces import SIZES, SMALL, TABLE_1
from snacpack.problems.architectures import architecture_search
from snacpack.search.nsga2 import METHODS, NSGA2, RandomSearch
from snacpack.search.space import SearchSpace


@dataclass(frozen=True)
class BitStrings:
    """Genomes of LOTZ, the textbook problem below."""

    length: int

    @property
    def option_counts(self):
        return (2,) * self.length

    @property
    def size(self):
        return 2**self.length

    def canonical(self, genome):
        return tuple(genome)

    def with_random_unused(self, genome, random):
        return list(genome)

    def sample(self, random):
        return tuple(random.randrange(2) for _ in range(self.length))


def lotz(genome):
    """Leading ones and trailing zeros, both to be large (Laumanns et al. 2002).

    Its Pareto front is known: the n + 1 strings 1...10...0.
    """
    bits = "".join(map(str, genome))
    return {"accuracy": len(bits) - len(bits.lstrip("1")), "bops": -(len(bits) - len(bits.rstrip("0")))}


def run(search, evaluate, n_generations):
    survivors, seen, number = [], [], 0
    for generation in range(n_generations):
        genomes = search.ask(generation, survivors, seen)
        trials = [
            {"trial": number + i, "genome": list(genome), "failure": None, **evaluate(genome)}
            for i, genome in enumerate(genomes)
        ]
        number += len(trials)
        seen += genomes
        survivors = search.tell(survivors, trials)
    return survivors, seen


def test_finds_the_known_front_of_lotz():
    length = 10
    search = NSGA2(BitStrings(length), ("accuracy", "bops"), population=20, seed=3)
    survivors, seen = run(search, lotz, n_generations=30)
    front = {"1" * i + "0" * (length - i) for i in range(length + 1)}
    found = {"".join(map(str, trial["genome"])) for trial in survivors}
    assert front <= found
    assert len(seen) < 0.6 * 2**length


def test_no_network_is_proposed_twice_and_seeds_decide():
    space = SearchSpace.from_config(TABLE_1, **SIZES)

    def evaluate(genome):
        return {"accuracy": sum(genome), "clock_cycles": genome[0] * genome[1]}

    search = NSGA2(space, ("accuracy", "clock_cycles"), population=12, seed=5)
    survivors, seen = run(search, evaluate, n_generations=8)
    assert len(set(seen)) == len(seen) == 96
    assert run(search, evaluate, n_generations=8) == (survivors, seen)
    other = NSGA2(space, ("accuracy", "clock_cycles"), population=12, seed=6)
    assert run(other, evaluate, n_generations=8)[1] != seen


def test_a_whole_space_can_be_searched_and_no_more():
    space = SearchSpace.from_config(SMALL, **SIZES)
    search = NSGA2(space, ("accuracy",), population=8, seed=1)
    survivors, seen = run(search, lambda genome: {"accuracy": sum(genome)}, n_generations=space.size // 8)
    assert len(set(seen)) == space.size
    with pytest.raises(ValueError, match="search space has"):
        search.ask(99, survivors, seen)


def test_survivors_are_the_best_and_elitist():
    search = NSGA2(BitStrings(8), ("accuracy",), population=4, seed=1)
    old = [{"trial": i, "genome": [1] * 8, "failure": None, "accuracy": 10 + i} for i in range(4)]
    new = [{"trial": 4 + i, "genome": [0] * 8, "failure": None, "accuracy": i + 11.5} for i in range(4)]
    assert sorted(trial["accuracy"] for trial in search.tell(old, new)) == [12.5, 13, 13.5, 14.5]


def test_failed_trials_rank_last_and_stop_nothing():
    search = NSGA2(BitStrings(8), ("accuracy", "bops"), population=4, seed=1)
    failed = [{"trial": i, "genome": [0] * 7 + [i], "failure": "diverged", "accuracy": None, "bops": 1} for i in (0, 1)]
    good = [
        {"trial": 2 + i, "genome": [1] * i + [0] * (8 - i), "failure": None, "accuracy": -i, "bops": i}
        for i in range(4)
    ]
    assert all(trial["failure"] is None for trial in search.tell([], failed + good))
    survivors = search.tell([], failed + good[:2])
    assert {trial["trial"] for trial in survivors} == {0, 1, 2, 3}
    assert len(search.ask(1, survivors, [trial["genome"] for trial in survivors])) == 4


def test_all_failed_is_survived():
    search = NSGA2(BitStrings(8), ("accuracy",), population=4, seed=1)
    failed = [{"trial": i, "genome": [0] * 7 + [i], "failure": "diverged", "accuracy": None} for i in (0, 1)] * 2
    assert len(search.ask(1, search.tell([], failed), [])) == 4


@pytest.mark.parametrize("population", [0, 3, 6, 10, -4])
def test_a_population_that_the_tournament_cannot_pair_is_refused(population):
    with pytest.raises(ValueError, match="multiple of four"):
        NSGA2(BitStrings(8), ("accuracy",), population, seed=1)


@pytest.mark.parametrize("objectives", [(), ("speed",), ("accuracy", "accuracy")])
def test_impossible_objectives_are_refused(objectives):
    with pytest.raises(ValueError, match=r"search\.objectives"):
        NSGA2(BitStrings(8), objectives, 4, seed=1)


def test_variation_favours_no_option():
    """Without selection every width stays as frequent as it was, also in layers that only some parents have."""
    space = SearchSpace.from_config(TABLE_1, **SIZES)
    search = NSGA2(space, ("accuracy",), population=400, seed=0)
    _, seen = run(search, lambda genome: {"accuracy": 0.0}, n_generations=5)
    last = np.array(seen[-400:])
    for layer in (5, 6, 7):
        used = last[np.array(TABLE_1["n_layers"])[last[:, 0]] >= layer, layer]
        assert abs((used == 0).mean() - 0.5) < 0.12


def test_every_option_is_sampled_at_random():
    space = SearchSpace.from_config(TABLE_1, **SIZES)
    genomes = np.array(NSGA2(space, ("accuracy",), population=400, seed=0).ask(0, [], []))
    shares = np.bincount(genomes[:, 0], minlength=5) / len(genomes)
    assert abs(shares - 0.2).max() < 0.07


def test_random_search_begins_alike_and_learns_nothing():
    """Its proposals depend on nothing but the seed and what was seen; NSGA-II's follow the survivors."""
    space, sizes = SearchSpace.from_config(TABLE_1, **SIZES), {"population": 8, "seed": 4}
    random, nsga2 = (method(space, ("accuracy",), **sizes) for method in (RandomSearch, NSGA2))
    first = random.ask(0, [], [])
    assert first == nsga2.ask(0, [], [])
    survivors = [{"trial": i, "genome": list(genome), "failure": None, "accuracy": i} for i, genome in enumerate(first)]
    assert random.ask(1, survivors, first) == random.ask(1, survivors[::-1], first)
    assert nsga2.ask(1, survivors, first) != random.ask(1, survivors, first)
    assert not set(random.ask(1, survivors, first)) & set(first)
    assert random.tell([], survivors) == nsga2.tell([], survivors)


def test_random_search_tries_no_network_twice():
    space = SearchSpace.from_config(SMALL, **SIZES)
    search = RandomSearch(space, ("accuracy",), population=8, seed=1)
    _, seen = run(search, lambda genome: {"accuracy": sum(genome)}, n_generations=space.size // 8)
    assert len(set(seen)) == len(seen) == space.size // 8 * 8


def test_the_config_chooses_the_method():
    search = {"space": TABLE_1, "objectives": ["accuracy"], "population": 4}
    search |= {"crossover_probability": 0.9, "mutation_probability": None}
    for name, method in METHODS.items():
        assert type(architecture_search({**search, "method": name}, SIZES, seed=1)) is method

from itertools import product
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from helpers.spaces import SIZES, SMALL, TABLE_1
from snacpack.networks.architecture import Architecture
from snacpack.search.space import SearchSpace


def distinct(options, min_size=1, max_size=4):
    return st.lists(options, min_size=min_size, max_size=max_size, unique=True)


def deep_sets(constituents):
    units = {"n_layers": [2, 1], "units": [[3, 5], [4]]}
    return {"family": "deep_sets", "options": {"constituents": [constituents], "shared_units": units}}


@st.composite
def spaces(draw):
    units = draw(st.lists(distinct(st.integers(1, 200)), min_size=1, max_size=6))
    constituents = draw(st.integers(1, 8))
    return SearchSpace.from_config(
        {
            **draw(st.sampled_from([{}, {"family": "dense", "options": {}}, deep_sets(constituents)])),
            "n_layers": draw(distinct(st.integers(1, len(units)))),
            "units": units,
            "activation": draw(distinct(st.sampled_from(["relu", "tanh", "sigmoid"]), max_size=3)),
            "batch_norm": draw(distinct(st.booleans(), max_size=2)),
            "learning_rate": draw(distinct(st.floats(1e-5, 1.0))),
            "l1": draw(distinct(st.floats(0.0, 1.0))),
            "dropout": draw(distinct(st.floats(0.0, 0.9))),
        },
        n_inputs=constituents * draw(st.integers(1, 6)),
        n_outputs=draw(st.integers(2, 12)),
    )


@given(spaces(), st.randoms(use_true_random=False))
def test_genome_round_trip(space, random):
    genome = space.sample(random)
    architecture = space.decode(genome)
    assert space.encode(architecture) == genome
    assert (architecture.n_inputs, architecture.n_outputs) == (space.n_inputs, space.n_outputs)


@given(spaces(), st.data())
def test_genes_beyond_the_depth_change_nothing(space, data):
    genome = [data.draw(st.integers(0, count - 1)) for count in space.option_counts]
    assert space.decode(space.canonical(genome)) == space.decode(genome)


@given(spaces(), st.randoms(use_true_random=False))
def test_drawing_unused_genes_anew_changes_no_network(space, random):
    genome = space.sample(random)
    assert space.canonical(space.with_random_unused(genome, random)) == genome


def test_size_counts_different_networks():
    space = SearchSpace.from_config(SMALL, **SIZES)
    every = {space.canonical(genome) for genome in product(*(range(count) for count in space.option_counts))}
    assert len({space.decode(genome) for genome in every}) == len(every) == space.size == (2 + 2 * 1 * 3) * 2 * 2


def test_a_family_has_decisions_of_its_own():
    space = SearchSpace.from_config({**SMALL, **deep_sets(8)}, **SIZES)
    every = {space.canonical(genome) for genome in product(*(range(count) for count in space.option_counts))}
    assert len(every) == space.size == (2 + 2 * 1) * SearchSpace.from_config(SMALL, **SIZES).size
    shared = {space.decode(genome).options["shared_units"] for genome in every}
    assert shared == {(3,), (5,), (3, 4), (5, 4)}
    largest = space.decode(space.largest()[0])
    assert (largest.options["shared_units"], largest.units) == ((5, 4), (3, 4, 7))


def test_table_1_has_the_papers_size():
    depths = 36 + 72 + 144 + 288 + 864
    assert SearchSpace.from_config(TABLE_1, **SIZES).size == depths * 3 * 2 * 3 * 4 * 3


def test_samples_reach_every_option():
    space = SearchSpace.from_config(SMALL, **SIZES)
    random = Random(0)
    assert len({space.sample(random) for _ in range(2000)}) == space.size


@pytest.mark.parametrize(
    ("key", "value", "message"),
    [
        ("n_layers", [], "n_layers is empty"),
        ("n_layers", [9], "add widths or remove depths"),
        ("n_layers", [0], "n_layers"),
        ("units", [[], [3], [4]], r"units\[0\] is empty"),
        ("units", [[2, 2], [3], [4]], "repeats"),
        ("units", [[0], [3], [4]], "at least one unit"),
        ("activation", ["relu", "swish"], "swish"),
        ("learning_rate", [-1.0], "learning_rate"),
        ("dropout", [1.0], "dropout"),
        ("l1", [-1e-3], "l1"),
        ("options", {**deep_sets(8)["options"], "constituents": []}, "options.constituents is empty"),
        ("options", deep_sets(7)["options"], "24 numbers of an example are no multiple"),
    ],
)
def test_impossible_spaces_are_refused(key, value, message):
    family = "deep_sets" if key == "options" else "dense"
    with pytest.raises(ValueError, match=message):
        SearchSpace.from_config({**SMALL, "family": family, key: value}, **SIZES)


def test_an_architecture_outside_the_space_is_named():
    with pytest.raises(ValueError, match="units\\[0\\] = 99"):
        SearchSpace.from_config(SMALL, **SIZES).encode(Architecture(units=(99,), learning_rate=0.1))


@pytest.mark.parametrize("genome", [(0,), (5, 0, 0, 0, 0, 0, 0, 0, 0), (0, -1, 0, 0, 0, 0, 0, 0, 0)])
def test_a_genome_of_another_space_is_refused(genome):
    with pytest.raises(ValueError, match="gene"):
        SearchSpace.from_config(SMALL, **SIZES).decode(genome)

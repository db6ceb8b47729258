"""A search over bits and sparsity: its space, its trials, and which of them goes to synthesis."""

import random
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from snacpack.compression.checkpoint import Checkpoint
from snacpack.compression.choice import choose_finalist, finalist_metrics
from snacpack.compression.evaluation import evaluate_on_test_jets
from snacpack.compression.pruning import warm_up
from snacpack.compression.trials import circuit_costs, compress
from snacpack.networks.architecture import Architecture
from snacpack.networks.scheme import Compression, Precision, Scheme
from snacpack.problems.compressions import Compressions, compressions_of
from snacpack.search.compression_space import CompressionSpace
from snacpack.search.nsga2 import NSGA2
from snacpack.search.records import proposals, trials_table
from snacpack.search.selection import select_finalists
from snacpack.synthesis.rtl import build_rtl
from snacpack.training.recipe import Recipe

PART = "xcvu13p-flga2577-2-e"
ARCHITECTURE = Architecture((10, 6), learning_rate=0.01, n_inputs=6, n_outputs=3)
SPACE = CompressionSpace(3, (2, 4, 8), (3, 5), (4, 6), (0.0, 0.5, 0.9))


@pytest.fixture(scope="module")
def jets():
    """Three overlapping clouds of points in six dimensions."""
    rng = np.random.default_rng(0)
    centres = rng.normal(size=(3, 6))

    def draw(n):
        y = rng.integers(0, 3, n)
        return (centres[y] + 0.7 * rng.normal(size=(n, 6))).astype(np.float32), y

    return {"train": draw(600), "val": draw(300), "test": draw(300)}


@pytest.fixture(scope="module")
def start(jets):
    return warm_up(ARCHITECTURE, Scheme(8, 8, 8).precision(3), "mixed", jets, Recipe(4, 50), 1, "test")


COMPRESSIONS = [
    Compression(Precision((8, 8, 8), (5, 5), 6), 0.0),
    Compression(Precision((4, 2, 8), (3, 5), 6), 0.5),
    Compression(Precision((2, 2, 2), (3, 3), 4), 0.9),
]


@pytest.fixture(scope="module")
def compressed(start, jets):
    return compress(start, COMPRESSIONS, [1, 2, 3], jets, Recipe(3, 50))


@given(st.integers(0, 2**31))
def test_a_genome_stands_for_one_compression(seed):
    genome = SPACE.sample(random.Random(seed))
    compression = SPACE.decode(genome)
    assert len(genome) == len(SPACE.option_counts) == 1 + 3 + 2 + 1
    assert SPACE.canonical(SPACE.with_random_unused(genome, random.Random(seed))) == genome
    assert set(compression.precision.weight_bits) <= {2, 4, 8}
    assert set(compression.precision.activation_bits) <= {3, 5}
    assert compression.precision.input_bits in (4, 6)
    assert Compression.from_dict(SPACE.describe(genome)) == compression


def test_every_compression_is_counted_once():
    space = CompressionSpace(2, (2, 3), (4, 5), (6,), (0.0, 0.5))
    drawn = {space.sample(random.Random(seed)) for seed in range(2000)}
    assert len(drawn) == space.size == 2 * 2 * 2 * 1 * 2
    assert len({str(space.describe(genome)) for genome in drawn}) == space.size


def test_networks_of_few_bits_throughout_are_drawn_often():
    space = CompressionSpace.from_config(
        {"weight_bits": range(2, 9), "activation_bits": range(2, 9), "input_bits": [8], "sparsity": [0.5]}, 8
    )
    drawn = [space.decode(space.sample(random.Random(seed))).precision for seed in range(400)]
    low = [p for p in drawn if max(p.weight_bits) <= 4 and max(p.activation_bits) <= 4]
    assert len(low) > 10


@pytest.mark.parametrize(
    ("changes", "complaint"),
    [
        ({"weight_bits": ()}, "weight_bits is empty"),
        ({"sparsity": (0.5, 0.5)}, "sparsity repeats"),
        ({"sparsity": (1.0,)}, "below 1"),
        ({"activation_bits": (1, 4)}, "2 to 12"),
        ({"weight_bits": (12,), "input_bits": (12,)}, "more than 20 bits"),
    ],
)
def test_impossible_spaces_name_the_key(changes, complaint):
    with pytest.raises(ValueError, match=rf"compression\.search\.space.*{complaint}"):
        replace(SPACE, **changes)


def test_a_search_proposes_compressions_as_it_does_networks():
    search = NSGA2(SPACE, ("accuracy", "lut"), 8, seed=1)
    first = search.ask(0, [], [])
    described = proposals(first, SPACE, 0)["trials"]
    trials = [{**trial, "failure": None, "accuracy": i / 10, "lut": i} for i, trial in enumerate(described)]
    second = search.ask(1, search.tell([], trials), first)
    assert len(set(first) | set(second)) == 16
    assert {"precision", "sparsity", "genome", "trial"} == set(described[0])


def test_each_trial_gets_its_bits_and_its_sparsity(compressed, jets):
    n_weights = 6 * 10 + 10 * 6 + 6 * 3
    for entry, asked in zip(compressed, COMPRESSIONS, strict=True):
        left = sum(int(mask.sum()) for mask in entry.masks.values())
        assert left == round(n_weights * (1 - asked.sparsity))
        for weight, bits in zip(entry.fixed_point.weights, asked.precision.weight_bits, strict=True):
            assert np.abs(weight).max() <= 2 ** (bits - 1) - 1
        for (_, mask), weight in zip(entry.masks.items(), entry.fixed_point.weights, strict=True):
            assert not weight[~mask.numpy()].any()
    assert compressed[0].result.accuracy > 0.6


def test_what_becomes_of_a_trial_depends_on_no_other(start, compressed, jets):
    (alone,) = compress(start, COMPRESSIONS[1:2], [2], jets, Recipe(3, 50))
    for ours, theirs in zip(alone.network.parameters(), compressed[1].network.parameters(), strict=True):
        assert torch.equal(ours, theirs)
    assert alone.result.history == compressed[1].result.history


def test_costs_are_those_of_the_circuit_that_is_built(compressed, tmp_path):
    costs = circuit_costs(compressed, 5.0, PART)
    for number, (entry, cost) in enumerate(zip(compressed, costs, strict=True)):
        if cost["failure"]:
            assert "do not depend on" in cost["failure"]
            continue
        circuit = build_rtl(entry.fixed_point, tmp_path / str(number), PART, 5.0)
        assert (circuit.estimated_lut, circuit.estimated_ff, circuit.stages) == (
            cost["lut"],
            cost["ff"],
            cost["clock_cycles"],
        )
    assert costs[1]["lut"] < costs[0]["lut"]
    assert costs[1]["ebops"] < costs[0]["ebops"]


def test_a_finalist_survives_its_file(start, compressed, jets, tmp_path):
    compressed[1].checkpoint(start, 1).save(tmp_path / "refined.pt")
    loaded = Checkpoint.load(tmp_path / "refined.pt", ARCHITECTURE, "mixed")
    assert loaded.precision == COMPRESSIONS[1].precision
    assert loaded.sparsity == pytest.approx(0.5)
    _, fixed_point = evaluate_on_test_jets(loaded, *jets["test"])
    assert np.array_equal(fixed_point.predict(jets["test"][0]), compressed[1].fixed_point.predict(jets["test"][0]))


def test_the_smallest_circuit_that_is_accurate_enough_is_chosen(compressed):
    costs = [{"lut": lut, "failure": None} for lut in (500, 300, 100)]
    rows = finalist_metrics([7, 8, 9], compressed, costs)
    accuracies = [row["validation_accuracy"] for row in rows]
    assert accuracies == [entry.result.accuracy for entry in compressed]
    chosen = choose_finalist(rows, "lut", min(accuracies))
    assert (chosen["iteration"], chosen["trial"], chosen["reached"]) == (2, 9, True)
    best = choose_finalist(rows, "lut", 1.0)
    assert best["validation_accuracy"] == max(accuracies)
    assert not best["reached"]
    assert "none reached" in best["reason"]
    rows[2]["failure"] = "no circuit"
    assert choose_finalist(rows, "lut", 0.0)["trial"] == 8
    with pytest.raises(RuntimeError, match=r"the loss is nan.*compression\.search\.space"):
        choose_finalist([{**rows[2], "validation_accuracy": None, "failure": "the loss is nan"}], "lut", 0.0)


def test_where_no_finalist_has_a_circuit_the_most_accurate_says_why(compressed):
    rows = finalist_metrics([7, 8, 9], compressed, [{"lut": None, "failure": "no circuit: a reason"}] * 3)
    chosen = choose_finalist(rows, "lut", 0.0)
    assert chosen["validation_accuracy"] == max(row["validation_accuracy"] for row in rows)
    assert not chosen["reached"]
    assert chosen["reason"] == "the most accurate; none has a circuit"


def table_of(points):
    rows = []
    for trial, (accuracy, lut) in enumerate(points):
        failure = None if accuracy else "Diverged"
        outcome = {"accuracy": accuracy, "loss": 1.0, "epochs": 1, "seed": trial, "failure": failure}
        genome = SPACE.sample(random.Random(trial))
        rows.append(
            {"trial": trial, "generation": 0, "genome": genome, **SPACE.describe(genome), **outcome, "lut": lut}
        )
    return trials_table(Compressions, rows, ["accuracy", "lut"])


POINTS = [(0.3, 10), (0.4, 20), (0.5, 30), (0.6, 40), (0.7, 50), (0.55, 45), (None, None), (0.65, 60)]


@pytest.mark.parametrize(
    ("minimum", "count", "expected"),
    [
        (0.6, 2, [2, 3]),
        (0.6, 4, [0, 1, 2, 3]),
        (0.7, 4, [1, 2, 3, 4]),
        (0.3, 2, [0, 1]),
        (0.9, 2, [3, 4]),
        (0.5, 1, [2]),
        (0.5, 6, [0, 1, 2, 3, 4, 7]),
        (0.5, 20, [0, 1, 2, 3, 5, 4, 7]),
    ],
)
def test_finalists_lie_around_the_accuracy_that_is_asked_for(minimum, count, expected):
    assert select_finalists(table_of(POINTS), "lut", minimum, count) == expected


def test_trials_are_found_again_in_their_table(tmp_path):
    table_of(POINTS).to_csv(tmp_path / "trials.csv", index=False)
    found = compressions_of(pd.read_csv(tmp_path / "trials.csv"), [3, 0])
    assert found == [SPACE.decode(SPACE.sample(random.Random(trial))) for trial in (3, 0)]


@settings(max_examples=10, deadline=None)
@given(st.integers(2, 8), st.integers(2, 8), st.integers(2, 8))
def test_any_scheme_is_a_precision(weight_bits, activation_bits, input_bits):
    precision = Scheme(weight_bits, activation_bits, input_bits).precision(4)
    assert Precision.from_dict(precision.to_dict()) == precision
    assert len(precision.bias_bits) == 4
    assert min(precision.bias_bits) >= 8

import json

import numpy as np
import pandas as pd
import pytest

from snacpack.core.files import write_json
from snacpack.hardware.surrogate import Surrogate
from snacpack.networks.architecture import Architecture
from snacpack.problems.architectures import Architectures, architecture_of, training_seed
from snacpack.search.records import join_trials, proposals, trials_table
from snacpack.search.selection import candidate_name, select_candidates
from snacpack.search.space import SearchSpace

OBJECTIVES = ("accuracy", "average_resources", "clock_cycles")
SIZES = {"n_inputs": 24, "n_outputs": 5}
SPACE = SearchSpace.from_config(
    {
        "n_layers": [1, 2],
        "units": [[8, 16], [4, 8]],
        "activation": ["relu", "tanh"],
        "batch_norm": [True, False],
        "learning_rate": [0.0015],
        "l1": [0.0, 1e-6],
        "dropout": [0.05],
    },
    **SIZES,
)
ESTIMATES = {"macs": 10, "bops": 20.5, "bram": 0.1, "dsp": 0.2, "ff": 0.3, "lut": 0.4}


def front(*rows):
    """Pareto-optimal trials of (accuracy, average_resources, clock_cycles)."""
    records = [
        {
            "trial": i,
            "generation": 0,
            "genome": [0, i % 2, 0, 0, 0, 0, 0, 0],
            "architecture": Architecture((8 + i,)).to_dict(),
            "accuracy": accuracy,
            "loss": 1.0,
            "epochs": 5,
            "seed": 1,
            "failure": None,
            **ESTIMATES,
            "average_resources": resources,
            "clock_cycles": cycles,
        }
        for i, (accuracy, resources, cycles) in enumerate(rows)
    ]
    table = trials_table(Architectures, records, OBJECTIVES, Surrogate())
    return table[table["pareto"]]


def chosen(selection):
    return [candidate["trial"] for candidate in selection["candidates"]]


def test_the_most_accurate_then_the_best_of_each_objective_then_the_farthest():
    table = front((0.60, 9, 90), (0.59, 2, 50), (0.58, 5, 20), (0.595, 5, 60), (0.598, 8, 88))
    assert len(table) == 5
    assert chosen(select_candidates(table, OBJECTIVES, 0.5, 1)) == [0]
    assert chosen(select_candidates(table, OBJECTIVES, 0.5, 2)) == [0, 1]
    assert chosen(select_candidates(table, OBJECTIVES, 0.5, 3)) == [0, 1, 2]
    # Trial 4 lies beside trial 0; trial 3 is farther from all that are taken.
    assert chosen(select_candidates(table, OBJECTIVES, 0.5, 4)) == [0, 1, 2, 3]
    assert sorted(chosen(select_candidates(table, OBJECTIVES, 0.5, 99))) == [0, 1, 2, 3, 4]


def test_only_the_accurate_enough_qualify():
    selection = select_candidates(front((0.60, 9, 90), (0.59, 2, 50), (0.58, 1, 20)), OBJECTIVES, 0.59, 5)
    assert chosen(selection) == [0, 1]
    assert (selection["n_pareto"], selection["n_qualified"], selection["fallback"]) == (3, 2, False)


def test_when_none_qualifies_the_most_accurate_go_on():
    selection = select_candidates(front((0.58, 1, 20), (0.60, 9, 90), (0.59, 2, 50)), OBJECTIVES, 0.9, 2)
    assert selection["fallback"]
    assert chosen(selection) == [1, 2]
    assert all("none reached" in candidate["why"] for candidate in selection["candidates"])


def test_a_search_without_a_trained_network_selects_nothing():
    selection = select_candidates(front((0.58, 1, 20)).iloc[:0], OBJECTIVES, 0.5, 2)
    assert selection["candidates"] == []
    assert selection["fallback"]


def test_names_tell_the_search():
    assert candidate_name(OBJECTIVES, 12) == "snac-0012"
    assert candidate_name(("bops", "accuracy"), 7) == "nac-0007"


def test_every_network_has_a_seed_of_its_own():
    assert len({training_seed(1, 12), training_seed(1, 13), training_seed(2, 12), training_seed(1, "baseline")}) == 4


@pytest.fixture
def generation(tmp_path):
    """Files of a generation in which the second of four trials failed."""
    genomes = [SPACE.canonical(genome) for genome in ([0, 0, 0, 0, 0, 0, 0, 0], [1, 1, 1, 1, 1, 0, 1, 0])]
    genomes += [SPACE.canonical(genome) for genome in ([0, 1, 0, 0, 1, 0, 0, 0], [1, 0, 0, 1, 0, 0, 1, 0])]
    write_json(proposals(genomes, SPACE, generation=2), tmp_path / "offspring.json")
    trials = [number for number, _ in Architectures.read(tmp_path / "offspring.json")]
    results = [
        {"trial": trial, "accuracy": 0.5 + 0.01 * i, "loss": 1.0, "epochs": 5, "seed": i, "seconds": i, "failure": None}
        for i, trial in enumerate(trials)
    ]
    results[1].update(accuracy=None, loss=None, failure="Diverged: the loss is nan")
    for shard in (0, 1):
        write_json(results[shard::2], tmp_path / f"trials_{shard}.json")
    estimates = [
        {"trial": trial, **ESTIMATES, "average_resources": i, "clock_cycles": 9} for i, trial in enumerate(trials)
    ]
    write_json(estimates, tmp_path / "hardware.json")
    return tmp_path


def joined(folder):
    shards = [folder / "trials_0.json", folder / "trials_1.json"]
    return join_trials(folder / "offspring.json", shards, [folder / "hardware.json"])


def test_trials_are_numbered_through_and_joined(generation):
    records = joined(generation)
    assert [record["trial"] for record in records] == [8, 9, 10, 11]
    assert all(record["generation"] == 2 for record in records)
    assert all("seconds" not in record for record in records)


def test_the_table_keeps_failures_off_the_front_and_architectures_whole(generation, tmp_path):
    trials_table(Architectures, joined(generation), OBJECTIVES, Surrogate()).to_csv(
        tmp_path / "trials.csv", index=False
    )
    table = pd.read_csv(tmp_path / "trials.csv")
    assert table["pareto"].tolist() == [True, False, True, True]
    assert table.loc[1, "failure"].startswith("Diverged")
    assert np.isnan(table.loc[1, "accuracy"])
    expected = [architecture for _, architecture in Architectures.read(generation / "offspring.json")]
    assert [architecture_of(row, SIZES) for row in table.to_dict("records")] == expected


def test_a_trial_that_was_not_trained_is_named(generation):
    shard = generation / "trials_1.json"
    write_json(json.loads(shard.read_text())[:-1], shard)
    with pytest.raises(ValueError, match=r"trials \[11\] were not trained"):
        joined(generation)

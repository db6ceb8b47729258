"""Warm-up, pruning with rewinding, the files between them, the choice and the test jets."""

from itertools import pairwise

import numpy as np
import pytest
import torch

from snacpack.compression.checkpoint import Checkpoint
from snacpack.compression.choice import choose_iteration, compression_metrics, write_metrics
from snacpack.compression.evaluation import evaluate_on_test_jets
from snacpack.compression.pruning import prune, rewind, warm_up
from snacpack.networks.architecture import Architecture
from snacpack.networks.bops import bit_operations, multiply_accumulates
from snacpack.networks.scheme import Scheme
from snacpack.training.fit import predict
from snacpack.training.recipe import Recipe

SCHEME = "w4a6"
PRECISION = Scheme.parse(SCHEME).precision(3)
ARCHITECTURE = Architecture((10, 6), batch_norm=True, learning_rate=0.01, l1=1e-5, dropout=0.1, n_inputs=6, n_outputs=3)
RECIPE = Recipe(2, 100)


@pytest.fixture(scope="module")
def jets():
    """Three overlapping clouds of points in six dimensions; the last batch of an epoch is a single one."""
    rng = np.random.default_rng(0)
    centres = rng.normal(size=(3, 6))

    def draw(n):
        y = rng.integers(0, 3, n)
        return (centres[y] + 0.7 * rng.normal(size=(n, 6))).astype(np.float32), y

    return {"train": draw(501), "val": draw(300), "test": draw(300)}


@pytest.fixture(scope="module")
def iterations(jets):
    """The warm-up and three pruning iterations, in one process."""
    checkpoints = [warm_up(ARCHITECTURE, PRECISION, SCHEME, jets, RECIPE, 1, "test")]
    for seed in range(3):
        checkpoints.append(prune(checkpoints[0], checkpoints[-1], jets, 0.2, RECIPE, seed, "test"))
    return checkpoints


def assert_equal(first, second):
    assert (first.iteration, first.validation_accuracy, first.history) == (
        second.iteration,
        second.validation_accuracy,
        second.history,
    )
    for ours, theirs in ((first.state, second.state), (first.masks, second.masks)):
        assert ours.keys() == theirs.keys()
        assert all(torch.equal(ours[name], theirs[name]) for name in ours)


def test_warm_up_learns_and_has_no_batch_norm_left(iterations):
    assert iterations[0].validation_accuracy > 0.5
    assert [record["epoch"] for record in iterations[0].history] == [1, 2]
    assert not any("norm" in name for name in iterations[0].state)
    assert iterations[0].sparsity == 0


@pytest.mark.parametrize("batch_norm", [True, False])
def test_one_epoch_of_warm_up_is_enough(jets, batch_norm):
    architecture = Architecture((5,), batch_norm=batch_norm, n_inputs=6, n_outputs=3)
    checkpoint = warm_up(architecture, Scheme.parse(SCHEME).precision(2), SCHEME, jets, Recipe(1, 100), 1, "test")
    assert len(checkpoint.history) == 1
    assert 0 < checkpoint.validation_accuracy <= 1


def test_same_seed_gives_the_same_network(jets, iterations):
    torch.manual_seed(99)
    assert_equal(warm_up(ARCHITECTURE, PRECISION, SCHEME, jets, RECIPE, 1, "test"), iterations[0])


def test_each_iteration_prunes_a_fifth_of_what_is_left(iterations):
    n_weights = multiply_accumulates(ARCHITECTURE.graph.matrices)
    for k, checkpoint in enumerate(iterations):
        assert checkpoint.iteration == k
        assert checkpoint.weights_left == round(n_weights * 0.8**k)
        assert checkpoint.sparsity == pytest.approx(1 - 0.8**k, abs=0.5 / n_weights)


def test_pruned_weights_never_come_back_and_are_exactly_zero(iterations):
    for previous, checkpoint in pairwise(iterations):
        network = checkpoint.network()
        for name, mask in checkpoint.masks.items():
            assert not (mask & ~previous.masks[name]).any()
            assert (checkpoint.state[f"{name}.weight"][~mask] == 0).all()
            assert (network.get_submodule(name).quant_weight().value[~mask] == 0).all()


def test_rewinding_is_exact_but_for_pruned_weights(iterations):
    warmed_up, masks = iterations[0].state, iterations[2].masks
    rewound = rewind(warmed_up, masks)
    assert rewound.keys() == warmed_up.keys()
    for name, value in rewound.items():
        mask = masks.get(name.removesuffix(".weight"), torch.ones_like(value, dtype=torch.bool))
        assert torch.equal(value[mask], warmed_up[name][mask])
        assert (value[~mask] == 0).all()


def test_an_iteration_starts_from_the_rewound_weights(jets, iterations):
    tiny_steps = Architecture.from_dict({**ARCHITECTURE.to_dict(), "learning_rate": 1e-30, "l1": 0.0})
    warmed_up, last = (
        Checkpoint(**{**vars(checkpoint), "architecture": tiny_steps}) for checkpoint in (iterations[0], iterations[2])
    )
    checkpoint = prune(warmed_up, last, jets, 0.2, RECIPE, 1, "test")
    expected = rewind(warmed_up.state, checkpoint.masks)
    assert all(torch.equal(checkpoint.state[name], expected[name]) for name in expected)


def test_resuming_from_files_gives_the_same_network(tmp_path, jets, iterations):
    for checkpoint, name in zip(iterations[:2], ("warmup.pt", "prune_01.pt"), strict=True):
        checkpoint.save(tmp_path / name)
    warmed_up = Checkpoint.load(tmp_path / "warmup.pt", ARCHITECTURE, SCHEME)
    previous = Checkpoint.load(tmp_path / "prune_01.pt", ARCHITECTURE, SCHEME)
    assert_equal(warmed_up, iterations[0])
    resumed = prune(warmed_up, previous, jets, 0.2, RECIPE, 1, "test")
    assert_equal(resumed, iterations[2])
    resumed.save(tmp_path / "again.pt")
    iterations[2].save(tmp_path / "prune_02.pt")
    assert (tmp_path / "again.pt").read_bytes() == (tmp_path / "prune_02.pt").read_bytes()


def test_loaded_network_predicts_as_the_saved_one(tmp_path, jets, iterations):
    iterations[3].save(tmp_path / "prune_03.pt")
    checkpoint = Checkpoint.load(tmp_path / "prune_03.pt")
    network = checkpoint.network()
    x = jets["test"][0]
    assert not network.training
    assert checkpoint.scheme == SCHEME
    assert torch.equal(predict(network, x), predict(iterations[3].network(), x))


def test_checkpoints_of_two_networks_do_not_mix(jets, iterations):
    other = Checkpoint(**{**vars(iterations[1]), "precision": Scheme.parse("w4a5").precision(3)})
    with pytest.raises(ValueError, match=r"activations 5 5.*activations 6 6.*warm_up_candidate"):
        prune(iterations[0], other, jets, 0.2, RECIPE, 1, "test")


def test_divergence_says_what_and_why(jets):
    wild = Architecture((4,), learning_rate=1e30, n_inputs=6, n_outputs=3)
    with pytest.raises(RuntimeError, match=r"snac-7.*w4a6.*iteration 0.*1e\+30.*learning_rate"):
        warm_up(wild, Scheme.parse(SCHEME).precision(2), SCHEME, jets, Recipe(2, 100), 1, "snac-7")


def test_metrics_count_what_is_left(tmp_path, iterations):
    rows = [compression_metrics(checkpoint) for checkpoint in iterations]
    assert rows[0]["bops"] == round(bit_operations(ARCHITECTURE.graph.matrices, 4, 6))
    assert [row["macs_left"] for row in rows] == [checkpoint.weights_left for checkpoint in iterations]
    assert all(later["bops"] < earlier["bops"] for earlier, later in pairwise(rows))
    write_metrics(rows, tmp_path / "metrics.csv")
    lines = (tmp_path / "metrics.csv").read_text().splitlines()
    assert lines[0] == "iteration,sparsity,validation_accuracy,macs_left,bops"
    assert len(lines) == 5


ROWS = [
    {"iteration": 0, "sparsity": 0.0, "validation_accuracy": 0.60},
    {"iteration": 1, "sparsity": 0.2, "validation_accuracy": 0.61},
    {"iteration": 2, "sparsity": 0.4, "validation_accuracy": 0.57},
    {"iteration": 3, "sparsity": 0.5, "validation_accuracy": 0.595},
]


@pytest.mark.parametrize(
    ("target", "loss", "iteration"),
    [(0.5, None, 3), (0.1, None, 0), (0.36, None, 2), (0.9, None, 3), (0.2, 0.0, 1), (0.2, 0.01, 3), (0.2, 0.001, 1)],
)
def test_the_chosen_iteration(target, loss, iteration):
    chosen = choose_iteration(ROWS, target, loss)
    assert chosen["iteration"] == iteration
    assert chosen["sparsity"] == ROWS[iteration]["sparsity"]
    assert chosen["reason"]


def test_test_jets_are_counted_class_by_class(jets, iterations):
    x, y = jets["test"]
    result, fixed_point = evaluate_on_test_jets(iterations[3], x, y)
    called = fixed_point.predict(x).argmax(1)
    assert result["test_correct"] == int((called == y).sum())
    assert result["test_accuracy"] == result["test_correct"] / result["n_test"] == (called == y).mean()
    assert np.array(result["confusion"]).sum(1).tolist() == np.bincount(y, minlength=3).tolist()
    assert result["confusion"][0][1] == int(((y == 0) & (called == 1)).sum())

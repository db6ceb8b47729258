"""Many quantised networks trained on, some of them pruned on the way."""

import copy
from itertools import pairwise

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from helpers.reference_quantized import make_network, reference_fine_tune
from snacpack.networks.architecture import Architecture
from snacpack.training import fine_tuning
from snacpack.training.fine_tuning import FineTuning, _tune_stacked, fine_tune
from snacpack.training.pruning import gradual_target, shrink_masks
from snacpack.training.recipe import Machine, Recipe, Watch

UNITS = (16, 12)
N_WEIGHTS = 9 * 16 + 16 * 12 + 12 * 5


def make_jets(n_jets, seed):
    random = torch.Generator().manual_seed(seed)
    x = torch.randn(n_jets, 9, generator=random)
    y = torch.randint(0, 5, (n_jets,), generator=random)
    x[torch.arange(n_jets), y] += 2
    return x, y


@pytest.fixture(scope="module")
def jets():
    return make_jets(1500, 0), make_jets(500, 1)


def make_task(i, weights_left=None, decay=False, rate=0.01, kind="relu", density=1.0):
    network = make_network((9, *UNITS, 5), (6, 4, 5), (5, 6), 7, (kind,) * 2, density, i)
    for layer in network.layers:
        layer.weight *= 0.5
        layer.bias.zero_()
        layer.weight_range.fill_(-0.5)
        if kind == "relu" and layer.activation:
            layer.activation.range.fill_(1.5)
    return FineTuning(network, Architecture(UNITS, learning_rate=rate, l1=1e-5, n_inputs=9), i, weights_left, decay)


def make_tasks():
    return [
        make_task(0),
        make_task(1, decay=True),
        make_task(2, weights_left=100, decay=True),
        make_task(3, weights_left=90, density=0.5),
        make_task(4, kind="tanh", weights_left=10_000),
    ]


def tensors(tasks):
    return [tensor.clone() for task in tasks for tensor in task.network.parameters()]


def test_learns_and_prunes_to_the_weight(jets):
    tasks = make_tasks()
    before = [[layer.mask.clone() for layer in task.network.layers] for task in tasks]
    results = fine_tune(tasks, *jets, Recipe(10, 64))
    for result in results:
        assert result.failure is None
        assert result.epochs == 10
        assert result.seconds > 0
        assert result.accuracy > 0.6
    left = [sum(int(layer.mask.sum()) for layer in task.network.layers) for task in tasks]
    assert left[:4] == [N_WEIGHTS, N_WEIGHTS, 100, 90]
    assert left[4] == N_WEIGHTS
    for task, masks, result, n in zip(tasks, before, results, left, strict=True):
        assert result.density == pytest.approx(n / N_WEIGHTS)
        for layer, mask in zip(task.network.layers, masks, strict=True):
            assert not (layer.mask & ~mask).any()
            assert not layer.weight[~layer.mask].any()
            assert layer.mask.any()


def test_without_pruning_it_is_the_reference_loop(jets):
    """Same order of jets; a constant learning rate, and an epoch's mean loss over all its batches."""
    training = tuple(tensor[: 64 * 5 + 13] for tensor in jets[0])
    task = make_task(7, density=0.7)
    _, losses = reference_fine_tune(
        copy.deepcopy(task.network), task.architecture, task.seed, training, 64, [task.architecture.learning_rate] * 2
    )
    (result,) = fine_tune([task], training, jets[1], Recipe(2, 64))
    assert [record["train_loss"] for record in result.history] == pytest.approx(losses, rel=1e-4)
    assert [record["epoch"] for record in result.history] == [1, 2]


def test_decay_ends_near_zero(jets):
    """The last of many pieces hardly moves a weight any more."""
    moved = []
    for epochs in (9, 10):
        task = make_task(0, decay=True)
        fine_tune([task], *jets, Recipe(epochs, 64))
        moved.append(task)
    constant = make_task(0)
    fine_tune([constant], *jets, Recipe(10, 64))
    distances = [
        max((a - b).abs().max().item() for a, b in zip(tensors([moved[1]]), tensors([other]), strict=True))
        for other in (moved[0], constant)
    ]
    assert 0 < distances[0] < distances[1]


@pytest.mark.parametrize("n_jets", [2, 3, 64, 65, 129, 700])
def test_few_jets_are_enough_to_prune(jets, n_jets):
    task = make_task(0, weights_left=50)
    (result,) = fine_tune([task], tuple(tensor[:n_jets] for tensor in jets[0]), jets[1], Recipe(1, 64))
    assert result.failure is None
    assert sum(int(layer.mask.sum()) for layer in task.network.layers) == 50


def test_neighbours_threads_and_earlier_calls_do_not_matter(jets):
    one, three, alone = make_tasks(), make_tasks(), make_tasks()
    histories = [
        [result.history for result in fine_tune(tasks, *jets, Recipe(2, 64), Machine(threads=n))]
        for tasks, n in ((one, 1), (three, 3))
    ]
    histories.append([fine_tune([task], *jets, Recipe(2, 64))[0].history for task in alone])
    assert histories[0] == histories[1] == histories[2]
    for tasks in (three, alone):
        assert all(torch.equal(a, b) for a, b in zip(tensors(one), tensors(tasks), strict=True))


def test_a_diverging_network_is_reported_and_harms_no_neighbour(jets):
    quiet = fine_tune(make_tasks(), *jets, Recipe(2, 64))
    tasks = [*make_tasks(), make_task(5, weights_left=50, rate=1e30)]
    seen, finished = [], []
    *results, failed = fine_tune(
        tasks,
        *jets,
        Recipe(2, 64),
        watch=Watch(
            on_epoch=lambda index, record: seen.append((index, record["epoch"])),
            on_result=lambda index, result: finished.append((index, result.failure is None)),
        ),
    )
    assert "learning rate 1e+30" in failed.failure
    assert (failed.accuracy, failed.loss, failed.epochs) == (None, None, 0)
    assert [result.history for result in results] == [result.history for result in quiet]
    assert sorted(seen) == [(index, epoch) for index in range(5) for epoch in (1, 2)]
    assert sorted(finished) == [(index, index < 5) for index in range(6)]


def test_an_error_in_a_thread_ends_the_others(jets):
    seen = []

    def interrupt(index, record):
        seen.append(index)
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        fine_tune(
            [make_task(i) for i in range(30)], *jets, Recipe(3, 64), Machine(threads=2), Watch(on_epoch=interrupt)
        )
    assert len(seen) == 1


def test_the_stack_trains_as_compiled_code_does(jets, monkeypatch):
    compiled = make_tasks()
    results = fine_tune(compiled, *jets, Recipe(2, 64))

    monkeypatch.setattr(fine_tuning, "_tune_alone", _tune_stacked)
    others = fine_tune(make_tasks(), *jets, Recipe(2, 64))
    for mine, other in zip(results, others, strict=True):
        assert other.history[0]["train_loss"] == pytest.approx(mine.history[0]["train_loss"], rel=0.02)
        assert other.accuracy == pytest.approx(mine.accuracy, abs=0.04)
        assert other.density == mine.density


def test_jets_that_do_not_fit_are_refused(jets):
    with pytest.raises(ValueError, match="9 features"):
        fine_tune([FineTuning(make_task(0).network, Architecture(UNITS, n_inputs=8), 0)], *jets, Recipe(1, 64))
    assert fine_tune([], *jets, Recipe(1, 64)) == []


layers = st.lists(st.tuples(st.integers(1, 6), st.integers(1, 6), st.integers(0, 1000)), min_size=1, max_size=4)


@settings(max_examples=100, deadline=None)
@given(shapes=layers, weights_left=st.integers(0, 100), values=st.integers(1, 5))
def test_the_smallest_weights_go_first(shapes, weights_left, values):
    """As a stable sort would have it: the largest of every layer stay, then the largest of all, then the first."""
    weights, masks = [], []
    for n_out, n_in, seed in shapes:
        random = torch.Generator().manual_seed(seed)
        # Few different magnitudes: ties everywhere.
        weights.append(torch.randint(-values, values + 1, (n_out, n_in), generator=random).float())
        masks.append(torch.rand((n_out, n_in), generator=random) < 0.7)
    shrunk = shrink_masks(weights, masks, weights_left)
    entries = []
    for i, (weight, mask) in enumerate(zip(weights, masks, strict=True)):
        magnitudes = [
            -m if kept else None
            for m, kept in zip(weight.abs().flatten().tolist(), mask.flatten().tolist(), strict=True)
        ]
        remaining = [m for m in magnitudes if m is not None]
        largest = magnitudes.index(min(remaining)) if remaining else None
        entries += [(m if j != largest else -torch.inf, i, j) for j, m in enumerate(magnitudes) if m is not None]
    expected = sorted(entries)[: max(weights_left, len(masks))]
    kept = {(i, j) for i, mask in enumerate(shrunk) for j in mask.flatten().nonzero()[:, 0].tolist()}
    assert kept == {(i, j) for _, i, j in expected}


def test_gradual_pruning_is_fast_first_and_ends_where_it_should():
    targets = [gradual_target(1000, 100, progress / 10) for progress in range(13)]
    assert targets[0] == 1000
    assert targets[10:] == [100] * 3
    steps = [a - b for a, b in pairwise(targets[:11])]
    assert steps == sorted(steps, reverse=True)
    assert targets[5] == round(100 + 900 * 0.5**3)

"""Losses of classes and of numbers: their definitions, and that every trainer makes the same of them."""

import copy
import math
import platform
from dataclasses import replace

import h5py
import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from helpers.reference_quantized import ReferenceNetwork, make_network, quantized_networks, reference_fine_tune
from helpers.reference_training import (
    make_targets,
    make_weights,
    reference_loss,
    reference_network,
    reference_score,
    reference_train,
)
from snacpack.compression.pruning import prune, warm_up
from snacpack.compression.trials import compress
from snacpack.core import native_library
from snacpack.data.dataset import load_dataset
from snacpack.data.hdf5 import UnreadableError
from snacpack.data.info import DataInfo
from snacpack.networks.architecture import Architecture
from snacpack.networks.scheme import Compression, Precision
from snacpack.training import evaluate, fit, train
from snacpack.training.fine_tuning import FineTuning, fine_tune
from snacpack.training.fit import jet_order, predict
from snacpack.training.losses import LOSSES, Loss
from snacpack.training.native import NativeNetwork, NativeQuantizedNetwork
from snacpack.training.quantized_stack import QuantizedStack
from snacpack.training.recipe import Machine, Recipe
from snacpack.training.stack import Stack
from snacpack.training.trials import dropout_seed, initial_network

deltas = st.sampled_from([0.1, 0.5, 1.0, 3.0])
losses = st.builds(Loss, st.sampled_from(LOSSES), deltas, st.booleans())
losses_of_numbers = st.builds(Loss, st.sampled_from(LOSSES[1:]), deltas)
CASES = [Loss("squared"), Loss("huber", 0.3, pooled=True), Loss("cross_entropy")]
OF_NUMBERS = CASES[:2]


def some_jets(n, seed, loss, n_outputs=3, weighted=True):
    """Return features, targets that follow from them, and weights or None."""
    x = torch.randn(n, 9, generator=torch.Generator().manual_seed(seed))
    return x, make_targets(loss, x, n_outputs, seed + 1), make_weights(n, seed) if weighted else None


# The definition of a loss.


@given(loss=losses, n=st.integers(1, 50), n_outputs=st.integers(1, 6), seed=st.integers(0, 99), weighted=st.booleans())
def test_loss_derivative_and_score_are_those_of_torch_and_scikit_learn(loss, n, n_outputs, seed, weighted):
    random = torch.Generator().manual_seed(seed)
    outputs = 2 * torch.randn(n, n_outputs, generator=random, dtype=torch.float64)
    y = make_targets(loss, torch.randn(n, 4, generator=random), n_outputs, seed)
    y = y if loss.of_classes else y.double()
    weights = make_weights(n, seed).double() if weighted else None
    outputs.requires_grad_()
    expected = reference_loss(loss, outputs, y, weights)
    expected.backward()
    mean = loss.mean(outputs, y, weights)
    assert mean.item() == pytest.approx(expected.item(), rel=1e-12)
    (of_mean,) = torch.autograd.grad(mean, outputs)
    each, gradients = loss.differentiate(outputs.detach(), y)
    shares = torch.full((n,), 1 / n, dtype=torch.float64) if weights is None else weights / weights.sum()
    assert (each * shares).sum().item() == pytest.approx(expected.item(), rel=1e-12)
    for ours in (of_mean, gradients * shares[:, None]):
        assert torch.allclose(ours, outputs.grad, rtol=1e-12, atol=1e-15)
    if n > 1:
        score = loss.score(loss.sums(outputs.detach(), y, weights).numpy(), y, weights)
        assert score == pytest.approx(reference_score(loss, outputs.detach(), y, weights), rel=1e-9)


@given(values=st.lists(st.floats(-10, 10, width=32), min_size=1, max_size=20), delta=st.floats(0.01, 5))
def test_hubers_loss_is_half_the_square_and_then_a_line(values, delta):
    outputs, y = torch.tensor(values, dtype=torch.float64)[:, None], torch.zeros(len(values), 1, dtype=torch.float64)
    squared = Loss("squared").differentiate(outputs, y)
    wide = Loss("huber", 100.0).differentiate(outputs, y)
    for ours, theirs in zip(wide, squared, strict=True):
        assert torch.equal(2 * ours, theirs)
    each, slopes = Loss("huber", delta).differentiate(outputs, y)
    assert (each <= wide[0]).all()
    assert (slopes.abs() <= delta).all()
    far = outputs[:, 0].abs() > delta
    assert torch.allclose(each[far], delta * (outputs[far, 0].abs() - delta / 2))


@pytest.mark.parametrize("weighted", [False, True])
def test_the_score_of_known_predictions(weighted):
    separate, y = Loss("squared"), torch.tensor([[1.0, 5.0], [2.0, 5.0], [6.0, 5.0]])
    weights = torch.ones(3) if weighted else None

    def score(outputs, loss=separate):
        return float(loss.score(loss.sums(outputs, y, weights).numpy(), y, weights))

    assert score(y) == 1
    # An output whose targets are all the same has no spread to explain.
    assert score(y.mean(dim=0).expand(3, 2)) == 0.5
    assert score(y + torch.tensor([0.0, 1.0])) == 0.5
    assert score(y + torch.tensor([2.0, 0.0])) == pytest.approx((1 - 12 / 14 + 1) / 2)
    # Pooled, an output counts by its share of the residuals.
    assert score(y, replace(separate, pooled=True)) == 1
    assert score(y.mean(dim=0).expand(3, 2), replace(separate, pooled=True)) == 0
    assert score(y + torch.tensor([0.0, 1.0]), replace(separate, pooled=True)) == pytest.approx(1 - 3 / 14)


@pytest.mark.parametrize(
    ("fields", "message"),
    [({"kind": "absolute"}, "cross_entropy, squared, huber"), ({"kind": "huber", "delta": 0.0}, "positive and finite")],
)
def test_a_loss_that_is_none_is_refused(fields, message):
    with pytest.raises(ValueError, match=message):
        Loss(**fields)


# The float trainers.

architectures = st.builds(
    Architecture,
    units=st.lists(st.integers(1, 40), min_size=1, max_size=3).map(tuple),
    activation=st.sampled_from(["relu", "tanh", "sigmoid"]),
    batch_norm=st.booleans(),
    dropout=st.sampled_from([0.0, 0.5]),
    n_inputs=st.just(9),
    n_outputs=st.sampled_from([1, 3, 17]),
)


def autograds_gradients(member, loss, x, y, weights):
    network = reference_network(member, 0).to(x.dtype)
    reference_loss(loss, network(x), y, weights).backward()
    return [parameter.grad.double() for parameter in network.parameters()]


@settings(max_examples=40)
@given(member=architectures, loss=losses, n=st.integers(4, 40), seed=st.integers(0, 9), weighted=st.booleans())
def test_gradients_are_autograds(member, loss, n, seed, weighted):
    x, y, weights = some_jets(n, seed, loss, member.n_outputs, weighted)
    doubles = [value if value is None or not value.is_floating_point() else value.double() for value in (x, y, weights)]
    exact = autograds_gradients(member, loss, *doubles)
    rounded = autograds_gradients(member, loss, x, y, weights)
    noise = max((a - b).abs().max().item() for a, b in zip(exact, rounded, strict=True))
    scale = max(gradient.abs().max().item() for gradient in exact)
    native = NativeNetwork(initial_network(member, 0), member, dropout_seed(0), n, loss)
    stack = Stack([initial_network(member, 0)], [member], [dropout_seed(0)], loss=loss)
    stacked = (value if value is None else value[None] for value in (x, y, weights))
    for ours in (native.differentiate(x, y, weights), stack.differentiate(*stacked)[0]):
        for mine, gradient in zip(ours, exact, strict=True):
            assert (mine - gradient).abs().max() <= 1e-5 * scale + 20 * noise


MEMBERS = [
    Architecture((24, 16, 8), "relu", False, 0.002, 1e-4, 0.1, 9, 3),
    Architecture((20,), "tanh", True, 0.001, 0.0, 0.05, 9, 3),
    Architecture((16, 12), "sigmoid", False, 0.005, 1e-5, 0.0, 9, 3),
]


@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("loss", CASES, ids=lambda loss: loss.kind)
def test_training_takes_the_reference_loops_steps(trainer, loss, weighted):
    jets = some_jets(1400, 0, loss, weighted=weighted)
    # Two whole batches and one of thirteen jets.
    training, validation = (
        [None if part is None else part[cut] for part in jets] for cut in (slice(141), slice(141, None))
    )
    results = trainer(MEMBERS, range(3), training, validation, Recipe(2, 64, loss))
    for i, (member, result) in enumerate(zip(MEMBERS, results, strict=True)):
        network, train_loss, score = reference_train(member, i, training, validation, 2, 64, loss=loss)
        assert result.history[-1]["train_loss"] == pytest.approx(train_loss, rel=1e-5)
        expected = reference_loss(loss, predict(network, validation[0]), *validation[1:]).item()
        assert result.loss == pytest.approx(expected, rel=1e-4)
        assert result.accuracy == pytest.approx(score, abs=2e-3)
        # The autograd loop evaluates as they do.
        assert evaluate(network, *validation, loss=loss) == pytest.approx((expected, score), rel=1e-5)


@pytest.mark.parametrize("loss", CASES, ids=lambda loss: loss.kind)
def test_the_autograd_loop_takes_the_same_steps(loss):
    """Without dropout, which it draws from PyTorch's generator."""
    member = replace(MEMBERS[2], batch_norm=False)
    jets = some_jets(300, 3, loss)
    network = initial_network(member, 5)
    history = list(fit(network, member, jets, jets, Recipe(2, 64, loss), 5))
    (result,) = train([member], [5], jets, jets, Recipe(2, 64, loss))
    for mine, theirs in zip(history, result.history, strict=True):
        assert mine == pytest.approx(theirs, rel=1e-3, abs=1e-4)


@pytest.mark.parametrize("loss", CASES, ids=lambda loss: loss.kind)
def test_equal_weights_change_no_bit(trainer, loss):
    x, y, _ = some_jets(300, 1, loss)
    histories = []
    for weight in (None, 1.0, 4.0):
        jets = (x, y) if weight is None else (x, y, torch.full((300,), weight))
        histories.append([result.history for result in trainer(MEMBERS, range(3), jets, jets, Recipe(2, 60, loss))])
    if trainer is train:
        assert histories[0] == histories[1] == histories[2]
    else:
        assert histories[1] == histories[2]
        for mine, theirs in zip(histories[0], histories[1], strict=True):
            assert mine[0] == pytest.approx(theirs[0], rel=1e-5)


@given(counts=st.lists(st.integers(1, 4), min_size=2, max_size=20), loss=losses, seed=st.integers(0, 9))
@settings(max_examples=20)
def test_a_whole_weight_is_as_many_jets(counts, loss, seed):
    x, y, _ = some_jets(len(counts), seed, loss)
    member = Architecture((12, 7), "tanh", n_inputs=9, n_outputs=3)
    counts = torch.tensor(counts)
    repeated = [part.repeat_interleave(counts, dim=0) for part in (x, y)]
    network = NativeNetwork(initial_network(member, 0), member, 0, int(counts.sum()), loss)
    mine, theirs = network.differentiate(x, y, counts.float()), network.differentiate(*repeated)
    scale = max(gradient.abs().max() for gradient in theirs)
    assert all((a - b).abs().max() <= 1e-5 * scale for a, b in zip(mine, theirs, strict=True))
    assert network.evaluate(x, y, counts.float()) == pytest.approx(network.evaluate(*repeated), rel=1e-5, abs=1e-6)


@pytest.mark.parametrize("loss", OF_NUMBERS, ids=lambda loss: loss.kind)
def test_what_is_no_number_is_a_failure(trainer, loss):
    jets = some_jets(200, 0, loss)
    wild, *others = trainer(
        [replace(MEMBERS[0], learning_rate=1e30), *MEMBERS], range(4), jets, jets, Recipe(2, 64, loss)
    )
    assert "learning rate 1e+30" in wild.failure
    assert not any(result.failure for result in others)


@pytest.mark.parametrize("loss", OF_NUMBERS, ids=lambda loss: loss.kind)
def test_threads_change_nothing(loss):
    jets = some_jets(300, 0, loss)
    one, two = (
        train(MEMBERS, range(3), jets, jets, Recipe(2, 64, loss), Machine(threads=threads)) for threads in (1, 2)
    )
    assert [result.history for result in one] == [result.history for result in two]


@pytest.mark.parametrize(
    ("loss", "change", "message"),
    [
        (Loss("squared"), {1: lambda y: y[:, 0]}, r"numbers, floats of shape \(100, n_outputs\)"),
        (Loss("squared"), {1: lambda y: y.long()}, "int64"),
        (Loss("squared"), {1: lambda y: y[:, :2]}, "2 targets, 9-24-16-8-3 gives 3"),
        (Loss("huber"), {1: lambda y: y * math.nan}, "a target of the examples is not a finite number"),
        (Loss(), {1: lambda y: y.double()}, "whole numbers; got torch.float64"),
        (Loss(), {2: lambda w: w[1:]}, "100 examples need as many weights"),
        (Loss(), {2: lambda w: w - w[0]}, "not positive and finite"),
        (Loss(), {2: lambda w: w * math.inf}, "not positive and finite"),
    ],
)
def test_jets_that_do_not_fit_are_refused(loss, change, message):
    jets = some_jets(100, 0, loss)
    wrong = tuple(change.get(i, lambda part: part)(part) for i, part in enumerate(jets))
    with pytest.raises(ValueError, match=message):
        train(MEMBERS[:1], [0], wrong, jets, Recipe(1, 64, loss))
    with pytest.raises(ValueError, match=message):
        train(MEMBERS[:1], [0], jets, wrong, Recipe(1, 64, loss))


def test_compiled_code_refuses_targets_of_another_loss():
    x, y, _ = some_jets(10, 0, Loss())
    network = NativeNetwork(initial_network(MEMBERS[0], 0), MEMBERS[0], 0, 10, Loss("squared"))
    with pytest.raises(ValueError, match=r"the loss squared needs torch\.float32 of shape"):
        network.evaluate(x, y)


# The quantised trainers.


@settings(max_examples=40)
@given(
    case=quantized_networks(n_outputs=3),
    loss=losses,
    n=st.integers(2, 70),
    seed=st.integers(0, 9),
    weighted=st.booleans(),
)
def test_outputs_are_exact_and_gradients_autograds(case, loss, n, seed, weighted):
    architecture, network = case
    x, y, weights = some_jets(n, seed, loss, weighted=weighted)
    doubles = [value if value is None or not value.is_floating_point() else value.double() for value in (x, y, weights)]
    reference = ReferenceNetwork(network, architecture, seed, torch.float64)
    outputs = reference.eval()(doubles[0]).detach()
    native = NativeQuantizedNetwork(network, architecture, dropout_seed(seed), n, loss)
    stack = QuantizedStack([network], [architecture], [dropout_seed(seed)], loss=loss)
    assert torch.equal(native.predict(x), outputs.float())
    assert torch.equal(stack.predict(x)[0], outputs.float())
    expected = reference_loss(loss, outputs, *doubles[1:]).item(), reference_score(loss, outputs, *doubles[1:])
    assert native.evaluate(x, y, weights) == pytest.approx(expected, rel=1e-5, abs=1e-6)
    assert [value for (value,) in stack.evaluate(x, y, weights)] == pytest.approx(expected, rel=1e-5, abs=1e-6)
    exact = reference.train().gradients(*doubles, loss=loss)
    scale = max(gradient.abs().max() for gradient in exact)
    for ours in (native.differentiate(x, y, weights), stack.differentiate(x, y, weights)[0]):
        for mine, gradient in zip(ours, exact, strict=True):
            assert (mine - gradient).abs().max() <= 2e-5 * scale + 1e-6


@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("loss", CASES, ids=lambda loss: loss.kind)
def test_fine_tuning_is_the_reference_loop(loss, weighted):
    """Compiled and stacked, with a last batch of another size."""
    network = make_network((9, 16, 12, 3), (6, 4, 5), (5, 6), 7, ("relu", "tanh"), 0.7, 7)
    architecture = Architecture((16, 12), learning_rate=2e-3, l1=1e-5, dropout=0.5, n_inputs=9, n_outputs=3)
    x, y, weights = jets = some_jets(64 * 3 + 13, 2, loss, weighted=weighted)
    _, means = reference_fine_tune(copy.deepcopy(network), architecture, 7, jets, 64, [2e-3] * 2, loss)
    stack = QuantizedStack([copy.deepcopy(network)], [architecture], [dropout_seed(7)], loss=loss)
    orders = [jet_order(len(x), 7, epoch)[None] for epoch in (1, 2)]
    stacked = [stack.train(x, y, order, 64, [2e-3], weights)[0] for order in orders]
    (result,) = fine_tune([FineTuning(network, architecture, 7)], jets, jets, Recipe(2, 64, loss))
    assert [record["train_loss"] for record in result.history] == pytest.approx(means, rel=1e-4)
    assert stacked == pytest.approx(means, rel=1e-4)


@pytest.mark.thorough
@pytest.mark.skipif(platform.machine() != "x86_64", reason="there are no levels of the instruction set to compare")
def test_the_width_of_the_registers_changes_no_bit(monkeypatch):
    """Numbers from an AVX-512 machine are those of an AVX2 machine, for as many outputs as fill a register and more."""
    avx512, avx2 = (needed for needed, _ in native_library.LEVELS)
    if not avx512 <= native_library.processor_flags():
        pytest.skip("this processor has no AVX-512")
    seen = []
    for flags in (avx512, avx2):
        monkeypatch.setattr(native_library, "processor_flags", lambda flags=flags: flags)
        native_library.load_library.cache_clear()
        histories = []
        for loss in CASES:
            for n_outputs in (1, 8, 19):
                jets = some_jets(300, 0, loss, n_outputs)
                members = [replace(member, n_outputs=n_outputs) for member in MEMBERS]
                histories += [result.history for result in train(members, range(3), jets, jets, Recipe(2, 64, loss))]
                network = make_network((9, 16, 12, n_outputs), (6, 4, 5), (5, 6), 7, ("relu",) * 2, 0.7, 7)
                task = FineTuning(network, Architecture((16, 12), n_inputs=9, n_outputs=n_outputs), 7)
                histories += [result.history for result in fine_tune([task], jets, jets, Recipe(2, 64, loss))]
        seen.append(histories)
    native_library.load_library.cache_clear()
    assert seen[0] == seen[1]


@pytest.mark.skipif(not torch.cuda.is_available(), reason="PyTorch sees no GPU")
@pytest.mark.parametrize("loss", CASES, ids=lambda loss: loss.kind)
def test_a_gpu_trains_as_the_cpu_does(loss):
    """The recorded step, a last batch of another size and a second epoch."""
    jets = some_jets(653, 0, loss)
    cpu, gpu = (
        train(MEMBERS, range(3), jets, jets, Recipe(2, 64, loss), Machine(device)) for device in ("cpu", "cuda")
    )
    for mine, theirs in zip(gpu, cpu, strict=True):
        assert mine.history[-1] == pytest.approx(theirs.history[-1], rel=1e-2, abs=1e-2)


# A regression on measured data.


@pytest.fixture(scope="module")
def diabetes():
    """Progression of 442 patients' diabetes a year after ten measurements, standardised."""
    from sklearn.datasets import load_diabetes

    x, y = load_diabetes(return_X_y=True)
    order = np.random.default_rng(0).permutation(len(x))
    x, y = x[order] / x.std(axis=0), (y[order, None] - y.mean()) / y.std()
    x, y = x.astype(np.float32), y.astype(np.float32)
    return {"train": (x[:300], y[:300]), "val": (x[300:], y[300:])}


PATIENTS = Architecture((16, 8), "relu", learning_rate=0.005, l1=2e-2, n_inputs=10, n_outputs=1)


@pytest.mark.parametrize("loss", [Loss("squared"), Loss("huber", 1.0)], ids=lambda loss: loss.kind)
def test_learns_the_progression_of_diabetes(diabetes, loss):
    (result,) = train([PATIENTS], [0], diabetes["train"], diabetes["val"], Recipe(40, 32, loss))
    assert result.accuracy > 0.3
    mean, score = evaluate(result.network, *diabetes["val"], loss=loss)
    assert (mean, score) == pytest.approx((result.loss, result.accuracy), rel=1e-5)


def test_a_regression_is_compressed(diabetes):
    """Warmed up, pruned by iterations, and fine-tuned with bits and sparsity of its own."""
    loss = Loss("squared")
    precision = Precision((8, 8, 8), (8, 8), 10)
    start = warm_up(PATIENTS, precision, "w8a8", diabetes, Recipe(40, 32, loss), 0, "patients")
    assert start.validation_accuracy > 0.3
    assert evaluate(start.network(), *diabetes["val"], loss=loss)[1] == pytest.approx(start.validation_accuracy)
    pruned = prune(start, start, diabetes, 0.3, Recipe(10, 32, loss), 0, "patients")
    assert pruned.validation_accuracy > 0.3
    smaller = Compression(Precision((6, 6, 6), (6, 6), 8), 0.5)
    (compressed,) = compress(start, [smaller], [1], diabetes, Recipe(10, 32, loss))
    assert compressed.result.accuracy > 0.3
    # The circuit's integers score as the network in training did.
    outputs = torch.tensor(compressed.fixed_point.predict(diabetes["val"][0]))
    assert reference_score(loss, outputs, torch.tensor(diabetes["val"][1])) == pytest.approx(compressed.result.accuracy)


# The files of a regression.


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda y: y, None),
        (lambda y: y.astype(np.float64), "finite float32 targets of 2 outputs"),
        (lambda y: y[:, :1], "finite float32 targets of 2 outputs"),
        (lambda y: y * np.float32(np.inf), "finite float32 targets of 2 outputs"),
        (lambda y: y[:, 0], "classes, from 0 to 1"),
        (lambda y: y.astype(np.int64), "classes, from 0 to 1"),
    ],
)
def test_numbers_pass_through_a_prepared_file(tmp_path, change, message):
    info = DataInfo("beam", "examples", (3,), ("a", "b", "c"), ("energy", "angle"), "a test beam")
    y = np.random.default_rng(0).normal(size=(6, 2)).astype(np.float32) + 1
    with h5py.File(tmp_path / "data.h5", "w") as file:
        file.attrs.update(info.to_attributes())
        file["x_train"], file["y_train"] = np.ones((6, 3), np.float32), change(y)
    if message:
        with pytest.raises(UnreadableError, match=message):
            load_dataset(tmp_path / "data.h5", ("train",))
    else:
        x, loaded = load_dataset(tmp_path / "data.h5", ("train",))["train"]
        assert x.shape == (6, 3)
        assert loaded.dtype == np.float32
        assert np.array_equal(loaded, y)

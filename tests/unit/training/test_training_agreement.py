"""The fast trainers against a plain PyTorch loop, and networks against their neighbours."""

import os
import platform

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import ks_2samp
from torch.nn.functional import cross_entropy

from helpers.reference_training import reference_network, reference_train
from snacpack.core import native_library, places
from snacpack.core.native_library import NativeUnavailable
from snacpack.networks.architecture import Architecture
from snacpack.training import train, trials
from snacpack.training.dropout import dropout_keys, dropout_mask
from snacpack.training.native import NativeNetwork
from snacpack.training.recipe import Machine, Recipe, Watch
from snacpack.training.stack import Stack
from snacpack.training.trials import dropout_seed, initial_network

architectures = st.builds(
    Architecture,
    units=st.lists(st.integers(1, 70), min_size=1, max_size=4).map(tuple),
    activation=st.sampled_from(["relu", "tanh", "sigmoid"]),
    batch_norm=st.booleans(),
    dropout=st.sampled_from([0.0, 0.1, 0.5]),
    l1=st.sampled_from([0.0, 1e-3]),
    n_inputs=st.just(9),
)


def native_gradients(members, x, y):
    seeds = [dropout_seed(i) for i in range(len(members))]
    networks = [initial_network(member, i) for i, member in enumerate(members)]
    stack = [NativeNetwork(*parts, x.shape[1]) for parts in zip(networks, members, seeds, strict=True)]
    return [network.differentiate(x[i].contiguous(), y[i].contiguous()) for i, network in enumerate(stack)]


def stack_gradients(members, x, y):
    seeds = [dropout_seed(i) for i in range(len(members))]
    return Stack([initial_network(member, i) for i, member in enumerate(members)], members, seeds).differentiate(x, y)


def autograds_gradients(member, seed, x, y):
    network = reference_network(member, seed).to(x.dtype)
    cross_entropy(network(x), y).backward()
    return [parameter.grad.double() for parameter in network.parameters()]


@pytest.mark.parametrize("gradients", [native_gradients, stack_gradients])
@settings(max_examples=40, deadline=None)
@given(members=st.lists(architectures, min_size=1, max_size=4), n_jets=st.integers(4, 40), seed=st.integers(0, 9))
def test_gradients_are_autograds(gradients, members, n_jets, seed):
    random = torch.Generator().manual_seed(seed)
    x = torch.randn(len(members), n_jets, 9, generator=random)
    y = torch.randint(0, 5, (len(members), n_jets), generator=random)
    for i, (member, ours) in enumerate(zip(members, gradients(members, x, y), strict=True)):
        exact = autograds_gradients(member, i, x[i].double(), y[i])
        rounded = autograds_gradients(member, i, x[i], y[i])
        # Batch normalisation of few jets divides by deviations that may be tiny: then PyTorch's floats are off too.
        noise = max((a - b).abs().max().item() for a, b in zip(exact, rounded, strict=True))
        scale = max(gradient.abs().max().item() for gradient in exact)
        for mine, gradient in zip(ours, exact, strict=True):
            assert (mine - gradient).abs().max() < 1e-5 * scale + 20 * noise, member


@pytest.fixture(scope="module")
def jets():
    """Classes that overlap, so that accuracy is neither a guess nor perfect."""
    random = np.random.default_rng(0)
    y = torch.tensor(random.integers(0, 5, 3000))
    x = torch.tensor(random.normal(size=(3000, 9)).astype(np.float32))
    x[torch.arange(3000), y] += 1.5
    return (x[:2000], y[:2000]), (x[2000:], y[2000:])


MEMBERS = [
    Architecture((24, 16, 8), "relu", False, 0.002, 1e-4, 0.1, 9),
    Architecture((20,), "tanh", True, 0.001, 0.0, 0.05, 9),
    Architecture((33, 17), "sigmoid", True, 0.005, 1e-5, 0.0, 9),
    Architecture((16, 16, 16, 16), "tanh", False, 0.001, 0.0, 0.0, 9),
    Architecture((12, 30), "relu", True, 0.0015, 0.0, 0.1, 9),
]
WITH_DROPOUT = Architecture((24, 16), "relu", True, 0.002, 1e-5, 0.1, 9)


def test_training_takes_the_reference_loops_steps(trainer, jets):
    """Same initial weights, batches and dropout: the losses stay together until rounding errors have grown."""
    # Two whole batches and one of thirteen jets.
    training = tuple(tensor[:141] for tensor in jets[0])
    members = [*MEMBERS, Architecture((16, 8), "tanh", False, 0.01, 0.05, 0.1, 9)]
    results = trainer(members, range(6), training, jets[1], Recipe(2, 64))
    for i, (member, result) in enumerate(zip(members, results, strict=True)):
        network, loss, accuracy = reference_train(member, i, training, jets[1], 2, 64)
        assert result.history[-1]["train_loss"] == pytest.approx(loss, rel=1e-5), member
        assert result.accuracy == pytest.approx(accuracy, abs=2e-3)
        ours, theirs = result.network.state_dict(), network.state_dict()
        for name in (name for name in ours if not name.endswith("num_batches_tracked")):
            if member.batch_norm and (name.endswith("running_mean") or _before_norm(result.network, name)):
                continue  # A bias before batch normalisation walks at random in PyTorch and takes the mean along.
            assert torch.allclose(ours[name], theirs[name], rtol=1e-3, atol=2e-5), (member, name)


def _before_norm(network, name):
    """Return whether a parameter is the bias of a layer that is batch normalised."""
    layer, kind = name.split(".")
    return kind == "bias" and isinstance(network[min(int(layer) + 1, len(network) - 1)], torch.nn.BatchNorm1d)


@pytest.fixture(scope="module")
def reference_accuracies(jets):
    return np.array([reference_train(WITH_DROPOUT, 100 + i, *jets, 3, 64, hashed=False)[2] for i in range(20)])


def test_accuracies_are_distributed_as_the_reference_loops(trainer, jets, reference_accuracies):
    """Over 20 seeds, with dropout drawn by PyTorch: neither mean nor distribution differs beyond chance."""
    results = trainer([WITH_DROPOUT] * 20, range(20), *jets, Recipe(3, 64))
    ours = np.array([result.accuracy for result in results])
    theirs = reference_accuracies
    error = np.sqrt(ours.var(ddof=1) / 20 + theirs.var(ddof=1) / 20)
    assert abs(ours.mean() - theirs.mean()) < 3 * error
    assert ks_2samp(ours, theirs).pvalue > 0.01
    assert 0.5 < ours.mean() < 0.95


def test_neighbours_do_not_matter(trainer, jets):
    together = trainer(MEMBERS, range(5), *jets, Recipe(2, 64))
    for i, member in enumerate(MEMBERS):
        (alone,) = trainer([member], [i], *jets, Recipe(2, 64))
        if trainer is train:
            assert alone.history == together[i].history
        assert alone.accuracy == pytest.approx(together[i].accuracy, abs=0.015)
        assert alone.loss == pytest.approx(together[i].loss, abs=0.02)


def test_a_diverging_network_harms_no_neighbour(trainer, jets):
    wild = Architecture((16, 12), "relu", False, 1e30, n_inputs=9)
    quiet = trainer(MEMBERS, range(5), *jets, Recipe(2, 64))
    seen, finished = [], []
    results = trainer(
        [*MEMBERS[:3], wild, *MEMBERS[3:]],
        [0, 1, 2, 9, 3, 4],
        *jets,
        Recipe(2, 64),
        watch=Watch(
            on_epoch=lambda index, record: seen.append((index, record["epoch"])),
            on_result=lambda index, result: finished.append((index, result.failure is None)),
        ),
    )
    failed = results.pop(3)
    assert failed.accuracy is None
    assert failed.loss is None
    assert "learning rate 1e+30" in failed.failure
    assert sorted(seen) == [(index, epoch) for index in (0, 1, 2, 4, 5) for epoch in (1, 2)]
    assert sorted(finished) == [(0, True), (1, True), (2, True), (3, False), (4, True), (5, True)]
    for mine, result in zip(quiet, results, strict=True):
        assert result.failure is None
        assert result.loss == pytest.approx(mine.loss, abs=0 if trainer is train else 0.02)


def test_threads_change_nothing(jets):
    one, three = (train(MEMBERS, range(5), *jets, Recipe(2, 64), Machine(threads=threads)) for threads in (1, 3))
    assert [result.history for result in one] == [result.history for result in three]


def test_an_error_in_a_thread_ends_the_others(jets):
    seen = []

    def interrupt(index, record):
        seen.append(index)
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        train(MEMBERS * 20, range(100), *jets, Recipe(3, 64), Machine(threads=2), Watch(on_epoch=interrupt))
    assert len(seen) < 10


def test_want_of_memory_is_no_failure_of_a_network(jets, monkeypatch):
    class Crowded(NativeNetwork):
        def __init__(self, network, architecture, *arguments):
            if architecture.label == "9-20-5":
                raise MemoryError("no room")
            super().__init__(network, architecture, *arguments)

    monkeypatch.setattr(trials, "NativeNetwork", Crowded)
    with pytest.raises(MemoryError, match="no room"):
        train(MEMBERS, range(5), *jets, Recipe(1, 64))


@pytest.mark.parametrize("activation", ["relu", "tanh", "sigmoid"])
@pytest.mark.parametrize("batch_norm", [True, False])
def test_weights_that_are_no_numbers_are_a_failure(trainer, jets, activation, batch_norm):
    """A ReLU that turns NaN into zero would hide them."""
    member = Architecture((8, 8), activation, batch_norm, n_inputs=9)
    networks = []

    def poisoned(architecture, seed):
        networks.append(initial_network(architecture, seed))
        with torch.no_grad():
            networks[-1][0].weight[0, 0] = float("nan")
        return networks[-1]

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(trials, "initial_network", poisoned)
        (result,) = trainer([member], [0], *jets, Recipe(1, 64))
    assert result.failure
    assert "Diverged" in result.failure


def test_an_exploding_network_is_a_failure(trainer, jets):
    (result,) = trainer([Architecture((16,) * 8, "relu", learning_rate=1e5, n_inputs=9)], [0], *jets, Recipe(2, 64))
    assert result.failure or all(torch.isfinite(p).all() for p in result.network.parameters())


@pytest.mark.skipif(not torch.cuda.is_available(), reason="PyTorch sees no GPU")
def test_a_gpu_trains_as_the_cpu_does(jets):
    """The recorded step, a last batch of another size and a second epoch, against the same stack without a graph."""
    training = tuple(tensor[:653] for tensor in jets[0])
    results = train(MEMBERS, range(5), training, jets[1], Recipe(2, 64), Machine("cuda"))
    for i, (member, result) in enumerate(zip(MEMBERS, results, strict=True)):
        _, loss, accuracy = reference_train(member, i, training, jets[1], 2, 64)
        assert result.history[-1]["train_loss"] == pytest.approx(loss, rel=1e-3)
        assert result.accuracy == pytest.approx(accuracy, abs=0.01)


def test_a_gpu_that_is_not_there_is_named(jets):
    if torch.cuda.is_available():
        pytest.skip("there is one")
    with pytest.raises(ValueError, match=r"training\.device is cuda, but PyTorch sees no GPU"):
        train(MEMBERS, range(5), *jets, Recipe(1, 64), Machine("cuda"))


def test_a_broken_library_is_compiled_again(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    monkeypatch.setattr(native_library, "FLAGS", ("-O0", "-std=c++17", "-Wno-psabi"))
    path = native_library._library_path()
    path.write_bytes(b"half a libr")
    native_library.load_library.cache_clear()
    native_library.load_library()
    native_library.load_library.cache_clear()
    assert path.stat().st_size > 10_000
    assert {file.name for file in path.parent.iterdir()} == {path.name, "native.lock"}


def test_a_home_that_cannot_be_written_is_survived(tmp_path, monkeypatch):
    (tmp_path / "file").write_text("in the way")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "file"))
    monkeypatch.setattr(places.tempfile, "gettempdir", lambda: str(tmp_path))
    assert tmp_path / f"snacpack-{os.getuid()}" in places.cache_folder().parents


def test_a_compiler_may_come_with_options(monkeypatch):
    monkeypatch.setenv("CXX", "g++ -g0")
    assert native_library._command()[:2] == ["g++", "-g0"]
    monkeypatch.setenv("CXX", "")
    assert native_library._command()[0] == "g++"


@pytest.mark.skipif(platform.machine() != "x86_64", reason="there are no levels of the instruction set to compare")
def test_the_width_of_the_registers_changes_no_bit(jets, monkeypatch):
    """Numbers from an AVX-512 machine are those of an AVX2 machine."""
    avx512, avx2 = (needed for needed, _ in native_library.LEVELS)
    if not avx512 <= native_library.processor_flags():
        pytest.skip("this processor has no AVX-512")
    histories = []
    for flags in (avx512, avx2, set()):
        monkeypatch.setattr(native_library, "processor_flags", lambda flags=flags: flags)
        native_library.load_library.cache_clear()
        histories.append([result.history for result in train(MEMBERS, range(5), *jets, Recipe(1, 64))])
    native_library.load_library.cache_clear()
    assert histories[0] == histories[1]
    # Without fused multiply-adds there is one rounding more.
    for mine, other in zip(histories[0], histories[2], strict=True):
        assert other[0]["train_loss"] == pytest.approx(mine[0]["train_loss"], rel=1e-3)


def test_a_missing_compiler_is_named(jets, monkeypatch):
    monkeypatch.setenv("CXX", "no-such-compiler")
    native_library.load_library.cache_clear()
    with pytest.raises(NativeUnavailable, match="no-such-compiler is not in PATH"):
        train(MEMBERS[1:2], [0], *jets, Recipe(1, 64))
    native_library.load_library.cache_clear()


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"n_inputs": 8}, "9 features"),
        ({"n_outputs": 4}, "classes 0 to 4"),
        ({"batch_size": 1}, "batch_size"),
        ({"batch_size": 65537}, "batch_size"),
        ({"nan": True}, "not a finite number"),
        ({"x": slice(1)}, "at least 2"),
    ],
)
def test_jets_that_do_not_fit_are_refused(jets, change, message):
    fields = {name: change[name] for name in ("n_inputs", "n_outputs") if name in change}
    architecture = Architecture((4,), **{"n_inputs": 9, **fields})
    training = tuple(tensor[change.get("x", slice(None))].clone() for tensor in jets[0])
    if change.get("nan"):
        training[0][5, 2] = float("nan")
    with pytest.raises(ValueError, match=message):
        train([architecture], [0], training, jets[1], Recipe(1, change.get("batch_size", 64)))


def test_dropout_drops_what_it_should():
    """The frequency of dropped units, and no correlation between jets, units, steps or layers."""
    probability = torch.tensor(0.1)
    masks = torch.stack(
        [
            dropout_mask(dropout_keys(torch.tensor(5), step, layer), 128, 64, probability)
            for step in range(1, 6)
            for layer in range(3)
        ]
    ).double()
    n = masks.numel()
    assert abs(1 - masks.mean() - 0.1) < 4 * (0.09 / n) ** 0.5
    flat = masks.flatten(1) - 0.9
    correlations = (flat @ flat.T / (0.09 * flat.shape[1])).fill_diagonal_(0)
    assert correlations.abs().max() < 5 / flat.shape[1] ** 0.5
    for axis in (1, 2):
        neighbours = ((masks - 0.9) * (masks.roll(1, axis) - 0.9)).mean() / 0.09
        assert abs(neighbours) < 4 / n**0.5

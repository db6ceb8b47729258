"""Compiled training of quantised networks against autograd and against Brevitas."""

import copy
import platform

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch.nn.functional import cross_entropy

from helpers.reference_quantized import ReferenceNetwork, make_network, quantized_networks, reference_fine_tune
from snacpack.compression.network import build_quantized_network, dense_layers, range_of, tensors_of
from snacpack.core import native_library
from snacpack.networks.architecture import Architecture
from snacpack.networks.scheme import Precision
from snacpack.training.fit import fit, jet_order, predict
from snacpack.training.native import NativeQuantizedNetwork
from snacpack.training.quantized import Table
from snacpack.training.recipe import Recipe
from snacpack.training.trials import dropout_seed


def make_jets(n_jets, seed, n_inputs=9, n_outputs=5):
    random = torch.Generator().manual_seed(seed)
    x = torch.randn(n_jets, n_inputs, generator=random)
    y = torch.randint(0, n_outputs, (n_jets,), generator=random)
    x[torch.arange(n_jets), y] += 1.5
    return x, y


@settings(max_examples=60, deadline=None)
@given(case=quantized_networks(), n_jets=st.integers(2, 70), seed=st.integers(0, 9))
def test_logits_are_exact_and_gradients_autograds(case, n_jets, seed):
    architecture, network = case
    x, y = make_jets(n_jets, seed)
    ours = NativeQuantizedNetwork(network, architecture, dropout_seed(seed), n_jets)
    reference = ReferenceNetwork(network, architecture, seed, torch.float64)
    reference.eval()
    assert torch.equal(ours.predict(x), reference(x.double()).float())
    loss, accuracy = ours.evaluate(x, y)
    assert loss == pytest.approx(cross_entropy(reference(x.double()), y).item(), rel=1e-5)
    assert accuracy == pytest.approx((reference(x.double()).argmax(1) == y).double().mean().item())
    reference.train()
    gradients = ours.differentiate(x, y)
    for mine, exact in zip(gradients, reference.gradients(x.double(), y), strict=True):
        assert (mine - exact).abs().max() <= 2e-5 * exact.abs().max() + 1e-6


def test_the_smallest_numbers_round_down_too():
    """Just below zero is below zero; on the edges of a grid; beyond them."""
    network = make_network((1, 6, 3), (8, 8), (8,), 4, ("relu",), 1.0, 0)
    x = torch.tensor([-1e-45, -1e-38, -1e-30, 0.0, 1e-45, -2.0, -2.0001, 1.75, 1.9999, 3e38, -3e38])[:, None]
    architecture = Architecture((6,), n_inputs=1, n_outputs=3)
    ours = NativeQuantizedNetwork(network, architecture, 0, len(x))
    assert torch.equal(ours.predict(x), ReferenceNetwork(network, architecture, 0)(x))


@pytest.mark.parametrize("kinds", ["relu", "tanh"])
def test_training_takes_autograds_steps(kinds):
    """Dropout, L1, masks, a learning rate that changes, a last batch of another size."""
    architecture = Architecture((24, 16, 9), l1=1e-3, dropout=0.5, n_inputs=9)
    network = make_network((9, 24, 16, 9, 5), (5, 4, 6, 3), (4, 6, 5), 7, (kinds,) * 3, 0.6, 3)
    training = make_jets(64 * 3 + 13, 1)
    rates = [2e-3, 1e-3, 0.0]
    reference, losses = reference_fine_tune(copy.deepcopy(network), architecture, 5, training, 64, rates)
    ours = NativeQuantizedNetwork(network, architecture, dropout_seed(5), 64)
    for epoch, (rate, loss) in enumerate(zip(rates, losses, strict=True), start=1):
        order = jet_order(len(training[0]), 5, epoch)
        assert ours.train(*training, order, rate) == pytest.approx(loss, rel=1e-5)
    ours.store()
    for mine, theirs in zip(network.parameters(), reference.trained, strict=True):
        assert torch.allclose(mine, theirs, rtol=1e-3, atol=2e-5)
    for layer in network.layers:
        assert not layer.weight[~layer.mask].any()


QUANTIZERS = ("act_quant", "weight_quant", "bias_quant")


@st.composite
def brevitas_networks(draw):
    """Draw an architecture and Brevitas' network of it, every layer of its own bits, some of whose values clip."""
    units = draw(st.lists(st.integers(1, 40), min_size=1, max_size=3))
    bits = st.integers(2, 8)
    precision = Precision(
        draw(st.lists(bits, min_size=len(units) + 1, max_size=len(units) + 1)),
        draw(st.lists(bits, min_size=len(units), max_size=len(units))),
        draw(bits),
    )
    activation = draw(st.sampled_from(["relu", "relu", "tanh", "sigmoid"]))
    architecture = Architecture(tuple(units), activation, learning_rate=2e-3, l1=1e-4, n_inputs=9)
    random = torch.Generator().manual_seed(draw(st.integers(0, 99)))
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(random.initial_seed())
        network = build_quantized_network(architecture, precision)
    proxies = [getattr(child, name) for child in network for name in QUANTIZERS if hasattr(child, name)]
    with torch.no_grad():
        for value in map(range_of, proxies):
            # Those of tables are constants.
            if isinstance(value, torch.nn.Parameter):
                value.fill_(torch.rand((), generator=random).item() * 3 - 1.5)
        for dense in dense_layers(network):
            dense.bias.copy_(torch.rand(dense.bias.shape, generator=random) - 0.5)
    return architecture, network


# Always the same examples: where a gradient cancels to zero, rounding decides which way Adam goes.
@settings(max_examples=30, deadline=None, derandomize=True)
@given(case=brevitas_networks(), seed=st.integers(0, 9))
def test_brevitas_network_is_ours(case, seed):
    """The same logits to the last bit, the same gradients, and the same losses in a few steps of Adam."""
    architecture, network = case
    x, y = make_jets(50, seed)
    twin = copy.deepcopy(network)
    tensors = tensors_of(twin)
    ours = NativeQuantizedNetwork(tensors, architecture, 0, 20)
    assert torch.equal(ours.predict(x), predict(network, x))

    gradients = NativeQuantizedNetwork(tensors, architecture, 0, 50).differentiate(x, y)
    network.train()
    cross_entropy(network(x), y).backward()
    brevitas = {
        mine.data_ptr(): theirs.grad for mine, theirs in zip(twin.parameters(), network.parameters(), strict=True)
    }
    for tensor, gradient in zip(tensors.parameters(), gradients, strict=True):
        exact = brevitas[tensor.data_ptr()]
        assert (gradient - exact).abs().max() <= 5e-5 * exact.abs().max() + 2e-6
    network.zero_grad(set_to_none=True)

    (record,) = fit(network, architecture, (x, y), (x, y), Recipe(1, 20), seed)
    assert ours.train(x, y, jet_order(50, seed, 1), architecture.learning_rate) == pytest.approx(
        record["train_loss"], rel=1e-4
    )


def test_masks_that_shrink_are_held():
    architecture = Architecture((12, 7), learning_rate=0.01, n_inputs=9)
    network = make_network((9, 12, 7, 5), (4, 4, 4), (4, 4), 6, ("relu",) * 2, 1.0, 0)
    training = make_jets(200, 2)
    ours = NativeQuantizedNetwork(network, architecture, 0, 64)
    ours.train(*training, torch.arange(200), 0.01)
    masks = [torch.rand(layer.weight.shape) < 0.4 for layer in network.layers]
    ours.set_masks(masks)
    ours.train(*training, torch.arange(200), 0.01)
    ours.store()
    for layer, mask in zip(network.layers, masks, strict=True):
        assert torch.equal(layer.weight != 0, mask)


def test_weights_that_are_no_numbers_are_seen():
    for kind in ("relu", "tanh"):
        network = make_network((9, 12, 7, 5), (4, 4, 4), (4, 4), 6, (kind,) * 2, 1.0, 0)
        network.layers[0].weight[0, 0] = float("nan")
        ours = NativeQuantizedNetwork(network, Architecture((12, 7), n_inputs=9), 0, 64)
        x, y = make_jets(100, 0)
        assert ours.predict(x).isnan().any()
        assert ours.evaluate(x, y)[0] != ours.evaluate(x, y)[0]
        loss = ours.train(x, y, torch.arange(100), 1e-3)
        assert loss != loss


@pytest.mark.thorough
@pytest.mark.skipif(platform.machine() != "x86_64", reason="there are no levels of the instruction set to compare")
def test_the_width_of_the_registers_changes_no_bit(monkeypatch):
    """Numbers from an AVX-512 machine are those of an AVX2 machine."""
    avx512, avx2 = (needed for needed, _ in native_library.LEVELS)
    if not avx512 <= native_library.processor_flags():
        pytest.skip("this processor has no AVX-512")
    x, y = make_jets(300, 0)
    results = []
    for flags in (avx512, avx2, set()):
        monkeypatch.setattr(native_library, "processor_flags", lambda flags=flags: flags)
        native_library.load_library.cache_clear()
        seen = []
        for kind, dropout in (("relu", 0.0), ("relu", 0.1), ("tanh", 0.1)):
            network = make_network((9, 33, 20, 7, 5), (5, 4, 6, 3), (4, 6, 5), 7, (kind,) * 3, 0.6, 3)
            architecture = Architecture((33, 20, 7), l1=1e-4, dropout=dropout, n_inputs=9)
            ours = NativeQuantizedNetwork(network, architecture, 1, 64)
            losses = [ours.train(x, y, jet_order(300, 0, epoch), 1e-3) for epoch in (1, 2)]
            ours.store()
            tensors = [*network.parameters(), *ours.differentiate(x[:50], y[:50])]
            seen.append((losses, [tensor.tolist() for tensor in tensors]))
        results.append(seen)
    native_library.load_library.cache_clear()
    assert results[0] == results[1]
    # Without fused multiply-adds there is one rounding more.
    for mine, other in zip(results[0], results[2], strict=True):
        assert other[0] == pytest.approx(mine[0], rel=1e-2)


@pytest.mark.parametrize(
    ("units", "change", "message"),
    [
        ((12, 8), {}, r"is not of its architecture 9-12-8-5"),
        ((12, 7, 7), {}, r"is not of its architecture"),
        ((12, 7), {"bias": torch.zeros(11)}, r"layer 0 .* a bias of shape \(11,\)"),
        ((12, 7), {"mask": torch.ones(12, 8, dtype=torch.bool)}, r"layer 0 .* a mask of shape \(12, 8\)"),
        ((12, 7), {"activation": None}, "layer 0 .* no activation"),
        ((12, 7), {"activation": Table(4, 0, torch.zeros(8), torch.zeros(16))}, "8 values and 16 slopes for 4 bits"),
        ((12, 7), {"weight": torch.zeros(12, 9).double()}, "not contiguous float32"),
        ((12, 7), {"weight": torch.zeros(9, 12).T}, "not contiguous float32"),
    ],
)
def test_a_network_that_does_not_fit_is_refused(units, change, message):
    network = make_network((9, 12, 7, 5), (4, 4, 4), (4, 4), 6, ("relu",) * 2, 1.0, 0)
    for name, value in change.items():
        setattr(network.layers[0], name, value)
    with pytest.raises(ValueError, match=message):
        NativeQuantizedNetwork(network, Architecture(units, n_inputs=9), 0, 64)

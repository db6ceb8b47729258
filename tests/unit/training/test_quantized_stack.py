"""The stack of quantised networks against plain modules, Brevitas, the compiled code, and networks alone."""

import copy
import math

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch.nn.functional import cross_entropy

from helpers.reference_quantized import ReferenceNetwork, make_network, quantized_networks, reference_fine_tune
from snacpack.compression.calibration import quantize
from snacpack.compression.network import tensors_of
from snacpack.core.native_library import NativeUnavailable, load_library
from snacpack.networks.architecture import Architecture
from snacpack.networks.scheme import Precision
from snacpack.training.fit import jet_order
from snacpack.training.native import NativeQuantizedNetwork
from snacpack.training.quantized_stack import QuantizedStack
from snacpack.training.trials import dropout_seed

MEMBERS = [
    Architecture((24, 16, 8), "relu", False, 0.002, 1e-4, 0.5, 9),
    Architecture((20,), "tanh", False, 0.001, 0.0, 0.0, 9),
    Architecture((33, 17), "sigmoid", False, 0.005, 1e-5, 0.0, 9),
    Architecture((16, 16, 16, 16), "tanh", False, 0.001, 0.0, 0.0, 9),
    Architecture((12, 30), "relu", False, 0.0015, 1e-2, 0.0, 9),
]
RATES = [member.learning_rate for member in MEMBERS]


def network_of(architecture, seed):
    """Return a network of an architecture with bits, grids, ranges and masks that the seed gives."""
    n_layers = len(architecture.units) + 1
    bits = np.random.default_rng(seed).integers(2, 9, 2 * n_layers).tolist()
    kinds = [architecture.activation] * len(architecture.units)
    grids = (bits[:n_layers], bits[n_layers:-1], bits[-1])
    return make_network(architecture.layer_widths, *grids, kinds, 0.7, seed)


def stack_of(members, seeds, device="cpu"):
    networks = [network_of(member, seed) for member, seed in zip(members, seeds, strict=True)]
    return QuantizedStack(networks, members, [dropout_seed(seed) for seed in seeds], device), networks


def some_jets(n, seed=0):
    """Return features and classes that overlap."""
    random = torch.Generator().manual_seed(seed)
    y = torch.randint(0, 5, (n,), generator=random)
    x = torch.randn(n, 9, generator=random)
    x[torch.arange(n), y] += 1.5
    return x, y


def orders_of(n_networks, n_jets, seed=0):
    random = torch.Generator().manual_seed(seed)
    return torch.stack([torch.randperm(n_jets, generator=random) for _ in range(n_networks)])


@settings(max_examples=30, deadline=None)
@given(cases=st.lists(quantized_networks(), min_size=1, max_size=4), seed=st.integers(0, 99))
def test_logits_are_exact_and_gradients_autograds(cases, seed):
    """The stack has networks with different widths, depths, bits, activations and masks."""
    x, y = some_jets(60, seed)
    members, networks = zip(*cases, strict=True)
    stack = QuantizedStack(networks, members, [dropout_seed(seed)] * len(cases))
    for (member, network), logits, ours in zip(cases, stack.predict(x), stack.differentiate(x, y), strict=True):
        reference = ReferenceNetwork(network, member, seed, torch.float64)
        assert torch.equal(logits, reference.eval()(x.double()).float())
        expected = reference.train().gradients(x.double(), y)
        scale = max(gradient.abs().max() for gradient in expected)
        for mine, gradient in zip(ours, expected, strict=True):
            assert mine.shape == gradient.shape
            assert (mine - gradient).abs().max() <= 1e-5 * scale


def fewer(masks, seed):
    """Return masks with every other weight left, whatever its size."""
    random = torch.Generator().manual_seed(seed)
    return [mask & (torch.rand(mask.shape, generator=random) > 0.5) for mask in masks]


def assert_same_parameters(ours, theirs):
    """Some may differ: Adam makes a whole step of a gradient that is nothing but rounding errors."""
    ours, theirs = (torch.cat([parameter.detach().flatten() for parameter in all_of]) for all_of in (ours, theirs))
    assert torch.isclose(ours, theirs, rtol=1e-3, atol=1e-5).double().mean() > 0.99


def test_training_takes_the_reference_loops_steps():
    """Two passes with other learning rates, a last batch of another size and one of a single jet."""
    for n_jets in (141, 129):
        x, y = some_jets(n_jets)
        stack, networks = stack_of(MEMBERS, range(5))
        references = [
            reference_fine_tune(copy.deepcopy(network), member, i, (x, y), 64, [10 * member.learning_rate, 1e-3])
            for i, (network, member) in enumerate(zip(networks, MEMBERS, strict=True))
        ]
        for epoch, rates in enumerate([[10 * rate for rate in RATES], [1e-3] * 5]):
            orders = torch.stack([jet_order(n_jets, i, epoch + 1) for i in range(5)])
            losses = stack.train(x, y, orders, 64, rates)
            assert losses == pytest.approx([means[epoch] for _, means in references], rel=1e-4)
        stack.store()
        for network, (reference, _) in zip(networks, references, strict=True):
            assert_same_parameters(network.parameters(), reference.trained)


def test_neighbours_do_not_matter():
    x, y = some_jets(320)
    orders = orders_of(len(MEMBERS), 320)
    stack, networks = stack_of(MEMBERS, range(5))
    losses = [stack.train(x, y, orders, 64, RATES) for _ in range(2)]
    stack.store()
    for i, member in enumerate(MEMBERS):
        alone, (network,) = stack_of([member], [i])
        for of_all in losses:
            assert alone.train(x, y, orders[i : i + 1], 64, RATES[i : i + 1]) == [pytest.approx(of_all[i], rel=1e-4)]
        alone.store()
        assert_same_parameters(network.parameters(), networks[i].parameters())


def test_a_network_of_no_numbers_harms_no_neighbour():
    x, y = some_jets(320)
    orders = orders_of(3, 320)
    losses, networks = [], [network_of(member, i) for i, member in enumerate(MEMBERS[:3])]
    for poison in (0.0, math.nan):
        networks[1].layers[0].weight.fill_(poison)
        stack = QuantizedStack(networks, MEMBERS[:3], range(3))
        losses.append([stack.train(x, y, orders, 64, RATES[:3]) for _ in range(2)][1])
    assert math.isnan(losses[1][1])
    assert losses[0][::2] == losses[1][::2]


@pytest.mark.parametrize("member", MEMBERS[:3], ids=lambda member: member.activation)
@pytest.mark.parametrize("place", range(4))
def test_what_is_no_number_shows(member, place):
    """Neither a clamp, nor a table, nor a ReLU, nor a scale turns it into a number."""
    network = network_of(member, 0)
    # A ReLU's layer has a weight, a bias and both ranges; a table's has one range.
    list(network.parameters())[place].fill_(math.nan)
    stack = QuantizedStack([network], [member], [0])
    x, y = some_jets(64)
    assert stack.predict(x).isnan().all()
    assert math.isnan(stack.train(x, y, orders_of(1, 64), 32, [0.001])[0])


def test_pruned_weights_stay_zero_whatever_adam_remembers():
    x, y = some_jets(320)
    orders, rates = orders_of(len(MEMBERS), 320), [0.01] * len(MEMBERS)
    stack, networks = stack_of(MEMBERS, range(5))
    stack.train(x, y, orders, 64, rates)
    masks = [fewer([layer.mask for layer in network.layers], i) for i, network in enumerate(networks)]
    stack.set_masks(masks)
    stack.train(x, y, orders, 64, rates)
    gradients = stack.differentiate(x, y)
    stack.store()
    for network, of_network, derivatives in zip(networks, masks, gradients, strict=True):
        matrices = [gradient for gradient in derivatives if gradient.ndim == 2]
        for layer, mask, gradient in zip(network.layers, of_network, matrices, strict=True):
            assert not layer.weight[~mask].any()
            assert not gradient[~mask].any()
            assert layer.weight[mask].all()


def test_what_is_stored_makes_the_same_network():
    x, y = some_jets(320)
    stack, networks = stack_of(MEMBERS, range(5))
    before = [[layer.weight.clone() for layer in network.layers] for network in networks]
    stack.train(x, y, orders_of(len(MEMBERS), 320), 64, [0.01] * len(MEMBERS))
    for stored in (False, True):
        if stored:
            stack.store()
        for network, weights in zip(networks, before, strict=True):
            same = [torch.equal(layer.weight, weight) for layer, weight in zip(network.layers, weights, strict=True)]
            assert not any(same) if stored else all(same)
    assert torch.equal(QuantizedStack(networks, MEMBERS, range(5)).predict(x), stack.predict(x))


def test_evaluation_is_of_the_predictions():
    x, y = some_jets(1500)
    stack, _ = stack_of(MEMBERS, range(5))
    losses, accuracies = stack.evaluate(x, y)
    for logits, loss, accuracy in zip(stack.predict(x), losses, accuracies, strict=True):
        assert loss == pytest.approx(cross_entropy(logits, y).item(), rel=1e-5)
        assert accuracy == pytest.approx((logits.argmax(dim=1) == y).double().mean().item())


@pytest.mark.parametrize("activation", ["relu", "tanh", "sigmoid"])
def test_brevitas_computes_the_same(activation):
    """Logits to the last bit, and gradients, of calibrated networks with bits of their own in each layer."""
    x, y = some_jets(500)
    members, modules = [], []
    for seed, units in enumerate([(16, 12), (20, 8, 8)]):
        member = Architecture(units, activation, n_inputs=9)
        layers = [(layer.weight, layer.bias) for layer in network_of(member, seed).layers]
        bits = np.random.default_rng(seed).integers(2, 9, 2 * len(units) + 2).tolist()
        precision = Precision(tuple(bits[: len(units) + 1]), tuple(bits[len(units) + 1 : -1]), bits[-1])
        members.append(member)
        modules.append(quantize(member, precision, layers, x))
    stack = QuantizedStack([tensors_of(module) for module in modules], members, [0, 1])
    for module, logits, ours in zip(modules, stack.predict(x), stack.differentiate(x, y), strict=True):
        assert torch.equal(module.eval()(x), logits)
        cross_entropy(module.train()(x), y).backward()
        gradients = {parameter.data_ptr(): parameter.grad for parameter in module.parameters()}
        expected = [gradients[tensor.data_ptr()] for tensor in tensors_of(module).parameters()]
        scale = max(gradient.abs().max() for gradient in expected)
        for mine, gradient in zip(ours, expected, strict=True):
            assert (mine - gradient).abs().max() < 1e-5 * scale


def test_compiled_code_computes_the_same():
    """Logits to the last bit, gradients, and two passes between which masks and learning rates change."""
    try:
        load_library()
    except NativeUnavailable as error:
        pytest.skip(str(error))
    x, y = some_jets(333)
    orders = orders_of(len(MEMBERS), 333)
    stack, networks = stack_of(MEMBERS, range(5))
    others = [
        NativeQuantizedNetwork(network_of(member, i), member, dropout_seed(i), 64) for i, member in enumerate(MEMBERS)
    ]
    for logits, gradients, other in zip(stack.predict(x), stack.differentiate(x[:64], y[:64]), others, strict=True):
        assert torch.equal(logits, other.predict(x))
        theirs = other.differentiate(x[:64], y[:64])
        scale = max(gradient.abs().max() for gradient in theirs)
        assert all((a - b).abs().max() < 1e-5 * scale for a, b in zip(gradients, theirs, strict=True))
    masks = [[layer.mask for layer in network.layers] for network in networks]
    for factor in (10.0, 1.0):
        rates = [factor * rate for rate in RATES]
        losses = stack.train(x, y, orders, 64, rates)
        for of_stack, other, order, rate in zip(losses, others, orders, rates, strict=True):
            assert of_stack == pytest.approx(other.train(x, y, order, rate), rel=1e-4)
        masks = [fewer(of_network, i) for i, of_network in enumerate(masks)]
        stack.set_masks(masks)
        for other, of_network in zip(others, masks, strict=True):
            other.set_masks(of_network)
    stack.store()
    for network, other in zip(networks, others, strict=True):
        other.store()
        assert_same_parameters(network.parameters(), other.network.parameters())


DEVICES = ["cpu", pytest.param("cuda", marks=pytest.mark.skipif(not torch.cuda.is_available(), reason="no GPU"))]


@pytest.mark.parametrize("device", DEVICES)
@pytest.mark.parametrize("precision", ["highest", "high"])
def test_products_are_exact_whatever_the_process_asks_for(device, precision):
    x, _ = some_jets(1100)
    stack, networks = stack_of(MEMBERS, range(5), device)
    expected = torch.stack([ReferenceNetwork(*parts, 0).eval()(x) for parts in zip(networks, MEMBERS, strict=True)])
    asked_for = torch.get_float32_matmul_precision()
    torch.set_float32_matmul_precision(precision)
    try:
        assert torch.equal(stack.predict(x.to(device)).cpu(), expected)
        assert torch.get_float32_matmul_precision() == precision
    finally:
        torch.set_float32_matmul_precision(asked_for)


@pytest.mark.skipif(not torch.cuda.is_available(), reason="PyTorch sees no GPU")
def test_a_gpu_trains_as_the_cpu_does():
    """The recorded step and a last batch of another size, with masks and learning rates that change in between."""
    x, y = some_jets(653)
    orders = orders_of(len(MEMBERS), 653)
    cpu, networks = stack_of(MEMBERS, range(5))
    gpu, others = stack_of(MEMBERS, range(5), "cuda")
    on_gpu = (x.to("cuda"), y.to("cuda"), orders.to("cuda"))
    masks = [[layer.mask for layer in network.layers] for network in networks]
    for factor in (10.0, 1.0, 1.0):
        rates = [factor * rate for rate in RATES]
        assert gpu.train(*on_gpu, 64, rates) == pytest.approx(cpu.train(x, y, orders, 64, rates), rel=1e-3)
        masks = [fewer(of_network, i) for i, of_network in enumerate(masks)]
        cpu.set_masks(masks)
        gpu.set_masks(masks)
        assert gpu.evaluate(*on_gpu[:2])[0] == pytest.approx(cpu.evaluate(x, y)[0], rel=1e-2)
    for stack in (cpu, gpu):
        stack.store()
    for mine, theirs in zip(others, networks, strict=True):
        assert_same_parameters(mine.parameters(), theirs.parameters())


def test_derivatives_ask_for_no_value():
    """Tensors without values have no choice to offer: what a GPU records of one step is every step's."""
    stack, _ = stack_of(MEMBERS, range(5), "meta")
    x, y = some_jets(64)
    gradients = stack.differentiate(x.to("meta"), y.to("meta"))
    assert [len(of_network) for of_network in gradients] == [15, 6, 9, 15, 11]


def test_a_network_of_another_architecture_is_refused():
    network = network_of(MEMBERS[0], 0)
    with pytest.raises(ValueError, match="9-20-5"):
        QuantizedStack([network], [MEMBERS[1]], [0])
    network.layers[1].activation = None
    with pytest.raises(ValueError, match="no activation"):
        QuantizedStack([network], [MEMBERS[0]], [0])

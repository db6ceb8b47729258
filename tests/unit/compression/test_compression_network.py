"""Schemes, quantised networks, folding and freezing."""

import subprocess
import sys
from itertools import pairwise

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from snacpack.compression.calibration import calibrate, equalise, quantize
from snacpack.compression.network import build_quantized_network, dense_layers, fold_batch_norm, freeze
from snacpack.networks.architecture import Architecture
from snacpack.networks.integers import FixedPointNetwork
from snacpack.networks.operations.table import Table
from snacpack.networks.scheme import Precision, Scheme
from snacpack.training.fit import predict
from snacpack.training.network import build_network

architectures = st.builds(
    Architecture,
    units=st.lists(st.integers(1, 12), min_size=1, max_size=3).map(tuple),
    activation=st.sampled_from(["relu", "tanh", "sigmoid"]),
    dropout=st.sampled_from([0.0, 0.2]),
    n_inputs=st.integers(1, 10),
    n_outputs=st.integers(2, 5),
)


@st.composite
def precisions(draw, n_layers):
    weight_bits, activation_bits = (
        draw(st.lists(st.integers(2, 8), min_size=count, max_size=count)) for count in (n_layers, n_layers - 1)
    )
    return Precision(weight_bits, activation_bits, draw(st.integers(2, 10)))


def uniform(architecture, scheme):
    return Scheme.parse(scheme).precision(len(architecture.units) + 1)


def trained_for_a_moment(architecture, precision, steps=4):
    """Return a calibrated network whose ranges have left their first values, and fresh jets to try it on."""
    network = build_quantized_network(architecture, precision)
    x = torch.randn(64, architecture.n_inputs) * 2
    y = torch.randint(architecture.n_outputs, (64,))
    calibrate(network, x)
    optimizer = torch.optim.Adam(network.parameters(), lr=0.02)
    network.train()
    for _ in range(steps):
        optimizer.zero_grad()
        torch.nn.functional.cross_entropy(network(x), y).backward()
        optimizer.step()
    return network, torch.randn(200, architecture.n_inputs) * 3


@pytest.mark.parametrize(
    ("text", "bits"),
    [
        ("w8a8", (8, 8, 8)),
        ("w8a8i10", (8, 8, 10)),
        ("w2a12", (2, 12, 12)),
        ("w8a8i12", (8, 8, 12)),
        ("w6a4i4", (6, 4, 4)),
    ],
)
def test_schemes_are_parsed(text, bits):
    scheme = Scheme.parse(text)
    assert (scheme.weight_bits, scheme.activation_bits, scheme.input_bits) == bits
    assert Scheme.parse(str(scheme)) == scheme


@pytest.mark.parametrize(
    "text", ["", "8", "a8w8", "w8", "w8a8i", "w8a8 ", "W8A8", "w1a8", "w8a13", "w8a8i0", "w12a12", "w10a8i11"]
)
def test_nonsense_schemes_are_refused(text):
    with pytest.raises(ValueError, match=r"such as w8a8|must be 2 to 12|more than 20 bits"):
        Scheme.parse(text)


@pytest.mark.parametrize(
    ("fields", "complaint"),
    [
        (((8, 8), (8, 8), 8), "one hidden layer's outputs fewer"),
        (((8, 1), (8,), 8), "must be 2 to 12"),
        (((8, 12), (12,), 8), "more than 20 bits"),
        (((12, 8), (8,), 9), "more than 20 bits"),
    ],
)
def test_impossible_precisions_are_refused(fields, complaint):
    with pytest.raises(ValueError, match=complaint):
        Precision(*fields)


def test_a_precision_must_fit_its_network():
    with pytest.raises(ValueError, match="24-4-5 has 2 dense layers"):
        build_quantized_network(Architecture((4,)), Scheme(8, 8, 8).precision(3))


@settings(max_examples=40, deadline=None)
@given(architectures, st.data(), st.integers(0, 2**31))
def test_frozen_network_equals_brevitas(architecture, data, seed):
    precision = data.draw(precisions(len(architecture.units) + 1))
    torch.manual_seed(seed)
    network, x = trained_for_a_moment(architecture, precision)
    frozen = freeze(network)
    assert np.array_equal(frozen.predict(x.numpy()), predict(network, x).numpy())
    assert frozen.label == architecture.label
    dense = [operation for operation in frozen.operations if operation.weights]
    assert tuple(operation.weight_grid.bits for operation in dense) == precision.weight_bits
    assert tuple(operation.bias_grid.bits for operation in dense) == precision.bias_bits
    for operation in dense:
        for integers, grid in ((operation.weight, operation.weight_grid), (operation.bias, operation.bias_grid)):
            assert grid.minimum <= integers.min() <= integers.max() <= grid.maximum
    known = {node.name: numbers for node, (_, _, numbers) in zip(frozen.nodes, frozen.described(), strict=True)}
    hidden = range(len(architecture.units))
    assert tuple(known[f"activation_{i}"].bits for i in hidden) == precision.activation_bits
    functions = [operation.function for operation in frozen.operations if isinstance(operation, Table)]
    assert functions == ([] if architecture.activation == "relu" else [architecture.activation for _ in hidden])
    assert frozen.input.bits == precision.input_bits


@pytest.mark.parametrize("activation", ["relu", "tanh", "sigmoid"])
def test_frozen_network_survives_its_file(tmp_path, activation):
    torch.manual_seed(1)
    network, x = trained_for_a_moment(
        Architecture((6, 4), activation=activation, n_inputs=5), Precision((5, 4, 8), (6, 3), 7)
    )
    freeze(network).save(tmp_path / "fixed_point.json")
    loaded = FixedPointNetwork.load(tmp_path / "fixed_point.json")
    assert np.array_equal(loaded.predict(x.numpy()), predict(network, x).numpy())


def test_a_dead_layer_still_has_a_grid():
    architecture = Architecture((3, 4), n_inputs=5)
    network = build_quantized_network(architecture, uniform(architecture, "w8a8"))
    with torch.no_grad():
        network.dense_0.weight.zero_()
        network.dense_0.bias.fill_(-1)
    x = torch.randn(50, 5)
    calibrate(network, x)
    assert np.array_equal(freeze(network).predict(x.numpy()), predict(network, x).numpy())


def test_calibrating_and_freezing_leave_the_network_in_training():
    architecture = Architecture((4,))
    network, x = trained_for_a_moment(architecture, uniform(architecture, "w8a8"))
    network.train()
    calibrate(network, x[:, :24])
    freeze(network)
    assert network.training


def a_float_network(activation, batch_norm=True):
    """A float network whose batch normalisation, where it has one, is not the identity."""
    torch.manual_seed(2)
    network = build_network(Architecture((9, 7), activation=activation, batch_norm=batch_norm, n_inputs=6))
    with torch.no_grad():
        for module in network:
            if isinstance(module, torch.nn.BatchNorm1d):
                for values in (module.weight, module.running_var):
                    values.uniform_(0.1, 3)
                for values in (module.bias, module.running_mean):
                    values.normal_()
    return network


def with_layers(activation, layers):
    network = a_float_network(activation, batch_norm=False)
    dense = [module for module in network if isinstance(module, torch.nn.Linear)]
    with torch.no_grad():
        for module, (weight, bias) in zip(dense, layers, strict=True):
            module.weight.copy_(weight)
            module.bias.copy_(bias)
    return network


@pytest.mark.parametrize("activation", ["relu", "tanh", "sigmoid"])
def test_folding_changes_nothing(activation):
    network, x = a_float_network(activation), torch.randn(200, 6)
    folded = with_layers(activation, fold_batch_norm(network))
    torch.testing.assert_close(predict(folded, x), predict(network, x), rtol=1e-4, atol=1e-5)


def test_equalising_changes_nothing_but_the_units_weights():
    x = torch.randn(200, 6)
    layers = fold_batch_norm(a_float_network("relu"))
    with torch.no_grad():
        layers[0][0][2] = 0  # a dead unit
    level = equalise(layers)
    torch.testing.assert_close(
        predict(with_layers("relu", level), x), predict(with_layers("relu", layers), x), rtol=1e-4, atol=1e-4
    )
    for (weight, _), (following, _) in pairwise(level):
        alive = weight.abs().amax(1) > 0
        torch.testing.assert_close(weight.abs().amax(1)[alive], following.abs().amax(0)[alive], rtol=0.05, atol=0)


@pytest.mark.parametrize("activation", ["relu", "tanh", "sigmoid"])
def test_a_calibrated_network_of_many_bits_computes_what_the_float_one_does(activation):
    architecture, x = Architecture((9, 7), activation=activation, n_inputs=6), torch.randn(500, 6)
    layers = fold_batch_norm(a_float_network(activation, batch_norm=False))
    network = quantize(architecture, uniform(architecture, "w10a10"), layers, x)
    difference = (predict(network, x) - predict(with_layers(activation, layers), x)).abs()
    assert difference.mean() < 0.02
    assert difference.max() < 0.3


@settings(max_examples=30, deadline=None)
@given(st.integers(2, 8), st.floats(-6, 6), st.integers(0, 2**31))
def test_a_range_is_the_power_of_two_with_the_least_error(bits, log_size, seed):
    torch.manual_seed(seed)
    architecture = Architecture((8,), n_inputs=6)
    network = build_quantized_network(architecture, uniform(architecture, f"w{bits}a8"))
    with torch.no_grad():
        network.dense_0.weight.normal_().mul_(2.0**log_size)
    weight = network.dense_0.weight.detach()
    calibrate(network, torch.randn(100, 6))
    error = (network.dense_0.quant_weight().value - weight).square().mean()
    for exponent in range(int(log_size) - 6, int(log_size) + 6):
        scale, limit = 2.0 ** (exponent - bits + 1), 2 ** (bits - 1) - 1
        other = (torch.round(weight / scale).clamp(-limit, limit) * scale - weight).square().mean()
        assert error <= other * 1.0001


def test_dense_layers_come_in_order():
    architecture = Architecture((7, 3), n_inputs=6)
    network = build_quantized_network(architecture, uniform(architecture, "w8a8"))
    assert [tuple(layer.weight.shape) for layer in dense_layers(network)] == [(7, 6), (3, 7), (5, 3)]


@pytest.mark.thorough
def test_a_training_does_not_load_pytorchs_compiler():
    """It takes as long to load as all the rest; whoever needs it still gets it."""
    code = """
import sys
import snacpack.compression.pruning
assert "torch._dynamo" not in sys.modules
import torch._dynamo
assert not torch._dynamo.is_compiling()
"""
    subprocess.run([sys.executable, "-c", code], check=True)

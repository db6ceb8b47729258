"""Schemes, quantised networks, folding and freezing."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from snacpack.architecture import Architecture
from snacpack.compression.network import build_quantized_network, dense_layers, fold_batch_norm, freeze
from snacpack.compression.scheme import Scheme
from snacpack.fixed_point import FixedPointNetwork
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
schemes = st.builds(Scheme, st.integers(2, 8), st.integers(2, 8), st.integers(2, 10))


def trained_for_a_moment(architecture, scheme, batch_norm=False, steps=4):
    """Return a network whose learned scales have left their initial values, and fresh jets to try it on."""
    network = build_quantized_network(architecture, scheme, batch_norm, statistics_steps=2)
    optimizer = torch.optim.Adam(network.parameters(), lr=0.02)
    x = torch.randn(64, architecture.n_inputs) * 2
    y = torch.randint(architecture.n_outputs, (64,))
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
def test_nonsense_schemes_name_the_config_key(text):
    with pytest.raises(ValueError, match=r"compression\.schemes"):
        Scheme.parse(text)


@settings(max_examples=40, deadline=None)
@given(architectures, schemes, st.integers(0, 2**31))
def test_frozen_network_equals_brevitas(architecture, scheme, seed):
    torch.manual_seed(seed)
    network, x = trained_for_a_moment(architecture, scheme)
    frozen = freeze(network)
    assert np.array_equal(frozen.predict(x.numpy()), predict(network, x).numpy())
    assert frozen.layer_widths == architecture.layer_widths
    assert [layer.activation for layer in frozen.layers] == [architecture.activation] * len(architecture.units) + [
        "linear"
    ]
    limit = 2 ** (scheme.weight_bits - 1) - 1
    assert all(np.abs(layer.weight).max() <= limit for layer in frozen.layers)
    assert all(layer.output.bits == scheme.activation_bits for layer in frozen.layers[:-1])
    assert frozen.input.bits == scheme.input_bits


@pytest.mark.parametrize("activation", ["relu", "tanh", "sigmoid"])
def test_frozen_network_survives_its_file(tmp_path, activation):
    torch.manual_seed(1)
    network, x = trained_for_a_moment(Architecture((6, 4), activation=activation, n_inputs=5), Scheme(5, 6, 7))
    freeze(network).save(tmp_path / "fixed_point.json")
    loaded = FixedPointNetwork.load(tmp_path / "fixed_point.json")
    assert np.array_equal(loaded.predict(x.numpy()), predict(network, x).numpy())


def test_a_dead_layer_still_has_a_grid():
    architecture = Architecture((3, 4), n_inputs=5)
    network = build_quantized_network(architecture, Scheme(8, 8, 8), batch_norm=False, statistics_steps=2)
    with torch.no_grad():
        network.dense_0.weight.zero_()
        network.dense_0.bias.fill_(-1)
    x = torch.randn(50, 5)
    network.train()
    for _ in range(4):
        network(x)
    assert np.array_equal(freeze(network).predict(x.numpy()), predict(network, x).numpy())


def test_freezing_leaves_the_network_in_training():
    network, _ = trained_for_a_moment(Architecture((4,)), Scheme(8, 8, 8))
    network.train()
    freeze(network)
    assert network.training


def test_batch_norm_must_be_folded_before_freezing():
    network, _ = trained_for_a_moment(Architecture((4,), batch_norm=True), Scheme(8, 8, 8), batch_norm=True)
    with pytest.raises(ValueError, match="fold"):
        freeze(network)


@pytest.mark.parametrize("activation", ["relu", "tanh", "sigmoid"])
def test_folding_changes_nothing_before_quantisation(activation):
    torch.manual_seed(2)
    architecture = Architecture((9, 7), activation=activation, batch_norm=True, dropout=0.1, n_inputs=6)
    scheme = Scheme(8, 8, 8)
    network, x = trained_for_a_moment(architecture, scheme, batch_norm=True, steps=20)
    folded = fold_batch_norm(network, architecture, scheme)
    assert np.array_equal(freeze(folded).predict(x.numpy()), predict(folded, x).numpy())

    plain = build_network(Architecture((9, 7), activation=activation, n_inputs=6))
    normalised = build_network(Architecture((9, 7), activation=activation, batch_norm=True, n_inputs=6))
    copy_layers(folded, plain)
    copy_layers(network, normalised)
    torch.testing.assert_close(predict(plain, x), predict(normalised, x), rtol=1e-4, atol=1e-5)


def copy_layers(source, target):
    """Copy the dense and norm layers' floats of a quantised network into a float one."""
    kinds = (torch.nn.Linear, torch.nn.BatchNorm1d)
    ours = [layer for layer in source if isinstance(layer, kinds)]
    theirs = [layer for layer in target if isinstance(layer, kinds)]
    for layer, other in zip(ours, theirs, strict=True):
        other.load_state_dict({name: layer.state_dict()[name] for name in other.state_dict()})


def test_scales_are_learned_once_their_statistics_are_collected():
    torch.manual_seed(3)
    network, x = trained_for_a_moment(Architecture((8,)), Scheme(8, 8, 8), steps=4)
    before = predict(network, x)
    scale = dict(network.named_parameters())[
        "activation_0.act_quant.fused_activation_quant_proxy.tensor_quant.scaling_impl.value"
    ]
    with torch.no_grad():
        scale += 3
    assert not torch.equal(before, predict(network, x))


def test_dense_layers_come_in_order():
    network = build_quantized_network(Architecture((7, 3), n_inputs=6), Scheme(8, 8, 8), batch_norm=True)
    assert [tuple(layer.weight.shape) for layer in dense_layers(network)] == [(7, 6), (3, 7), (5, 3)]

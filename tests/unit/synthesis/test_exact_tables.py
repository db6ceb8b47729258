"""tanh and sigmoid: one table, entry by entry, in PyTorch, QONNX, hls4ml, da4ml and the simulated Verilog."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from qonnx.core.modelwrapper import ModelWrapper

from snacpack.compression.network import build_quantized_network, freeze, range_of
from snacpack.networks.architecture import Architecture
from snacpack.networks.operations.table import Table
from snacpack.networks.scheme import Precision
from snacpack.synthesis.hls import HlsSettings, build_hls_project
from snacpack.synthesis.qonnx import activation_tables, check_tables, export_qonnx
from snacpack.synthesis.rtl import build_rtl
from snacpack.synthesis.verification import Forms, run_brevitas, verify

SETTINGS = HlsSettings("xcvu13p-flga2577-2-e", 5.0, "io_parallel", "latency", 1)
RANGE = {"tanh": 4, "sigmoid": 8}


def look_up_network(activation, bits):
    """Return a network whose input goes straight into a table and whose logit is what stands there."""
    architecture = Architecture((1,), activation, n_inputs=1, n_outputs=1)
    # As many input bits as the finest table has, and twice its range: every entry is met, and what is outside too.
    network = build_quantized_network(architecture, Precision((8, 8), (bits,), 12))
    with torch.no_grad():
        for dense in (network.dense_0, network.dense_1):
            dense.weight.fill_(1.0)
            dense.bias.zero_()
            range_of(dense.weight_quant).fill_(1.0)
        range_of(network.input.act_quant).fill_(np.log2(RANGE[activation]) + 1)
    return network.eval()


def tables_of(network):
    return [operation for operation in network.operations if isinstance(operation, Table)]


def every_input(network):
    grid = freeze(network).input
    return np.ldexp(np.arange(grid.minimum, grid.maximum + 1), -grid.fraction_bits).astype(np.float32)[:, None]


@pytest.mark.thorough
@pytest.mark.parametrize(("activation", "bits"), [("tanh", 12), ("sigmoid", 8)])
def test_every_entry_is_the_same_in_every_form(tmp_path, activation, bits):
    network = look_up_network(activation, bits)
    forms = Forms(tmp_path / "fixed_point.json", tmp_path / "model.onnx", tmp_path / "hls", tmp_path / "rtl")
    fixed_point = freeze(network)
    fixed_point.save(forms.fixed_point)
    export_qonnx(fixed_point, forms.onnx)
    build_hls_project(forms.onnx, forms.hls, "vitis", SETTINGS)
    build_rtl(fixed_point, forms.rtl, SETTINGS.part, 5.0)
    x = every_input(network)
    comparisons = verify(network, forms, x, len(x))
    assert all(entry["exact"] and entry["n_jets"] == len(x) for entry in comparisons), comparisons
    (table,) = tables_of(fixed_point)
    assert len(table.table) == 1024
    assert set(np.ldexp(run_brevitas(network, x)[:, 0], table.output.fraction_bits)) == set(table.table)


@pytest.mark.parametrize("activation", ["tanh", "sigmoid"])
@pytest.mark.parametrize("bits", range(2, 9))
def test_tables_are_the_functions_rounded(activation, bits):
    (table,) = tables_of(freeze(look_up_network(activation, bits)))
    x = np.ldexp(np.arange(table.input.minimum, table.input.maximum + 1), -table.input.fraction_bits)
    exact = np.tanh(x) if activation == "tanh" else 1 / (1 + np.exp(-x))
    assert (x[0], x[-1] + np.ldexp(1, -table.input.fraction_bits)) == (-RANGE[activation], RANGE[activation])
    assert (np.abs(np.ldexp(exact, table.output.fraction_bits) - table.table) <= 1).all()
    assert (np.diff(table.table) >= 0).all()
    assert table.table[len(x) // 2] == (0 if activation == "tanh" else 2 ** (bits - 1))


@pytest.fixture(scope="module", params=["tanh", "sigmoid"])
def exported(request, tmp_path_factory):
    """A network with tables of every size, as QONNX and in integers."""
    bits = tuple(range(2, 9))
    architecture = Architecture((2,) * len(bits), request.param, n_inputs=2, n_outputs=2)
    network = build_quantized_network(architecture, Precision((4,) * (len(bits) + 1), bits, 5))
    path = tmp_path_factory.mktemp("qonnx") / "model.onnx"
    frozen = freeze(network.eval())
    export_qonnx(frozen, path)
    return ModelWrapper(str(path)), frozen


@pytest.mark.thorough
def test_qonnx_has_the_networks_tables(exported):
    model, network = exported
    tables = activation_tables(model)
    assert [len(table.integers) for table in tables] == [16, 32, 64, 128, 256, 512, 1024]
    for table, expected in zip(tables, tables_of(network), strict=True):
        assert (table.input, table.output) == (expected.input, expected.output)
        np.testing.assert_array_equal(table.integers, expected.table)
    check_tables(model, network)


@pytest.mark.thorough
@settings(max_examples=5)
@given(layer=st.integers(0, 6), entry=st.integers(0, 15), step=st.sampled_from([-1, 1]))
def test_one_entry_that_is_rounded_differently_is_found(exported, layer, entry, step):
    model, network = exported
    name = f"activation_{layer}"
    place = [node.name for node in network.nodes].index(name)
    original = network.operations[place]
    table = original.table.copy()
    table[entry] += step
    nodes = list(network.nodes)
    nodes[place] = replace(nodes[place], operation=replace(original, table=table))
    value = np.ldexp(entry + original.input.minimum, -original.input.fraction_bits)
    with pytest.raises(RuntimeError, match=rf"\({name}\) differently on this machine, at {value}:"):
        check_tables(model, replace(network, nodes=tuple(nodes)))

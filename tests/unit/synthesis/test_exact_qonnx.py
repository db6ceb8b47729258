"""QONNX files, by their format's own executor: Brevitas' logits, for any small network and any number of jets."""

import numpy as np
import pytest
import torch
from hypothesis import assume, given, settings
from qonnx.core.modelwrapper import ModelWrapper

from helpers.exact_networks import draws, make
from snacpack.compression.network import build_quantized_network, dense_layers, freeze
from snacpack.networks.architecture import Architecture
from snacpack.networks.integers import FLOAT64_BITS
from snacpack.networks.scheme import Precision
from snacpack.synthesis import qonnx
from snacpack.synthesis.qonnx import export_qonnx, run_qonnx
from snacpack.synthesis.verification import run_brevitas


@pytest.mark.thorough
@settings(max_examples=6)
@given(draws())
def test_the_executor_computes_brevitas_logits(tmp_path_factory, draw):
    network, x = make(draw)
    frozen = freeze(network)
    assume(max(frozen.sum_bits) <= FLOAT64_BITS)
    path = tmp_path_factory.mktemp("qonnx") / "model.onnx"
    export_qonnx(frozen, path)
    np.testing.assert_array_equal(run_qonnx(path, x, frozen.float_type), frozen.predict(x))


@pytest.fixture(scope="module")
def twins(tmp_path_factory):
    """A network whose hidden layers are equal, and its QONNX file."""
    torch.manual_seed(0)
    network = build_quantized_network(
        Architecture((4, 4, 4), n_inputs=4, n_outputs=4), Precision((5,) * 4, (6,) * 3, 7)
    )
    with torch.no_grad():
        for dense in dense_layers(network):
            dense.weight.copy_(network.dense_0.weight)
    path = tmp_path_factory.mktemp("twins") / "model.onnx"
    export_qonnx(freeze(network), path)
    return network.eval(), path


def test_equal_layers_keep_weights_and_biases_of_their_own(twins):
    _, path = twins
    model = ModelWrapper(str(path))
    constants = [name for node in model.graph.node if node.op_type in ("MatMul", "Add") for name in node.input[1:]]
    assert len(set(constants)) == len(constants) == 8


@pytest.mark.parametrize("n_jets", [1, 6, 7, 8, 20])
def test_any_number_of_jets_goes_through_in_batches(twins, monkeypatch, n_jets):
    network, path = twins
    monkeypatch.setattr(qonnx, "BATCH", 7)
    x = np.random.default_rng(0).normal(0, 2, (n_jets, 4)).astype(np.float32)
    np.testing.assert_array_equal(run_qonnx(path, x), run_brevitas(network, x))

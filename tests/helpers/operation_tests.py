"""Tests of every operation: the test of each operation inherits them."""

import json
from abc import ABC, abstractmethod

import numpy as np
import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from helpers.random_networks import PART
from snacpack.networks.grid import Quantizer
from snacpack.networks.integers import FixedPointNetwork, NoCircuit
from snacpack.synthesis.qonnx import export_qonnx, run_qonnx
from snacpack.synthesis.rtl import build_rtl, run_interpreted, trace
from snacpack.synthesis.simulation import simulate_rtl

# Several classes run the tests that they inherit.
SHARED = {"suppress_health_check": [HealthCheck.differing_executors], "deadline": None}

grids = st.builds(Quantizer, st.integers(2, 7), st.integers(-3, 9), st.booleans())
shapes = st.lists(st.integers(1, 4), min_size=1, max_size=3).map(tuple)


@st.composite
def integers_on(draw, grid, shape):
    """Draw an array of a grid's integers, zeros more often than others."""
    rng = np.random.default_rng(draw(st.integers(0, 2**31)))
    integers = rng.integers(grid.minimum, grid.maximum + 1, shape)
    return integers * (rng.random(shape) < draw(st.sampled_from([0.4, 0.8, 1.0])))


def examples(network, n, seed):
    """Return (n, *shape) inputs of all sizes, some far beyond the input's grid, all zeros among them."""
    rng = np.random.default_rng(seed)
    x = rng.standard_t(2, (n, *network.shape)) * np.ldexp(1.0, network.input.bits - 2 - network.input.fraction_bits)
    x[0] = 0.0
    return x.astype(np.float32)


class OperationTests(ABC):
    """The operation in integers, in floats, as JSON, as a circuit and as QONNX: one result, bit for bit."""

    @staticmethod
    @abstractmethod
    def networks():
        """Return a strategy of networks of any shape, whose last operation is the tested one."""

    @staticmethod
    @abstractmethod
    def compute(operation, values):
        """Return what the operation means, for (n, *shape) real numbers, and how far its result may be from that."""

    @settings(max_examples=40, **SHARED)
    @given(data=st.data(), seed=st.integers(0, 2**31))
    def test_it_computes_what_it_means(self, data, seed):
        network = data.draw(self.networks())
        *first, last = network.operations
        before = FixedPointNetwork.chain(network.input, network.shape, first)
        x = examples(network, 20, seed)
        values = before.predict(x) if first else before.input.quantize(x) * 2.0**-before.input.fraction_bits
        expected, tolerance = self.compute(last, values)
        np.testing.assert_allclose(network.predict(x), expected, rtol=0, atol=tolerance)

    @settings(max_examples=40, **SHARED)
    @given(data=st.data(), seed=st.integers(0, 2**31))
    def test_its_result_is_as_described_and_the_same_in_floats(self, data, seed):
        network = data.draw(self.networks())
        x = examples(network, 20, seed)
        integers, fraction_bits = network.run(x)
        described = network.output
        assert integers.shape[1:] == described.shape
        assert fraction_bits == described.fraction_bits
        assert described.minimum <= integers.min() <= integers.max() <= described.maximum
        start = np.ldexp(network.quantize(x).astype(np.float64), -network.input.fraction_bits)
        in_floats = network.walk(start, lambda operation, *values: operation.run_in_floats(*values))
        np.testing.assert_array_equal(in_floats, np.ldexp(integers.astype(np.float64), -fraction_bits))

    @settings(max_examples=20, **SHARED)
    @given(data=st.data(), seed=st.integers(0, 2**31))
    def test_it_survives_its_file(self, data, seed):
        network = data.draw(self.networks())
        written = json.loads(json.dumps(network.to_dict()))
        read = FixedPointNetwork.from_dict(written)
        assert read.to_dict() == network.to_dict()
        x = examples(network, 10, seed)
        np.testing.assert_array_equal(read.predict(x), network.predict(x))

    @settings(max_examples=25, **SHARED)
    @given(data=st.data(), seed=st.integers(0, 2**31))
    def test_its_circuit_computes_its_integers(self, data, seed):
        network = data.draw(self.networks())
        x = examples(network, 50, seed)
        expected = network.predict(x).reshape(len(x), -1)
        try:
            logic = trace(network)
        except NoCircuit:
            # Refused, and rightly: the result is the same for all examples.
            np.testing.assert_array_equal(np.ptp(expected, axis=0), 0)
            return
        on_grid = np.ldexp(network.quantize(x).astype(np.float64), -network.input.fraction_bits)
        np.testing.assert_array_equal(logic.predict(on_grid.reshape(len(x), -1), n_threads=1), expected)

    @settings(max_examples=5, **SHARED)
    @given(data=st.data(), seed=st.integers(0, 2**31))
    def test_its_qonnx_nodes_compute_its_integers(self, tmp_path_factory, data, seed):
        network = data.draw(self.networks())
        path = tmp_path_factory.mktemp("qonnx") / "model.onnx"
        export_qonnx(network, path)
        x = examples(network, 30, seed)
        np.testing.assert_array_equal(run_qonnx(path, x, network.float_type), network.predict(x))

    @pytest.mark.thorough
    @settings(max_examples=3, **SHARED)
    @given(data=st.data(), seed=st.integers(0, 2**31))
    def test_its_verilog_computes_its_integers(self, tmp_path_factory, data, seed):
        network = data.draw(self.networks())
        assume(len(network.output.shape) == 1)
        folder = tmp_path_factory.mktemp("rtl")
        try:
            build_rtl(network, folder, PART, 5.0)
        except NoCircuit:
            assume(False)
        x = examples(network, 50, seed)
        expected = network.predict(x)
        np.testing.assert_array_equal(run_interpreted(folder, network, x), expected)
        np.testing.assert_array_equal(simulate_rtl(folder, network, x).logits, expected)

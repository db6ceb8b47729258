"""Weights of very different sizes: sums that float32 does not hold, exact in every form all the same."""

from itertools import pairwise

import numpy as np
import pytest
import torch
from hypothesis import assume, given, settings

from helpers.exact_networks import draws, make
from snacpack.compression.calibration import quantize
from snacpack.compression.checkpoint import Checkpoint
from snacpack.compression.evaluation import evaluate_on_test_jets
from snacpack.compression.network import freeze
from snacpack.compression.pruning import state_of
from snacpack.networks.architecture import Architecture
from snacpack.networks.integers import FLOAT32_BITS, FLOAT64_BITS
from snacpack.networks.scheme import Scheme
from snacpack.synthesis.hls import HlsSettings, build_hls_project
from snacpack.synthesis.qonnx import export_qonnx, run_qonnx
from snacpack.synthesis.rtl import build_rtl
from snacpack.synthesis.verification import Forms, run_brevitas, verify

PART = "xcvu13p-flga2577-2-e"


@pytest.mark.thorough
@settings(max_examples=25)
@given(draws(activations=("relu",), spreads=(10, 14, 18)))
def test_wide_sums_are_exact_in_float64(draw):
    network, x = make(draw, n_jets=300)
    frozen = freeze(network)
    assume(FLOAT32_BITS < max(frozen.sum_bits) <= FLOAT64_BITS)
    assert frozen.float_type is np.float64
    np.testing.assert_array_equal(run_brevitas(network, x, frozen.float_type), frozen.predict(x))


@pytest.fixture(scope="module")
def wide():
    """A trained-like network whose layers have weights 2**12 apart, and small biases, its checkpoint, and jets."""
    torch.manual_seed(1)
    architecture = Architecture((12, 9), n_inputs=6, n_outputs=4)
    widths = architecture.layer_widths
    sizes = (2.0**9, 2.0**-3, 2.0**6)
    layers = [
        (size * torch.randn(n_out, n_in), 0.03 * torch.randn(n_out))
        for size, (n_in, n_out) in zip(sizes, pairwise(widths), strict=True)
    ]
    x = np.random.default_rng(0).normal(0, 3, (2000, 6)).astype(np.float32)
    network = quantize(architecture, Scheme.parse("w8a8").precision(3), layers, x).eval()
    masks = {f"dense_{i}": torch.ones_like(weight, dtype=torch.bool) for i, (weight, _) in enumerate(layers)}
    precision = Scheme.parse("w8a8").precision(3)
    checkpoint = Checkpoint(architecture, precision, "w8a8", 0, state_of(network), masks, 0.5, [])
    return network, checkpoint, x


def test_float32_would_not_be_exact(wide):
    network, _, x = wide
    frozen = freeze(network)
    assert 30 <= max(frozen.sum_bits) <= 40
    assert (run_brevitas(network, x) != frozen.predict(x)).any()
    np.testing.assert_array_equal(run_brevitas(network, x, np.float64), frozen.predict(x))


def test_a_network_of_wide_sums_is_measured(wide):
    _, checkpoint, x = wide
    result, frozen = evaluate_on_test_jets(checkpoint, x, np.arange(len(x)) % 4)
    assert result["n_test"] == len(x)
    assert result["test_correct"] == int((frozen.predict(x).argmax(1) == np.arange(len(x)) % 4).sum())


@pytest.mark.thorough
def test_every_form_of_a_network_of_wide_sums_is_exact(wide, tmp_path):
    network, _, x = wide
    forms = Forms(tmp_path / "fixed_point.json", tmp_path / "model.onnx", tmp_path / "hls", tmp_path / "rtl")
    frozen = freeze(network)
    frozen.save(forms.fixed_point)
    export_qonnx(frozen, forms.onnx)
    build_hls_project(forms.onnx, forms.hls, "open", HlsSettings(PART, 5.0, "io_parallel", "latency", 1))
    build_rtl(frozen, forms.rtl, PART, 5.0)
    # The file as it is, whose sums are float32, is not exact: the comparison says how it was run.
    assert (run_qonnx(forms.onnx, x) != frozen.predict(x)).any()
    comparisons = {entry["name"]: entry for entry in verify(network, forms, x, n_rtl_jets=500)}
    assert all(entry["exact"] for entry in comparisons.values()), comparisons
    assert len(comparisons) == 5
    assert "double precision" in comparisons["qonnx"]["simulator"]

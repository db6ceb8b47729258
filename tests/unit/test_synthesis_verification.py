"""From Brevitas through QONNX to hls4ml and Verilog: the same logits, bit for bit."""

import numpy as np
import pytest
import torch

from snacpack.architecture import Architecture
from snacpack.compression.calibration import quantize
from snacpack.compression.network import fold_batch_norm, freeze
from snacpack.compression.scheme import Precision
from snacpack.synthesis.hls import HlsSettings, build_hls_project, run_hls_simulation
from snacpack.synthesis.qonnx import export_qonnx
from snacpack.synthesis.rtl import build_rtl
from snacpack.synthesis.verification import Forms, compare, complaint, run_brevitas, spread, verify
from snacpack.training.network import build_network

SETTINGS = HlsSettings("xcvu13p-flga2577-2-e", 5.0, "io_parallel", "latency", 1)


def brevitas_network(widths, precision):
    torch.manual_seed(3)
    architecture = Architecture(units=widths[1:-1], n_inputs=widths[0], n_outputs=widths[-1])
    layers = fold_batch_norm(build_network(architecture))
    return quantize(architecture, precision, layers, 2 * torch.randn(512, widths[0])).eval()


@pytest.mark.thorough
def test_every_form_is_exact_with_bits_of_each_layers_own(tmp_path):
    # Every number of bits from 2 to 8, of weights and of activations, and two layers that are equal.
    precision = Precision((3, 8, 2, 7, 4, 6, 5, 8, 8), (5, 2, 8, 3, 7, 4, 6, 8), 6)
    network = brevitas_network((6, 9, 9, 9, 8, 8, 8, 6, 6, 6), precision)
    with torch.no_grad():
        network.dense_8.weight.copy_(network.dense_7.weight)
    forms = Forms(tmp_path / "fixed_point.json", tmp_path / "model.onnx", tmp_path / "hls", tmp_path / "rtl")
    fixed_point = freeze(network)
    fixed_point.save(forms.fixed_point)
    export_qonnx(network, 6, forms.onnx)
    build_hls_project(forms.onnx, forms.hls, "open", SETTINGS)
    circuit = build_rtl(fixed_point, forms.rtl, SETTINGS.part, 5.0)
    # Far out of the input's range too: what saturates in one form must saturate in all.
    x = (4 * np.random.default_rng(0).standard_t(2, (10_500, 6))).astype(np.float32)
    comparisons = verify(network, forms, x, n_rtl_jets=10_000)
    assert [entry["name"] for entry in comparisons] == ["fixed_point", "qonnx", "hls4ml", "da4ml", "verilog"]
    assert all(entry["exact"] and entry["max_difference"] == 0 for entry in comparisons)
    assert [entry["n_jets"] for entry in comparisons] == [10_500, 10_500, 10_500, 10_500, 10_000]
    assert [entry["n_different"] for entry in comparisons] == [0] * 5
    assert comparisons[-1]["latency_cycles"] == circuit.stages
    assert complaint(comparisons) is None
    assert np.ptp(run_brevitas(network, x), axis=0).min() > 0


@pytest.mark.thorough
def test_a_moved_project_can_be_built_but_not_simulated(tmp_path):
    network = brevitas_network((5, 4, 3), Precision((4, 4), (4,), 4))
    export_qonnx(network, 5, tmp_path / "model.onnx")
    build_hls_project(tmp_path / "model.onnx", tmp_path / "hls", "vitis", SETTINGS)
    x = np.zeros((3, 5), dtype=np.float32)
    with pytest.raises(ValueError, match="takes 5 inputs"):
        run_hls_simulation(tmp_path / "hls", x[:, :4])
    (tmp_path / "hls").rename(tmp_path / "moved")
    with pytest.raises(RuntimeError, match="moved; rerun build_hls_project"):
        run_hls_simulation(tmp_path / "moved", x)
    scripts = {path.name: path.read_text() for path in (tmp_path / "moved").glob("*.tcl")}
    assert {"build_prj.tcl", "project.tcl"} <= set(scripts)
    assert not any(str(tmp_path) in text for text in scripts.values())
    assert SETTINGS.part in scripts["project.tcl"]


def test_a_machine_without_a_compiler_is_told_so(tmp_path, monkeypatch):
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.delenv("CXX", raising=False)
    with pytest.raises(RuntimeError, match=r"install g\+\+"):
        build_hls_project(tmp_path / "model.onnx", tmp_path / "hls", "vitis", SETTINGS)


def test_differences_are_described():
    expected = np.array([[1.0, 2.0], [3.0, 0.0]], dtype=np.float32)
    wrong = compare("hls4ml", np.array([[1.0, 0.5], [3.0, 0.0]]), expected, "C")
    assert (wrong["max_difference"], wrong["class_agreement"], wrong["exact"]) == (1.5, 0.5, False)
    assert wrong["n_different"] == 1
    told = "hls4ml differs on 1 of 2 jets, by up to 1.5, and agrees on the class of 50.00%"
    assert told in complaint([wrong])


def test_jets_are_spread_over_the_file():
    assert list(spread(10, 5)) == [0, 2, 4, 6, 8]
    assert list(spread(3, 5)) == [0, 1, 2]

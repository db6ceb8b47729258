"""From Brevitas through QONNX to hls4ml and Verilog: the same logits, bit for bit."""

import numpy as np
import pytest
import torch

from snacpack.architecture import Architecture
from snacpack.compression.network import build_quantized_network, freeze
from snacpack.compression.scheme import Scheme
from snacpack.synthesis.hls import HlsSettings, build_hls_project, run_hls_simulation
from snacpack.synthesis.qonnx import export_qonnx
from snacpack.synthesis.rtl import build_rtl
from snacpack.synthesis.verification import Forms, compare, complaint, run_brevitas, spread, verify

SETTINGS = HlsSettings("xcvu13p-flga2577-2-e", 5.0, "io_parallel", "latency", 1)


def brevitas_network(activation, scheme):
    torch.manual_seed(3)
    architecture = Architecture(units=(6, 5), activation=activation, n_inputs=5, n_outputs=3)
    network = build_quantized_network(architecture, Scheme.parse(scheme), batch_norm=False, statistics_steps=2)
    for _ in range(3):
        network(2 * torch.randn(128, 5))
    return network.eval()


def test_every_form_of_a_relu_network_is_exact(tmp_path):
    network = brevitas_network("relu", "w6a7i9")
    forms = Forms(tmp_path / "fixed_point.json", tmp_path / "model.onnx", tmp_path / "hls", tmp_path / "rtl")
    fixed_point = freeze(network)
    fixed_point.save(forms.fixed_point)
    export_qonnx(network, 5, forms.onnx)
    build_hls_project(forms.onnx, forms.hls, "open", SETTINGS)
    circuit = build_rtl(fixed_point, forms.rtl, SETTINGS.part, 5.0)
    # Far out of the input's range too: what saturates in one form must saturate in all.
    x = (4 * np.random.default_rng(0).standard_normal((150, 5))).astype(np.float32)
    comparisons = verify(network, forms, x, n_rtl_jets=40)
    assert [entry["name"] for entry in comparisons] == ["fixed_point", "qonnx", "hls4ml", "da4ml", "verilog"]
    assert all(entry["exact"] and entry["max_difference"] == 0 for entry in comparisons)
    assert [entry["n_jets"] for entry in comparisons] == [150, 150, 150, 150, 40]
    assert comparisons[-1]["latency_cycles"] == circuit.stages
    assert complaint(comparisons) is None
    assert np.ptp(run_brevitas(network, x), axis=0).min() > 0


@pytest.mark.parametrize(("activation", "scheme"), [("tanh", "w8a8"), ("sigmoid", "w5a10")])
def test_tables_of_hls4ml_are_exact_too(tmp_path, activation, scheme):
    network = brevitas_network(activation, scheme)
    export_qonnx(network, 5, tmp_path / "model.onnx")
    build_hls_project(tmp_path / "model.onnx", tmp_path / "hls", "vitis", SETTINGS)
    x = np.random.default_rng(0).normal(0, 3, (2000, 5)).astype(np.float32)
    np.testing.assert_array_equal(run_hls_simulation(tmp_path / "hls", x), run_brevitas(network, x))


def test_a_moved_project_can_be_built_but_not_simulated(tmp_path):
    network = brevitas_network("relu", "w4a4")
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
    assert "hls4ml differs by up to 1.5 and agrees on the class of 50.00% of 2 jets" in complaint([wrong])


def test_jets_are_spread_over_the_file():
    assert list(spread(10, 5)) == [0, 2, 4, 6, 8]
    assert list(spread(3, 5)) == [0, 1, 2]

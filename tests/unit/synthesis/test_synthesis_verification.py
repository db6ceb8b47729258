"""From Brevitas through QONNX to hls4ml and Verilog: the same logits, bit for bit."""

import re
import shutil
import sys
from dataclasses import replace

import numpy as np
import pytest
import torch

from helpers.running import program
from snacpack.compression.calibration import quantize
from snacpack.compression.network import fold_batch_norm, freeze
from snacpack.core.files import read_json, write_json
from snacpack.hardware.reuse import closest_reuse_factor
from snacpack.networks.architecture import Architecture
from snacpack.networks.scheme import Precision
from snacpack.synthesis.hls import HlsSettings, build_hls_project, compile_simulation, run_hls_simulation
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
    export_qonnx(fixed_point, forms.onnx)
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


@pytest.fixture(scope="module")
def project(tmp_path_factory):
    """An hls4ml project with the strategy resource and a reuse factor that fits no layer, its jets and its logits."""
    folder = tmp_path_factory.mktemp("project")
    network = brevitas_network((6, 16, 12, 5), Precision((4, 4, 4), (4, 4), 4))
    export_qonnx(freeze(network), folder / "model.onnx")
    settings = replace(SETTINGS, strategy="resource", reuse_factor=7)
    build_hls_project(folder / "model.onnx", folder / "hls", "vitis", settings)
    x = np.random.default_rng(0).standard_t(2, (50, 6)).astype(np.float32)
    return folder / "hls", x, run_brevitas(network, x)


@pytest.mark.thorough
def test_inputs_of_another_width_are_refused(project):
    folder, x, _ = project
    with pytest.raises(ValueError, match="takes 6 inputs"):
        run_hls_simulation(folder, x[:, :4])


@pytest.mark.thorough
@pytest.mark.parametrize("original", ["there", "gone", "another"])
def test_a_copied_project_simulates_itself(project, tmp_path, original):
    folder, x, logits = project
    first, copied = tmp_path / "first", tmp_path / "copied"
    shutil.copytree(folder, first)
    fields = read_json(first / "project.json")
    write_json({**fields, "compiled_in": str(first)}, first / "project.json")
    shutil.copytree(first, copied)
    if original == "gone":
        shutil.rmtree(first)
    elif original == "another":
        # Whoever read the weights of the first place would not notice that they are others by now.
        for weights in (first / "firmware" / "weights").glob("*.txt"):
            weights.write_text(re.sub(r"[^,\s]+", "1", weights.read_text()))
    before = {path: path.stat().st_mtime_ns for path in copied.rglob("*")}
    np.testing.assert_array_equal(run_hls_simulation(copied, x), logits)
    assert {path: path.stat().st_mtime_ns for path in copied.rglob("*")} == before


@pytest.mark.thorough
def test_a_library_of_another_machine_is_compiled_again(project, tmp_path):
    folder, x, logits = project
    copied = tmp_path / "copied"
    shutil.copytree(folder, copied)
    write_json({**read_json(copied / "project.json"), "compiled_in": str(copied)}, copied / "project.json")
    (library,) = (copied / "firmware").glob("*.so")
    # The number of the machine in an ELF header: another one's.
    content = bytearray(library.read_bytes())
    content[18:20] = b"\xf3\x00"
    library.write_bytes(content)
    np.testing.assert_array_equal(run_hls_simulation(copied, x), logits)


@pytest.mark.thorough
def test_a_project_says_which_reuse_factors_were_written(project):
    folder, _, _ = project
    written = read_json(folder / "project.json")
    assert (written["reuse_factor"], written["reuse_factors"]) == (7, [6, 8, 6])
    parameters = (folder / "firmware" / "parameters.h").read_text()
    dense = re.findall(r"struct config\d+ : nnet::dense_config \{.*?reuse_factor = (\d+);", parameters, re.DOTALL)
    assert written["reuse_factors"] == list(map(int, dense))
    widths = zip((6, 16, 12), (16, 12, 5), strict=True)
    assert written["reuse_factors"] == [closest_reuse_factor(*sizes, 7) for sizes in widths]


@pytest.mark.thorough
def test_a_project_is_written_without_keras(project, tmp_path, monkeypatch):
    """hls4ml would import it, and TensorFlow with it, where a user has them: ten seconds for nothing."""
    # hls4ml goes on whatever an import raises, so the module leaves a trace.
    (tmp_path / "keras.py").write_text(f"open({str(tmp_path / 'imported')!r}, 'w').close()\n")
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.delitem(sys.modules, "keras", raising=False)
    monkeypatch.setattr("snacpack.synthesis.hls.compile_simulation", lambda folder: None)
    build_hls_project(project[0].parent / "model.onnx", tmp_path / "hls", "vitis", SETTINGS)
    assert not (tmp_path / "imported").exists()
    assert "keras" not in sys.modules


@pytest.mark.thorough
def test_a_project_can_be_built_wherever_it_is(project, tmp_path):
    folder, _, _ = project
    scripts = {path.name: path.read_text() for path in folder.glob("*.tcl")}
    assert {"build_prj.tcl", "project.tcl"} <= set(scripts)
    assert not any(str(folder.parent) in text for text in scripts.values())
    assert f'set part "{SETTINGS.part}"' in scripts["project.tcl"]


def test_a_machine_without_a_compiler_is_told_so(tmp_path, monkeypatch):
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.delenv("CXX", raising=False)
    with pytest.raises(RuntimeError, match=r"install g\+\+"):
        build_hls_project(tmp_path / "model.onnx", tmp_path / "hls", "vitis", SETTINGS)


@pytest.mark.thorough
def test_another_compiler_than_gcc_will_do(project, tmp_path, monkeypatch):
    """One that does not know GCC's own options, such as Clang."""
    folder, x, logits = project
    shutil.copytree(folder, tmp_path / "hls")
    refusing = 'case "$*" in *gnu-unique*) echo unknown argument >&2; exit 1;; esac; exec g++ "$@"'
    monkeypatch.setenv("CXX", str(program(tmp_path / "other", refusing)))
    np.testing.assert_array_equal(run_hls_simulation(tmp_path / "hls", x), logits)


@pytest.mark.thorough
def test_code_that_does_not_compile_is_named(project, tmp_path):
    shutil.copytree(project[0], tmp_path / "hls")
    (tmp_path / "hls" / "firmware" / "defines.h").write_text("no C++")
    with pytest.raises(RuntimeError, match=r"the C simulation of .*hls did not compile: .* failed with exit status"):
        compile_simulation(tmp_path / "hls")


def test_differences_are_described():
    expected = np.array([[1.0, 2.0], [3.0, 0.0]], dtype=np.float32)
    wrong = compare("hls4ml", np.array([[1.0, 0.5], [3.0, 0.0]]), expected, "C")
    assert (wrong["max_difference"], wrong["class_agreement"], wrong["exact"]) == (1.5, 0.5, False)
    assert wrong["n_different"] == 1
    told = "hls4ml differs on 1 of 2 examples, by up to 1.5"
    assert told in complaint([wrong])


def test_jets_are_spread_over_the_file():
    assert list(spread(10, 5)) == [0, 2, 4, 6, 8]
    assert list(spread(3, 5)) == [0, 1, 2]

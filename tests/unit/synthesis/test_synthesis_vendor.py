"""The vendor's backends: reports in hls4ml's format, and tools that fail."""

from pathlib import Path

import pytest

from helpers.backends import bare_path
from helpers.running import program
from helpers.vendor_reports import leave_reports
from snacpack.synthesis.backend import Numbers, Synthesis
from snacpack.synthesis.registry import find_backend

PROJECT_TCL = 'variable project_name\nset project_name "snacpack_network"\nvariable backend\nset backend "vitis"\n'


@pytest.fixture
def project(tmp_path):
    folder = tmp_path / "hls"
    folder.mkdir()
    (folder / "project.tcl").write_text(PROJECT_TCL)
    (folder / "build_prj.tcl").write_text("# hls4ml's script\n")
    return folder


@pytest.fixture
def bin_folder(tmp_path, monkeypatch):
    return bare_path(monkeypatch, tmp_path / "bin")


def build(backend: str, project: Path, reports: Path, timeout_s: float) -> Numbers:
    job = Synthesis(project, project.parent / "rtl", reports, "xcvu13p-flga2577-2-e", 5.0, None, 1, timeout_s)
    return find_backend(backend).synthesise(job)


@pytest.mark.parametrize(
    ("backend", "tool"), [("vitis", "vitis-run"), ("vitis", "vitis_hls"), ("vivado", "vivado_hls")]
)
def test_reports_of_a_build_are_read(tmp_path, project, bin_folder, backend, tool):
    program(bin_folder / tool, leave_reports(tmp_path))
    numbers = build(backend, project, tmp_path / "reports", 60)
    assert numbers.resources == {"lut": 155080, "ff": 25714, "dsp": 262, "bram": 3}
    assert (numbers.latency_cycles, numbers.ii_cycles) == (21, 1)
    assert "2022.2" in numbers.tool
    assert set(numbers.origin) == {*numbers.resources, "latency_cycles", "ii_cycles", "timing"}
    assert set(numbers.timing) == {"estimated_clock_period_ns", "meets_target"}
    kept = {path.name for path in (tmp_path / "reports").iterdir()}
    assert kept == {"build.log", "vivado_synth.rpt", "snacpack_network_csynth.xml"}
    assert sorted(path.name for path in project.iterdir()) == ["build_prj.tcl", "project.tcl"]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("echo 'ERROR: [HLS 207-3771] use of undeclared identifier'; exit 1", "undeclared identifier"),
        ("echo \"ERROR: A valid license was not found for feature 'Synthesis'\"; exit 1", "no licence"),
        ("echo 'ERROR: license checkout failed'; exit 0", "no licence"),
        ("echo done; exit 0", "no readable report|left no report"),
        ("echo still running; sleep 60", "did not finish in time"),
    ],
)
def test_failing_tools_explain_themselves(tmp_path, project, bin_folder, text, message):
    program(bin_folder / "vitis-run", text)
    with pytest.raises(RuntimeError, match=message) as failure:
        build("vitis", project, tmp_path / "reports", 1.0)
    assert "The end of its log" in str(failure.value)


@pytest.mark.thorough
def test_a_slow_tools_children_are_ended_too(tmp_path, project, bin_folder):
    program(bin_folder / "vitis-run", f"(sleep 3; touch {tmp_path}/survived) &\nsleep 60")
    with pytest.raises(RuntimeError, match="did not finish in time"):
        build("vitis", project, tmp_path / "reports", 0.5)
    import time

    time.sleep(3.5)
    assert not (tmp_path / "survived").exists()

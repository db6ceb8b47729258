"""Vendor backends: choosing one, reading reports in hls4ml's format, and tools that fail."""

import os

import pytest

from snacpack.synthesis.backends import choose_backend, missing_tool
from snacpack.synthesis.backends.vendor import build_with_vendor

PROJECT_TCL = 'variable project_name\nset project_name "snacpack_network"\nvariable backend\nset backend "vitis"\n'

HLS_APP = """<project xmlns="com.autoesl.autopilot.project" name="snacpack_network_prj" top="snacpack_network">
    <solutions>
        <solution name="solution1" status=""/>
    </solutions>
</project>
"""

CSYNTH_XML = """<?xml version="1.0" encoding="UTF-8" standalone="yes"?>
<profile>
<UserAssignments>
<unit>ns</unit>
<ProductFamily>virtexuplus</ProductFamily>
<Part>xcvu13p-flga2577-2-e</Part>
<TopModelName>snacpack_network</TopModelName>
<TargetClockPeriod>5.00</TargetClockPeriod>
<ClockUncertainty>1.35</ClockUncertainty>
</UserAssignments>
<PerformanceEstimates>
<PipelineType>yes</PipelineType>
<SummaryOfTimingAnalysis>
<unit>ns</unit>
<EstimatedClockPeriod>3.643</EstimatedClockPeriod>
</SummaryOfTimingAnalysis>
<SummaryOfOverallLatency>
<unit>clock cycles</unit>
<Best-caseLatency>20</Best-caseLatency>
<Average-caseLatency>20</Average-caseLatency>
<Worst-caseLatency>21</Worst-caseLatency>
<PipelineInitiationInterval>1</PipelineInitiationInterval>
<Interval-min>1</Interval-min>
<Interval-max>1</Interval-max>
</SummaryOfOverallLatency>
</PerformanceEstimates>
<AreaEstimates>
<Resources>
<BRAM_18K>4</BRAM_18K>
<DSP>272</DSP>
<FF>28117</FF>
<LUT>251004</LUT>
<URAM>0</URAM>
</Resources>
<AvailableResources>
<BRAM_18K>5376</BRAM_18K>
<DSP>12288</DSP>
<FF>3456000</FF>
<LUT>1728000</LUT>
<URAM>1280</URAM>
</AvailableResources>
</AreaEstimates>
</profile>
"""

VIVADO_SYNTH_RPT = """Copyright 1986-2022 Xilinx, Inc. All Rights Reserved.
| Tool Version : Vivado v.2022.2 (lin64) Build 3671981 Fri Oct 14 04:59:54 MDT 2022
| Design       : snacpack_network
| Device       : xcvu13p-flga2577-2-e
Utilization Design Information

1. CLB Logic
------------

+----------------------------+--------+-------+------------+-----------+-------+
|          Site Type         |  Used  | Fixed | Prohibited | Available | Util% |
+----------------------------+--------+-------+------------+-----------+-------+
| CLB LUTs*                  | 155080 |     0 |          0 |   1728000 |  8.97 |
|   LUT as Logic             | 155080 |     0 |          0 |   1728000 |  8.97 |
| CLB Registers              |  25714 |     0 |          0 |   3456000 |  0.74 |
+----------------------------+--------+-------+------------+-----------+-------+

2. BLOCKRAM
-----------

+-------------------+------+-------+------------+-----------+-------+
|     Site Type     | Used | Fixed | Prohibited | Available | Util% |
+-------------------+------+-------+------------+-----------+-------+
| Block RAM Tile    |  1.5 |     0 |          0 |      2688 |  0.06 |
|   RAMB36/FIFO*    |    1 |     0 |          0 |      2688 |  0.04 |
|   RAMB18          |    1 |     0 |          0 |      5376 |  0.02 |
| URAM              |    0 |     0 |          0 |      1280 |  0.00 |
+-------------------+------+-------+------------+-----------+-------+

3. ARITHMETIC
-------------

+----------------+------+-------+------------+-----------+-------+
|    Site Type   | Used | Fixed | Prohibited | Available | Util% |
+----------------+------+-------+------------+-----------+-------+
| DSPs           |  262 |     0 |          0 |     12288 |  2.13 |
|   DSP48E2 only |  262 |       |            |           |       |
+----------------+------+-------+------------+-----------+-------+
"""


@pytest.fixture
def project(tmp_path):
    folder = tmp_path / "hls"
    folder.mkdir()
    (folder / "project.tcl").write_text(PROJECT_TCL)
    (folder / "build_prj.tcl").write_text("# hls4ml's script\n")
    return folder


@pytest.fixture
def bin_folder(tmp_path, monkeypatch):
    """An otherwise bare PATH, so that a vendor's tool on this machine stays out of it."""
    folder = tmp_path / "bin"
    folder.mkdir()
    monkeypatch.setenv("PATH", os.pathsep.join([str(folder), "/usr/bin", "/bin"]))
    return folder


def install(folder, name, text):
    (folder / name).write_text(f"#!/bin/sh\n{text}\n")
    (folder / name).chmod(0o755)


def _write_reports(tmp_path):
    """Shell commands that leave what a successful build leaves."""
    (tmp_path / "templates").mkdir()
    for name, text in (("app", HLS_APP), ("xml", CSYNTH_XML), ("rpt", VIVADO_SYNTH_RPT)):
        (tmp_path / "templates" / name).write_text(text)
    source = tmp_path / "templates"
    solution = "snacpack_network_prj/solution1/syn/report"
    return (
        "echo '****** Vitis HLS v2022.2 (64-bit)'\n"
        f"mkdir -p {solution}\n"
        f"cp {source}/app snacpack_network_prj/hls.app\n"
        f"cp {source}/xml {solution}/snacpack_network_csynth.xml\n"
        f"cp {source}/rpt vivado_synth.rpt\n"
    )


@pytest.mark.parametrize(
    ("backend", "tool"), [("vitis", "vitis-run"), ("vitis", "vitis_hls"), ("vivado", "vivado_hls")]
)
def test_reports_of_a_build_are_read(tmp_path, project, bin_folder, backend, tool):
    install(bin_folder, tool, _write_reports(tmp_path))
    numbers = build_with_vendor(backend, project, tmp_path / "reports", 60)
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
    install(bin_folder, "vitis-run", text)
    with pytest.raises(RuntimeError, match=message) as failure:
        build_with_vendor("vitis", project, tmp_path / "reports", 1.0)
    assert "The end of its log" in str(failure.value)


def test_a_slow_tools_children_are_ended_too(tmp_path, project, bin_folder):
    install(bin_folder, "vitis-run", f"(sleep 3; touch {tmp_path}/survived) &\nsleep 60")
    with pytest.raises(RuntimeError, match="did not finish in time"):
        build_with_vendor("vitis", project, tmp_path / "reports", 0.5)
    import time

    time.sleep(3.5)
    assert not (tmp_path / "survived").exists()


def test_auto_takes_the_first_tool_there_is(bin_folder):
    assert choose_backend("auto") == "open"
    install(bin_folder, "vivado_hls", "exit 0")
    assert choose_backend("auto") == "vivado"
    install(bin_folder, "vitis_hls", "exit 0")
    assert choose_backend("auto") == "vitis"
    assert choose_backend("open") == "open"


def test_a_missing_tool_is_named(bin_folder):
    assert missing_tool("auto") is missing_tool("open") is None
    assert "vitis-run" in missing_tool("vitis")
    assert "'quartus' is not one of" in missing_tool("quartus")
    with pytest.raises(ValueError, match=r"synthesis\.backend.*vivado_hls"):
        choose_backend("vivado")

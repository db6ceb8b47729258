"""Reports of placed and routed circuits: read as Vivado writes them, and written by the scripts that users run."""

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from helpers.random_networks import PART, random_network
from snacpack.synthesis.placed import HLS_SCRIPT, collect_vendor_report, vivado_command, write_hls_script
from snacpack.synthesis.rtl import TOP, build_rtl

ROOT = Path(__file__).parents[3]
TIMING = """Copyright 1986-2022 Xilinx, Inc. All Rights Reserved. Copyright 2022-2025 Advanced Micro Devices, Inc.
---------------------------------------------------------------------------------------------------------
| Tool Version      : Vivado v.2024.1 (lin64) Build 5076996 Wed May 22 18:36:09 MDT 2024
| Date              : Mon Nov 23 10:12:13 2026
| Command           : report_timing_summary -file output_snacpack_network/reports/x_post_route_timing.rpt
| Design            : snacpack_network
| Device            : xcvu13p-flga2577
| Speed File        : -2  PRODUCTION 1.28 03-30-2022
| Design State      : Routed
---------------------------------------------------------------------------------------------------------

Timing Summary Report

------------------------------------------------------------------------------------------------
| Design Timing Summary
| ---------------------
------------------------------------------------------------------------------------------------

    WNS(ns)      TNS(ns)  TNS Failing Endpoints  TNS Total Endpoints      WHS(ns)      THS(ns)  \
THS Failing Endpoints  THS Total Endpoints     WPWS(ns)     TPWS(ns)  TPWS Failing Endpoints  TPWS Total Endpoints
    -------      -------  ---------------------  -------------------      -------      -------  \
---------------------  -------------------     --------     --------  ----------------------  --------------------
      {setup}        0.000                      0                32993        {hold}        0.000  \
                    0                32993        2.225        0.000                       0                 33154


All user specified timing constraints are met.


------------------------------------------------------------------------------------------------
| Clock Summary
| -------------
------------------------------------------------------------------------------------------------

Clock    Waveform(ns)         Period(ns)      Frequency(MHz)
-----    ------------         ----------      --------------
sys_clk  {{0.000 2.500}}        5.000           200.000


------------------------------------------------------------------------------------------------
| Intra Clock Table
| -----------------
------------------------------------------------------------------------------------------------

Clock             WNS(ns)      TNS(ns)  TNS Failing Endpoints  TNS Total Endpoints      WHS(ns)      THS(ns)
-----             -------      -------  ---------------------  -------------------      -------      -------
sys_clk             9.999        0.000                      0                32993        9.999        0.000
"""

ULTRASCALE = """| Tool Version : Vivado v.2024.1 (lin64) Build 5076996 Wed May 22 18:36:09 MDT 2024
| Design       : snacpack_network
| Device       : xcvu13p-flga2577-2-e
| Speed File   : -2
| Design State : Routed

1. CLB Logic
------------

+-------------------------+--------+-------+------------+-----------+-------+
|        Site Type        |  Used  | Fixed | Prohibited | Available | Util% |
+-------------------------+--------+-------+------------+-----------+-------+
| CLB LUTs                | 190123 |     0 |          0 |   1728000 | 11.00 |
|   LUT as Logic          | 190120 |     0 |          0 |   1728000 | 11.00 |
|   LUT as Memory         |      3 |     0 |          0 |    791040 | <0.01 |
| CLB Registers           |  32993 |     0 |          0 |   3456000 |  0.95 |
|   Register as Flip Flop |  32993 |     0 |          0 |   3456000 |  0.95 |
| CARRY8                  |  30123 |     0 |          0 |    216000 | 13.95 |
+-------------------------+--------+-------+------------+-----------+-------+

2. CLB Logic Distribution
-------------------------

| CLB Registers                              | 32993 |     0 |          0 |   3456000 |  0.95 |

3. BLOCKRAM
-----------

| Block RAM Tile |  0.5 |     0 |          0 |      2688 |  0.02 |
|   RAMB36/FIFO* |    0 |     0 |          0 |      2688 |  0.00 |
|   RAMB18       |    1 |     0 |          0 |      5376 |  0.02 |

4. ARITHMETIC
-------------

| DSPs      |    7 |     0 |          0 |     12288 |  0.06 |
"""

SEVEN_SERIES = """| Tool Version : Vivado v.2019.1 (lin64) Build 2552052 Fri May 24 14:47:09 MDT 2019
| Design       : snacpack_network
| Device       : 7vx690tffg1927-2
| Design State : Fully Routed

1. Slice Logic
--------------

+-------------------------+-------+-------+-----------+-------+
|        Site Type        |  Used | Fixed | Available | Util% |
+-------------------------+-------+-------+-----------+-------+
| Slice LUTs*             | 51000 |     0 |    433200 | 11.77 |
|   LUT as Logic          | 51000 |     0 |    433200 | 11.77 |
| Slice Registers         |  9001 |     0 |    866400 |  1.04 |
+-------------------------+-------+-------+-----------+-------+
| Block RAM Tile |    0 |     0 |      1470 |  0.00 |
| DSPs      |    0 |     0 |      3600 |  0.00 |
"""


MET = TIMING.format(setup=0.321, hold=0.012)


def reports(project, timing=MET, utilisation=ULTRASCALE):
    folder = project / f"output_{TOP}" / "reports"
    folder.mkdir(parents=True, exist_ok=True)
    for what, text in (("timing", timing), ("util", utilisation)):
        if text is not None:
            (folder / f"{TOP}_post_route_{what}.rpt").write_text(text)
    return project


def test_reports_of_a_routed_circuit_are_read(tmp_path):
    circuit = build_rtl(random_network((4, 3, 2), bits=4), tmp_path, PART, 5.0)
    placed = collect_vendor_report(reports(tmp_path))
    assert placed["tool"] == "Vivado v.2024.1"
    assert placed["part"] == PART
    assert {name: placed[name] for name in ("lut", "ff", "dsp", "bram")} == {
        "lut": 190123,
        "ff": 32993,
        "dsp": 7,
        "bram": 1,
    }
    assert (placed["setup_slack_ns"], placed["hold_slack_ns"]) == (0.321, 0.012)
    assert (placed["clock_period_ns"], placed["achieved_clock_period_ns"]) == (5.0, 4.679)
    assert placed["meets_target"]
    assert (placed["latency_cycles"], placed["latency_ns"]) == (circuit.stages, 5.0 * circuit.stages)
    numbers = {key for key, value in placed.items() if isinstance(value, int | float) and not isinstance(value, bool)}
    assert numbers == set(placed["origin"])


@pytest.mark.thorough
def test_other_reports_are_collected_again_whatever_their_date(tmp_path):
    """A project that was placed and routed elsewhere is copied back with the dates of its files."""
    project = tmp_path / "results" / "tried" / "synthesis" / "baseline" / "w8a8" / "rtl"
    build_rtl(random_network((4, 3, 2), bits=4), project, PART, 5.0)
    (tmp_path / "mine.yaml").write_text("run: tried\n")
    collected = project.with_name("placed_rtl.json")
    command = [
        *(sys.executable, "-m", "snakemake", "--cores", "1", "--snakefile", str(ROOT / "Snakefile")),
        *("--directory", str(tmp_path), "--configfile", str(tmp_path / "mine.yaml")),
        # The project is taken as it is.
        *("--allowed-rules", "collect_placed_report", "--", str(collected.relative_to(tmp_path))),
    ]
    for number, slack in enumerate((0.3, -0.2)):
        reports(project, TIMING.format(setup=slack, hold=0.01))
        for report in (project / f"output_{TOP}").rglob("*.rpt"):
            os.utime(report, (1e9 + number, 1e9 + number))
        done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True)
        assert done.returncode == 0, done.stdout + done.stderr
        assert json.loads(collected.read_text())["setup_slack_ns"] == slack
    again = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True)
    assert "Nothing to be done" in again.stdout + again.stderr


@pytest.mark.parametrize(("setup", "hold"), [(-0.2, 0.01), (0.3, -0.001)])
def test_a_missed_clock_is_said_to_be_missed(tmp_path, setup, hold):
    placed = collect_vendor_report(reports(tmp_path, TIMING.format(setup=setup, hold=hold)))
    assert not placed["meets_target"]
    assert placed["achieved_clock_period_ns"] == pytest.approx(5.0 - setup)
    assert "latency_cycles" not in placed


def test_the_7_series_words_and_older_tables_are_known(tmp_path):
    placed = collect_vendor_report(reports(tmp_path, utilisation=SEVEN_SERIES))
    assert (placed["lut"], placed["ff"], placed["bram"]) == (51000, 9001, 0)


def test_where_vivado_was_not_run_there_is_nothing(tmp_path):
    assert collect_vendor_report(tmp_path) is None


@pytest.mark.parametrize(
    ("timing", "utilisation", "message"),
    [
        (TIMING.format(setup=0.1, hold=0.1), None, "did not get as far as .*util.*vivado -mode batch"),
        ("nothing to read", ULTRASCALE, "no table with WNS"),
        (TIMING.format(setup="NA", hold=0.1), ULTRASCALE, "no slacks"),
        (TIMING.format(setup=0.1, hold=0.1), ULTRASCALE.replace("Routed", "Synthesized"), "not of a routed"),
        (TIMING.format(setup=0.1, hold=0.1), ULTRASCALE.replace("CLB LUTs", "ALMs"), "CLB.*LUTs"),
    ],
)
def test_half_a_run_is_an_error(tmp_path, timing, utilisation, message):
    with pytest.raises(RuntimeError, match=message):
        collect_vendor_report(reports(tmp_path, timing, utilisation))


def _run_in_tcl(script, commands):
    """Run a script in a Tcl interpreter that records Vivado's commands; what they report lands in their files."""
    tkinter = pytest.importorskip("tkinter")
    tcl = tkinter.Tcl()
    called = []

    def record(name):
        def command(*arguments):
            called.append((name, *arguments))
            if "-file" in arguments:
                text = {"report_timing_summary": TIMING.format(setup=0.5, hold=0.1), "report_utilization": ULTRASCALE}
                with open(arguments[arguments.index("-file") + 1], "w") as report:
                    report.write(text.get(name, ""))
            return ""

        return command

    for name in commands.split():
        tcl.createcommand(name, record(name))
    tcl.eval(f"info script {{{script}}}")
    tcl.eval(script.read_text())
    return called


VIVADO = """
    create_project set_property current_project current_fileset read_verilog add_files get_files read_xdc synth_design
    write_checkpoint report_timing_summary report_timing report_power report_utilization report_design_analysis
    report_clock_utilization report_drc opt_design place_design phys_opt_design route_design create_clock get_ports
    set_clock_uncertainty get_clocks
"""


def test_the_verilog_projects_script_leaves_what_is_collected(tmp_path):
    build_rtl(random_network((4, 3, 2), "tanh", bits=4), tmp_path, PART, 5.0)
    script = tmp_path / "build_vivado_prj.tcl"
    assert vivado_command(tmp_path).endswith(f"-source {script.name}")
    called = _run_in_tcl(script, VIVADO)
    assert collect_vendor_report(tmp_path)["lut"] == 190123
    sources = " ".join(argument for name, *arguments in called for argument in arguments if name == "read_verilog")
    assert {f"{TOP}.v", f"{TOP}_stage0.v", "shift_adder.v"} <= set(re.findall(r"[^/ ]+\.v", sources))
    assert [name for name, *_ in called if name.endswith("_design")] == [
        "synth_design",
        "opt_design",
        "place_design",
        "phys_opt_design",
        "route_design",
    ]


def test_the_hls_projects_script_leaves_what_is_collected(tmp_path):
    (tmp_path / "project.tcl").write_text(
        f'set project_name "{TOP}"\nset part "{PART}"\nset clock_period 5.0\nset clock_uncertainty 27%\n'
    )
    write_hls_script(tmp_path)
    assert vivado_command(tmp_path).endswith(f"-source {HLS_SCRIPT}")
    (tmp_path / f"{TOP}_prj" / "solution1" / "syn" / "verilog").mkdir(parents=True)
    called = _run_in_tcl(tmp_path / HLS_SCRIPT, VIVADO)
    assert ("synth_design", "-top", TOP, "-part", PART, "-mode", "out_of_context") in called
    assert any(name == "create_clock" and "5.0" in arguments for name, *arguments in called)
    assert collect_vendor_report(tmp_path)["achieved_clock_period_ns"] == 4.5

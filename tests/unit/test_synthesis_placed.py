"""What Vivado reports of a placed and routed project, in the layout of its own reports."""

import pytest

from snacpack.synthesis.placed import collect_vendor_report, vivado_command, write_hls_script

HEADER = """Copyright 1986-2022 Xilinx, Inc. All Rights Reserved.
---------------------------------------------------------------------------------------------
| Tool Version : Vivado v.2023.2 (lin64) Build 4029153 Fri Oct 13 20:13:54 MDT 2023
| Design       : snacpack_network
| Device       : xcvu13p-flga2577-2-e
| Design State : Routed
---------------------------------------------------------------------------------------------
"""
TIMING = """
------------------------------------------------------------------------------------------------
| Design Timing Summary
| ---------------------
------------------------------------------------------------------------------------------------

    WNS(ns)      TNS(ns)  TNS Failing Endpoints  TNS Total Endpoints      WHS(ns)      THS(ns)  THS Failing Endpoints  \
THS Total Endpoints     WPWS(ns)     TPWS(ns)  TPWS Failing Endpoints  TPWS Total Endpoints
    -------      -------  ---------------------  -------------------      -------      -------  ---------------------  \
-------------------     --------     --------  ----------------------  --------------------
      {setup}        0.000                      0                 9000       0.021      0.000                     0  \
               9000        2.225        0.000                       0                  4000


------------------------------------------------------------------------------------------------
| Clock Summary
| -------------
------------------------------------------------------------------------------------------------

Clock    Waveform(ns)       Period(ns)      Frequency(MHz)
-----    ------------       ----------      --------------
sys_clk  {{0.000 2.500}}      5.000           200.000
"""
UTILISATION = """
1. CLB Logic
------------

+----------------------------+-------+-------+------------+-----------+-------+
|          Site Type         |  Used | Fixed | Prohibited | Available | Util% |
+----------------------------+-------+-------+------------+-----------+-------+
| CLB LUTs                   | 11250 |     0 |          0 |   1728000 |  0.65 |
|   LUT as Logic             | 11250 |     0 |          0 |   1728000 |  0.65 |
| CLB Registers              |  2343 |     0 |          0 |   3456000 |  0.07 |
+----------------------------+-------+-------+------------+-----------+-------+

3. BLOCKRAM
-----------

| Block RAM Tile |  1.5 |     0 |          0 |      2688 |  0.06 |
|   RAMB36/FIFO* |    1 |     0 |          0 |      2688 |  0.04 |

4. ARITHMETIC
-------------

| DSPs      |    0 |     0 |          0 |     12288 |  0.00 |
"""


def place(project, setup="0.412", utilisation=UTILISATION, header=HEADER):
    reports = project / "output_snacpack_network" / "reports"
    reports.mkdir(parents=True)
    (reports / "snacpack_network_post_route_timing.rpt").write_text(header + TIMING.format(setup=setup))
    if utilisation:
        (reports / "snacpack_network_post_route_util.rpt").write_text(header + utilisation)


def test_a_routed_project_is_read(tmp_path):
    place(tmp_path)
    measured = collect_vendor_report(tmp_path)
    assert {name: measured[name] for name in ("lut", "ff", "dsp", "bram")} == {
        "lut": 11250,
        "ff": 2343,
        "dsp": 0,
        "bram": 3,
    }
    assert (measured["clock_period_ns"], measured["setup_slack_ns"], measured["hold_slack_ns"]) == (5.0, 0.412, 0.021)
    assert measured["achieved_clock_period_ns"] == pytest.approx(4.588)
    assert measured["meets_target"]
    assert measured["part"] == "xcvu13p-flga2577-2-e"
    assert "2023.2" in measured["tool"]


def test_a_missed_clock_is_said(tmp_path):
    place(tmp_path, setup="-0.250")
    measured = collect_vendor_report(tmp_path)
    assert not measured["meets_target"]
    assert measured["achieved_clock_period_ns"] == pytest.approx(5.25)


def test_a_project_that_vivado_never_saw(tmp_path):
    assert collect_vendor_report(tmp_path) is None


@pytest.mark.parametrize(
    ("changes", "complaint"),
    [
        ({"utilisation": None}, "did not get as far as.*place_and_route.tcl"),
        ({"setup": "NA   "}, "no slacks"),
        ({"header": HEADER.replace("Routed", "Synthesized")}, "not of a routed design"),
        ({"utilisation": UTILISATION.replace("CLB LUTs", "Lookups")}, "nothing in it fits"),
    ],
)
def test_an_incomplete_report_is_an_error_that_names_it(tmp_path, changes, complaint):
    place(tmp_path, **changes)
    with pytest.raises(RuntimeError, match=complaint):
        collect_vendor_report(tmp_path)


def test_the_command_names_a_script_that_is_there(tmp_path):
    write_hls_script(tmp_path)
    script = vivado_command(tmp_path).split()[-1]
    text = (tmp_path / script).read_text()
    for step in ("synth_design", "place_design", "route_design", "report_timing_summary", "report_utilization"):
        assert step in text
    assert text.count("{") == text.count("}")

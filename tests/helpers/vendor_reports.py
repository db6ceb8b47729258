"""The reports that a successful build of AMD's tools leaves, in the formats that hls4ml parses."""

from pathlib import Path

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


def leave_reports(folder: Path) -> str:
    """Return shell commands that leave what a successful build leaves; ``folder`` gets the files' templates."""
    source = folder / "templates"
    source.mkdir()
    for name, text in (("app", HLS_APP), ("xml", CSYNTH_XML), ("rpt", VIVADO_SYNTH_RPT)):
        (source / name).write_text(text)
    solution = "snacpack_network_prj/solution1/syn/report"
    return (
        "echo '****** Vitis HLS v2022.2 (64-bit)'\n"
        f"mkdir -p {solution}\n"
        f"cp {source}/app snacpack_network_prj/hls.app\n"
        f"cp {source}/xml {solution}/snacpack_network_csynth.xml\n"
        f"cp {source}/rpt vivado_synth.rpt\n"
    )

"""What Vivado says of a circuit that it has placed and routed, where a user has run it in the circuit's project."""

import re
from pathlib import Path
from typing import Any

from snacpack.synthesis.rtl import TOP, Circuit
from snacpack.synthesis.timing import CLOCK_UNCERTAINTY

# Rows of Vivado's utilisation report: UltraScale's name for the logic, and the 7 series'.
_ROWS = {
    "lut": r"(?:CLB|Slice) LUTs\*?",
    "ff": r"(?:CLB|Slice) Registers",
    "dsp": r"DSPs",
    "bram": r"Block RAM Tile",
}
HLS_SCRIPT = "place_and_route.tcl"


def collect_vendor_report(project: str | Path) -> dict[str, Any] | None:
    """Read the reports of a Verilog or hls4ml project that Vivado has placed and routed.

    Parameters
    ----------
    project
        Folder of :func:`snacpack.synthesis.rtl.build_rtl`, or an hls4ml project with the script of
        :func:`write_hls_script`, in which :func:`vivado_command` was run.

    Returns
    -------
    dict or None
        ``tool``, ``part``; ``clock_period_ns``, the constraint; ``setup_slack_ns`` and ``hold_slack_ns``, the worst;
        ``achieved_clock_period_ns``; ``meets_target``; ``lut``, ``ff``, ``dsp`` and ``bram`` (18 kb blocks); for a
        Verilog project ``latency_cycles`` and ``latency_ns``; and ``origin``, a sentence for each. None if Vivado was
        not run there.

    Raises
    ------
    NoCircuit
        If the Verilog project says that there is no circuit.
    RuntimeError
        If it was run and left no complete reports.
    """
    circuit = Circuit.load(project) if (Path(project) / "circuit.json").is_file() else None
    timing, utilisation = vendor_reports(project)
    if not timing.parent.is_dir():
        return None
    for report in (timing, utilisation):
        if not report.is_file():
            raise RuntimeError(
                f"Vivado did not get as far as {report}; see vivado.log where it ran, and run again: "
                f"{vivado_command(project)}"
            )
    measured = {**_read_timing(timing), **_read_utilisation(utilisation)}
    if circuit is not None:
        cycles = circuit.stages
        measured |= {"latency_cycles": cycles, "latency_ns": round(cycles * measured["clock_period_ns"], 6)}
    return {**measured, "origin": _origin(measured)}


def vendor_reports(project: str | Path) -> tuple[Path, Path]:
    """Return where Vivado leaves its reports of timing and of utilisation, whether they are there or not."""
    reports = Path(project) / f"output_{TOP}" / "reports"
    return reports / f"{TOP}_post_route_timing.rpt", reports / f"{TOP}_post_route_util.rpt"


def vivado_command(project: str | Path) -> str:
    """Return the command that places and routes a project and leaves the reports that are collected."""
    script = "build_vivado_prj.tcl" if (Path(project) / "build_vivado_prj.tcl").is_file() else HLS_SCRIPT
    return f"cd {project} && vivado -mode batch -source {script}"


def write_hls_script(project: str | Path) -> None:
    """Write the Tcl script with which Vivado places and routes an hls4ml project after its C synthesis.

    hls4ml's own scripts end with logic synthesis.

    Parameters
    ----------
    project
        The hls4ml project; its ``project.tcl`` names the part and the clock.
    """
    (Path(project) / HLS_SCRIPT).write_text(
        f"""# Places and routes what C synthesis made of this project (vitis-run --mode hls --tcl build_prj.tcl) and
# reports what came of it; run it in this folder: vivado -mode batch -source {HLS_SCRIPT}
set folder [file normalize [file dirname [info script]]]
source [file join $folder project.tcl]
set verilog [file join $folder ${{project_name}}_prj solution1 syn verilog]
if {{ ![file isdirectory $verilog] }} {{
    puts "ERROR: $verilog is not there; run C synthesis first"
    exit 1
}}
set reports [file join $folder output_${{project_name}} reports]
file mkdir $reports

add_files $verilog
synth_design -top $project_name -part $part -mode out_of_context
create_clock -period $clock_period -name sys_clk [get_ports ap_clk]
set_clock_uncertainty -setup [expr {{{CLOCK_UNCERTAINTY} * $clock_period}}] [get_clocks sys_clk]
opt_design
place_design
phys_opt_design
route_design
report_timing_summary -file [file join $reports ${{project_name}}_post_route_timing.rpt]
report_utilization -file [file join $reports ${{project_name}}_post_route_util.rpt]
"""
    )


def _read_timing(report: Path) -> dict[str, Any]:
    text = report.read_text(errors="replace")
    summary = text[max(0, text.find("Design Timing Summary")) :]
    rule, _, values = _table_after(summary, "WNS(ns)", report)
    slacks = dict(zip(re.split(r"\s{2,}", rule.strip()), values.split(), strict=False))
    period = re.search(r"^Clock\s+Waveform.*\n-.*\n\S+\s+\{[^}]*\}\s+([\d.]+)", text, re.MULTILINE)
    if period is None:
        raise RuntimeError(f"{report}: its clock summary names no clock")
    try:
        setup, hold, pulse = (float(slacks[f"{name}(ns)"]) for name in ("WNS", "WHS", "WPWS"))
    except (KeyError, ValueError):
        raise RuntimeError(f"{report}: its timing summary has no slacks (no constrained path?)") from None
    target = float(period.group(1))
    return {
        "tool": _field(text, r"\| Tool Version\s*:\s*(Vivado v\.?\S+)", report),
        "clock_period_ns": target,
        "setup_slack_ns": setup,
        "hold_slack_ns": hold,
        "achieved_clock_period_ns": round(target - setup, 6),
        "meets_target": min(setup, hold, pulse) >= 0,
    }


def _table_after(text: str, head: str, report: Path) -> tuple[str, str, str]:
    lines = [line for line in text.splitlines() if line.strip()]
    for number, line in enumerate(lines[:-2]):
        if head in line:
            return line, lines[number + 1], lines[number + 2]
    raise RuntimeError(f"{report}: there is no table with {head}; is it the report of report_timing_summary?")


def _read_utilisation(report: Path) -> dict[str, Any]:
    text = report.read_text(errors="replace")
    if not re.search(r"\| Design State\s*:\s*.*Routed", text):
        raise RuntimeError(f"{report}: it is not of a routed design")
    used = {name: float(_field(text, rf"^\|\s*{row}\s*\|\s*([\d.]+)\s*\|", report)) for name, row in _ROWS.items()}
    return {
        "part": _field(text, r"\| Device\s*:\s*(\S+)", report),
        **{name: round(used[name]) for name in ("lut", "ff", "dsp")},
        "bram": round(2 * used["bram"]),
    }


def _field(text: str, pattern: str, report: Path) -> str:
    found = re.search(pattern, text, re.MULTILINE)
    if found is None:
        raise RuntimeError(f"{report}: nothing in it fits {pattern!r}")
    return found.group(1)


def _origin(measured: dict[str, Any]) -> dict[str, str]:
    routed = f"{measured['tool']}'s report of the placed and routed circuit, alone on the part (out of context)"
    slack = f"{routed}; the worst over all paths, with {CLOCK_UNCERTAINTY:.0%} of the period kept in reserve for setup"
    origin = {
        **dict.fromkeys(_ROWS, routed),
        "clock_period_ns": "the clock constraint that the circuit was placed and routed for",
        "setup_slack_ns": slack,
        "hold_slack_ns": f"{routed}; the worst over all paths",
        "achieved_clock_period_ns": "the constraint less the worst setup slack, the reserve kept",
    }
    if "latency_cycles" in measured:
        origin["latency_cycles"] = "the number of pipeline stages"
        origin["latency_ns"] = "cycles times the clock constraint"
    return origin

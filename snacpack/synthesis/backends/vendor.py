"""The vendor's backends: Vitis HLS or Vivado HLS on the hls4ml project, C and logic synthesis."""

import re
import shutil
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from snacpack.synthesis.backends import Numbers, vendor_tool
from snacpack.synthesis.processes import log_end, run_tool

# What hls4ml's build() sets: C synthesis and logic synthesis, and nothing that simulates.
BUILD_OPTIONS = {
    "reset": 0,
    "csim": 0,
    "synth": 1,
    "cosim": 0,
    "validation": 0,
    "export": 0,
    "vsynth": 1,
    "fifo_opt": 0,
}
REPORT_PATTERNS = ("vivado_synth.rpt", "*_prj/*/syn/report/*_csynth.rpt", "*_prj/*/syn/report/*_csynth.xml")
NO_LICENCE = re.compile(
    r"licen[cs]e.{0,80}(not found|failed|unavailable|expired|could not|cannot|missing)|"
    r"(no|without|failed to (obtain|acquire)|cannot find) (a )?(valid )?licen[cs]e",
    re.IGNORECASE,
)


def build_with_vendor(backend: str, project: str | Path, reports: str | Path, timeout_s: float) -> Numbers:
    """Run C and logic synthesis of an hls4ml project in a copy of it, and read the reports.

    Parameters
    ----------
    backend
        ``vitis`` or ``vivado``.
    project
        Folder of :func:`snacpack.synthesis.hls.build_hls_project`; it is left as it is.
    reports
        Folder that gets the tool's log and reports.
    timeout_s
        Longest time, in seconds.

    Raises
    ------
    RuntimeError
        If the tool is not there, fails, has no licence, takes too long or leaves no report; the message ends with
        its log's last lines.
    """
    tool = vendor_tool(backend)
    if tool is None:
        raise RuntimeError(f"the tool of backend {backend!r} is no longer on PATH; source the vendor's settings64.sh")
    Path(reports).mkdir(parents=True, exist_ok=True)
    log = Path(reports) / "build.log"
    with tempfile.TemporaryDirectory(prefix="snacpack_vendor_") as temporary:
        work = Path(temporary) / "hls"
        shutil.copytree(project, work)
        try:
            run_tool(_command(tool, work), work, log, timeout_s)
        except RuntimeError as error:
            raise RuntimeError(_with_licence_hint(str(error), log)) from None
        finally:
            for pattern in REPORT_PATTERNS:
                for path in work.glob(pattern):
                    shutil.copy(path, reports)
        return read_vendor_reports(work, log, backend)


def read_vendor_reports(project: str | Path, log: str | Path, backend: str) -> Numbers:
    """Read the reports of a built hls4ml project by hls4ml's own parser.

    Raises
    ------
    RuntimeError
        If one of the two reports is missing or incomplete.
    """
    from hls4ml.report import parse_vivado_report

    try:
        report = parse_vivado_report(str(project)) or {}
    except (IndexError, AttributeError, KeyError, SyntaxError) as error:
        raise RuntimeError(
            _with_licence_hint(f"the build left no readable report ({error!r}).{log_end(log)}", log)
        ) from None
    for name, what in (("CSynthesisReport", "C synthesis"), ("VivadoSynthReport", "logic synthesis")):
        if not report.get(name):
            raise RuntimeError(_with_licence_hint(f"the {what} left no report.{log_end(log)}", log))
    try:
        return _numbers(report["CSynthesisReport"], report["VivadoSynthReport"], _tool_name(backend, log))
    except (KeyError, ValueError) as error:
        raise RuntimeError(f"the reports lack a number ({error}).{log_end(log)}") from None


def _numbers(c_synthesis: Mapping[str, Any], logic_synthesis: Mapping[str, Any], tool: str) -> Numbers:
    resources = {
        "lut": int(logic_synthesis["LUT"]),
        "ff": int(logic_synthesis["FF"]),
        "dsp": int(logic_synthesis["DSP48E"]),
        # hls4ml calls it BRAM_18K, but what Vivado counts there are tiles of 36 kb, halves included.
        "bram": round(2 * float(logic_synthesis["BRAM_18K"])),
    }
    logic = f"{tool}'s utilisation report after logic synthesis, not placed and routed"
    timing = f"{tool}'s C synthesis report"
    period, target = (float(c_synthesis[f"{which}ClockPeriod"]) for which in ("Estimated", "Target"))
    origin = {
        **dict.fromkeys(("lut", "ff", "dsp"), logic),
        "bram": f"{logic}; block RAM tiles, each two blocks of 18 kb",
        "latency_cycles": f"{timing}, the worst case",
        "ii_cycles": f"{timing}, the largest interval",
        "timing": f"{timing}, an estimate that no placing and routing confirms",
    }
    cycles, interval = int(c_synthesis["WorstLatency"]), int(c_synthesis["IntervalMax"])
    clock = {"estimated_clock_period_ns": period, "meets_target": period <= target}
    return Numbers(tool, cycles, interval, resources, origin, timing=clock)


def _command(tool: str, work: Path) -> list[str]:
    options = BUILD_OPTIONS.items()
    if Path(tool).name == "vivado_hls":
        return [tool, "-f", "build_prj.tcl", " ".join(f"{name}={value}" for name, value in options)]
    lines = "\n".join(f"    {name} {value}" for name, value in options)
    (work / "build_opt.tcl").write_text(f"array set opt {{\n{lines}\n}}\n")
    if Path(tool).name == "vitis_hls":
        return [tool, "-f", "build_prj.tcl"]
    return [tool, "--mode", "hls", "--tcl", "build_prj.tcl"]


def _with_licence_hint(message: str, log: str | Path) -> str:
    text = Path(log).read_text(errors="replace") if Path(log).is_file() else ""
    if NO_LICENCE.search(text):
        return f"there seems to be no licence for the tool or the part; check XILINXD_LICENSE_FILE. {message}"
    return message


def _tool_name(backend: str, log: str | Path) -> str:
    text = Path(log).read_text(errors="replace") if Path(log).is_file() else ""
    # The banner, wherever it stands: paths of other versions may come before it.
    patterns = (r"^.*\b(?:Vitis|Vivado)\b.*\bv(20\d\d\.\d)\b", r"\bv(20\d\d\.\d)", r"\b(20\d\d\.\d)\b")
    version = next(filter(None, (re.search(pattern, text, re.MULTILINE) for pattern in patterns)), None)
    return f"{backend.capitalize()} HLS" + (f" {version.group(1)}" if version else "")

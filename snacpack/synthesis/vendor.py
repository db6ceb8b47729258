"""C and logic synthesis of the hls4ml project by AMD's tools, and their reports: the part that both backends share."""

import re
import shutil
import tempfile
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from snacpack.synthesis.backend import Numbers, Synthesis
from snacpack.synthesis.processes import log_end, run_tool

REMEDY = "source the settings64.sh of AMD's tools"

# Options of hls4ml's build(): C synthesis and logic synthesis, and nothing that simulates.
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


def build_with_vendor(
    name: str, program: str | None, command: Callable[[str, Path], Sequence[str]], job: Synthesis
) -> Numbers:
    """Run C and logic synthesis of an hls4ml project in a copy of it, and read the reports.

    Parameters
    ----------
    name
        The tool in reports, such as ``Vitis HLS``.
    program
        Its path.
    command
        Returns the command that runs it in a copy of the project, of its path and the copy's folder.
    job
        The hls4ml project, the folder that gets the tool's log and reports, and the longest time.

    Raises
    ------
    RuntimeError
        If the tool fails, has no licence, takes too long or leaves no report; the message ends with its log's last
        lines.
    """
    Path(job.reports).mkdir(parents=True, exist_ok=True)
    log = Path(job.reports) / "build.log"
    with tempfile.TemporaryDirectory(prefix="snacpack_vendor_") as temporary:
        work = Path(temporary) / "hls"
        shutil.copytree(job.hls, work)
        try:
            run_tool(command(program, work), work, log, job.timeout_s)
        except RuntimeError as error:
            raise RuntimeError(_with_licence_hint(str(error), log)) from None
        finally:
            for pattern in REPORT_PATTERNS:
                for path in work.glob(pattern):
                    shutil.copy(path, job.reports)
        return read_vendor_reports(work, log, name)


def read_vendor_reports(project: str | Path, log: str | Path, name: str) -> Numbers:
    """Read the reports of a built hls4ml project by hls4ml's own parser.

    Parameters
    ----------
    project, log
        The project's folder and the log of its build.
    name
        The tool in reports, such as ``Vitis HLS``.

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
    for part, what in (("CSynthesisReport", "C synthesis"), ("VivadoSynthReport", "logic synthesis")):
        if not report.get(part):
            raise RuntimeError(_with_licence_hint(f"the {what} left no report.{log_end(log)}", log))
    try:
        return _numbers(report["CSynthesisReport"], report["VivadoSynthReport"], _with_version(name, log))
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


def _with_licence_hint(message: str, log: str | Path) -> str:
    text = Path(log).read_text(errors="replace") if Path(log).is_file() else ""
    if NO_LICENCE.search(text):
        return f"there seems to be no licence for the tool or the part; check XILINXD_LICENSE_FILE. {message}"
    return message


def _with_version(name: str, log: str | Path) -> str:
    text = Path(log).read_text(errors="replace") if Path(log).is_file() else ""
    # The banner, wherever it stands: paths of other versions may come before it.
    patterns = (r"^.*\b(?:Vitis|Vivado)\b.*\bv(20\d\d\.\d)\b", r"\bv(20\d\d\.\d)", r"\b(20\d\d\.\d)\b")
    version = next(filter(None, (re.search(pattern, text, re.MULTILINE) for pattern in patterns)), None)
    return name + (f" {version.group(1)}" if version else "")

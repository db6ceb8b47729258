"""``report.json``: a model's hardware numbers, each with where it comes from."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from snacpack.files import read_json
from snacpack.synthesis.backends import Numbers
from snacpack.synthesis.backends.open import count_resources, map_circuit, read_paths
from snacpack.synthesis.backends.vendor import build_with_vendor
from snacpack.synthesis.devices import available_resources
from snacpack.synthesis.rtl import Circuit
from snacpack.synthesis.timing import CLOCK_UNCERTAINTY, estimate_timing

RESOURCES = ("dsp", "lut", "ff", "bram")
NUMBERS = ("latency_cycles", "latency_ns", "ii_cycles", "ii_ns", *RESOURCES)


def synthesise(
    backend: str,
    hls: str | Path,
    rtl: str | Path,
    reports: str | Path,
    part: str,
    clock_period_ns: float,
    available: Mapping[str, int] | None,
    measured_latency: int | None,
    threads: int,
    timeout_s: float,
) -> dict[str, Any]:
    """Synthesise a model and return the content of its ``report.json``, but for the model's name and scheme.

    Parameters
    ----------
    backend
        ``open``, ``vitis`` or ``vivado``.
    hls, rtl
        The hls4ml project, and the Verilog project.
    reports
        Folder for the tool's own reports and logs.
    part, clock_period_ns
        The FPGA and the target clock period.
    available
        ``synthesis.available``, or None for a part of the list.
    measured_latency
        Cycles that the simulation of the Verilog measured; None where it did not.
    threads
        Processes at a time.
    timeout_s
        Longest time for the tools, in seconds.

    Raises
    ------
    RuntimeError
        If the tool fails; the message ends with its log's last lines.
    """
    circuit = Circuit.load(rtl)
    if backend == "open":
        numbers = _open_numbers(circuit, rtl, reports, part, clock_period_ns, measured_latency, threads, timeout_s)
    else:
        numbers = build_with_vendor(backend, hls, reports, timeout_s)
    report = _report(backend, numbers, circuit, part, clock_period_ns, available_resources(part, available))
    return {**report, "hls4ml": _hls4ml(hls), "failure": None}


def report_no_circuit(backend: str, hls: str | Path, part: str, clock_period_ns: float, reason: str) -> dict[str, Any]:
    """Return the content of ``report.json`` of a network that no circuit is built of, but for its name and scheme.

    Parameters
    ----------
    backend, hls, part, clock_period_ns
        As for :func:`synthesise`.
    reason
        Why there is none: ``failure``. All numbers are None.
    """
    numbers = [*NUMBERS, *(f"{name}_percent" for name in RESOURCES), "tool", "cells", "timing", "estimates"]
    asked = {"backend": backend, "part": part, "clock_period_ns": clock_period_ns}
    return {**dict.fromkeys(numbers), **asked, "hls4ml": _hls4ml(hls), "origin": {}, "failure": reason}


def _hls4ml(hls: str | Path) -> dict[str, Any]:
    """Return what hls4ml's project has for reuse factors: the one asked for, and each dense layer's."""
    project = read_json(Path(hls) / "project.json")
    # A project of an older version does not say what was written.
    return {name: project.get(name) for name in ("reuse_factor", "reuse_factors")}


def _open_numbers(
    circuit: Circuit,
    rtl: str | Path,
    reports: str | Path,
    part: str,
    clock_period_ns: float,
    measured_latency: int | None,
    threads: int,
    timeout_s: float,
) -> Numbers:
    if measured_latency != circuit.stages:
        raise RuntimeError(
            f"the simulation of {rtl} measured a latency of {measured_latency} cycles and the pipeline has "
            f"{circuit.stages} stages; see verification.json, and rerun build_rtl and verify_model"
        )
    cells, yosys = map_circuit(rtl, part, reports, threads, timeout_s)
    tool = f"da4ml {circuit.da4ml}, {yosys.name}"
    mapped = f"{yosys.name}, which mapped da4ml's Verilog to 6-input LUTs, carry chains and flip-flops"
    counted = f"counted by {mapped}; not placed and routed"
    origin = {
        "lut": f"LUT1 to LUT6 and inverters, {counted}; LUTs that share a site are counted apart",
        "ff": f"flip-flops, {counted}; the registers at input and output are included",
        "dsp": f"none by construction: da4ml multiplies by shifting and adding ({mapped})",
        "bram": f"none by construction: tables become LUTs ({mapped})",
        "latency_cycles": "clock edges from the one that takes the inputs in to the one after which its logits are in "
        "the output register: the number of pipeline stages, measured in the simulation of the Verilog",
        "ii_cycles": "the pipeline takes new inputs at every clock edge, as the simulation of the Verilog did",
    }
    timing = estimate_timing(read_paths(reports), clock_period_ns, part)
    origin["timing"] = _timing_origin(timing, clock_period_ns, yosys.name)
    return Numbers(tool, circuit.stages, 1, count_resources(cells), origin, cells, timing)


def _timing_origin(timing: Mapping[str, Any], clock_period_ns: float, yosys: str) -> str:
    missed = "" if timing["meets_target"] else f"; it misses the target of {clock_period_ns:g} ns"
    return (
        f"an estimate that no placing and routing confirms{missed}: the longest path of every stage through the cells "
        f"that {yosys} mapped it to, with the delays of {timing['delays']} cells that docs/hardware.md gives and an "
        f"assumed one for every wire between slices, and {CLOCK_UNCERTAINTY:.0%} of the period in reserve. Vivado has "
        "still to confirm the wires, above all those with many readers and those across the chip"
    )


def _report(
    backend: str, numbers: Numbers, circuit: Circuit, part: str, clock_period_ns: float, available: Mapping[str, int]
) -> dict[str, Any]:
    in_ns = f"in cycles, times the target clock period of {clock_period_ns:g} ns, which no placing and routing confirms"
    percent = {f"{name}_percent": 100 * numbers.resources[name] / available[name] for name in RESOURCES}
    shares = {f"{name}_percent": f"{name} of the part's {available[name]}" for name in RESOURCES}
    return {
        "backend": backend,
        "tool": numbers.tool,
        "part": part,
        "clock_period_ns": clock_period_ns,
        "latency_cycles": numbers.latency_cycles,
        "latency_ns": round(numbers.latency_cycles * clock_period_ns, 6),
        "ii_cycles": numbers.ii_cycles,
        "ii_ns": round(numbers.ii_cycles * clock_period_ns, 6),
        **{name: numbers.resources[name] for name in RESOURCES},
        **percent,
        "cells": None if numbers.cells is None else dict(numbers.cells),
        "timing": None if numbers.timing is None else dict(numbers.timing),
        "estimates": {
            "da4ml": {"lut": circuit.estimated_lut, "ff": circuit.estimated_ff, "stages": circuit.stages},
        },
        "origin": {
            **numbers.origin,
            **shares,
            "latency_ns": f"latency {in_ns}",
            "ii_ns": f"interval {in_ns}",
            "estimates": f"da4ml {circuit.da4ml}'s own estimate of its Verilog, before any synthesis",
        },
    }

"""``report.json``: a model's hardware numbers, each with where it comes from."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from snacpack.core.files import read_json
from snacpack.synthesis.backend import Numbers, Synthesis
from snacpack.synthesis.devices import RESOURCES, available_resources
from snacpack.synthesis.registry import find_backend, missing_tool

NUMBERS = ("latency_cycles", "latency_ns", "ii_cycles", "ii_ns", *RESOURCES)


def synthesise(backend: str, job: Synthesis, available: Mapping[str, int] | None) -> dict[str, Any]:
    """Synthesise a model and return the content of its ``report.json``, but for the model's name and scheme.

    Parameters
    ----------
    backend
        The name of a backend.
    job
        The circuit; its folder of reports need not exist.
    available
        ``synthesis.available``, or None for a part of the list.

    Raises
    ------
    RuntimeError
        If the tool is not there or fails; the message of a tool that ran ends with its log's last lines.
    """
    lacking = missing_tool(backend)
    if lacking:
        raise RuntimeError(lacking)
    # A backend need not write reports of its own, but a rule gives their folder.
    job.reports.mkdir(parents=True, exist_ok=True)
    numbers = find_backend(backend).synthesise(job)
    report = _report(backend, numbers, job, available_resources(job.part, available))
    return {**report, "hls4ml": _hls4ml(job.hls), "failure": None}


def report_no_circuit(backend: str, hls: str | Path, part: str, clock_period_ns: float, reason: str) -> dict[str, Any]:
    """Return the content of ``report.json`` of a network that no circuit is built of, but for its name and scheme.

    Parameters
    ----------
    backend
        The name of a backend.
    hls, part, clock_period_ns
        As :class:`snacpack.synthesis.backend.Synthesis` has them.
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


def _report(backend: str, numbers: Numbers, job: Synthesis, available: Mapping[str, int]) -> dict[str, Any]:
    circuit, clock_period_ns = job.circuit, job.clock_period_ns
    in_ns = f"in cycles, times the target clock period of {clock_period_ns:g} ns, which no placing and routing confirms"
    percent = {f"{name}_percent": 100 * numbers.resources[name] / available[name] for name in RESOURCES}
    shares = {f"{name}_percent": f"{name} of the part's {available[name]}" for name in RESOURCES}
    return {
        "backend": backend,
        "tool": numbers.tool,
        "part": job.part,
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

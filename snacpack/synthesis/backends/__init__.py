"""The tools that turn a project into counts of LUTs and registers, and which of them there are."""

import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

# Vitis HLS is called vitis-run since 2023.2 and was vitis_hls before.
VENDOR_TOOLS = {"vitis": ("vitis-run", "vitis_hls"), "vivado": ("vivado_hls",)}
BACKENDS = ("vitis", "vivado", "open")


@dataclass(frozen=True)
class Numbers:
    """What a backend says about a circuit.

    Parameters
    ----------
    tool
        Name and version.
    latency_cycles, ii_cycles
        Clock cycles from a jet to its logits, and from one jet to the next.
    resources
        ``dsp``, ``lut``, ``ff``, ``bram`` (18 kb blocks).
    origin
        For each of them, and for the two cycles, a sentence.
    cells
        Counts by cell type, if the tool gives them.
    timing
        What the tool lets one say about the clock.
    """

    tool: str
    latency_cycles: int
    ii_cycles: int
    resources: Mapping[str, float]
    origin: Mapping[str, str]
    cells: Mapping[str, int] | None = None
    timing: Mapping[str, Any] | None = None


def vendor_tool(backend: str) -> str | None:
    """Return the path of a vendor backend's HLS tool, or None if none is on PATH."""
    return next(filter(None, map(shutil.which, VENDOR_TOOLS[backend])), None)


def missing_tool(backend: str) -> str | None:
    """Return what is wrong with asking for a backend here, or None if it can run.

    Parameters
    ----------
    backend
        ``auto``, ``open``, ``vitis`` or ``vivado``.
    """
    if backend == "auto":
        return None
    if backend not in BACKENDS:
        return f"{backend!r} is not one of auto, {', '.join(BACKENDS)}"
    if backend == "open" or vendor_tool(backend):
        return None
    names = " or ".join(VENDOR_TOOLS[backend])
    return f"{backend!r} needs {names} on PATH; source the settings64.sh of AMD's tools, or take 'open' or 'auto'"


def choose_backend(backend: str) -> str:
    """Return the backend that runs: what is asked for, or for ``auto`` the first vendor tool there is, else ``open``.

    Raises
    ------
    ValueError
        If the backend is unknown or its tool is not on PATH.
    """
    problem = missing_tool(backend)
    if problem:
        raise ValueError(f"synthesis.backend: {problem}")
    if backend != "auto":
        return backend
    return next((name for name in VENDOR_TOOLS if vendor_tool(name)), "open")

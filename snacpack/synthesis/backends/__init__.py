"""The tools that turn a project into counts of LUTs and registers, and which of them there are."""

import shutil

# Vitis HLS is called vitis-run since 2023.2 and was vitis_hls before.
VENDOR_TOOLS = {"vitis": ("vitis-run", "vitis_hls"), "vivado": ("vivado_hls",)}
BACKENDS = ("vitis", "vivado", "open")


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

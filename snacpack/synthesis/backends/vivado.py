"""AMD's Vivado HLS, the older tool, on the hls4ml project: C and logic synthesis."""

from pathlib import Path

from snacpack.synthesis.backend import Backend, Numbers, Synthesis
from snacpack.synthesis.vendor import BUILD_OPTIONS, REMEDY, build_with_vendor


def _command(program: str, work: Path) -> list[str]:
    return [program, "-f", "build_prj.tcl", " ".join(f"{name}={value}" for name, value in BUILD_OPTIONS.items())]


def _synthesise(job: Synthesis) -> Numbers:
    return build_with_vendor("Vivado HLS", BACKEND.program(), _command, job)


BACKEND = Backend(
    "vivado",
    "AMD's Vivado HLS and logic synthesis",
    hls4ml="Vivado",
    note="Backend vivado: numbers of AMD's Vivado HLS and logic synthesis, read from its reports. The circuit was "
    "not placed and routed: timing closure at this clock is not shown.",
    synthesise=_synthesise,
    programs=("vivado_hls",),
    remedy=REMEDY,
    vendor=True,
    auto=2,
)

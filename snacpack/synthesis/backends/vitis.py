"""AMD's Vitis HLS on the hls4ml project, C and logic synthesis."""

from pathlib import Path

from snacpack.synthesis.backend import Backend, Numbers, Synthesis
from snacpack.synthesis.vendor import BUILD_OPTIONS, REMEDY, build_with_vendor


def _command(program: str, work: Path) -> list[str]:
    lines = "\n".join(f"    {name} {value}" for name, value in BUILD_OPTIONS.items())
    (work / "build_opt.tcl").write_text(f"array set opt {{\n{lines}\n}}\n")
    if Path(program).name == "vitis_hls":
        return [program, "-f", "build_prj.tcl"]
    return [program, "--mode", "hls", "--tcl", "build_prj.tcl"]


def _synthesise(job: Synthesis) -> Numbers:
    return build_with_vendor("Vitis HLS", BACKEND.program(), _command, job)


BACKEND = Backend(
    "vitis",
    "AMD's Vitis HLS and logic synthesis",
    hls4ml="Vitis",
    note="Backend vitis: numbers of AMD's Vitis HLS and logic synthesis, read from its reports. The circuit was "
    "not placed and routed: timing closure at this clock is not shown.",
    synthesise=_synthesise,
    # Vitis HLS is called vitis-run since 2023.2 and was vitis_hls before.
    programs=("vitis-run", "vitis_hls"),
    remedy=REMEDY,
    vendor=True,
    auto=1,
)

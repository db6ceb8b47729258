"""The configuration's section ``synthesis``: circuits and their verification."""

from collections.abc import Iterable
from typing import Annotated, Literal

from pydantic import Field

from snacpack.config.keys import Entry, Says, Section, key
from snacpack.config.types import Positive, ReuseFactor, Strategy


def _backends() -> Iterable[str]:
    from snacpack.synthesis.registry import AUTO, all_backends

    return [AUTO, *all_backends()]


def _describe_backends() -> str:
    from snacpack.synthesis.registry import describe_choices

    return describe_choices()


class Available(Section):
    """Resources of a part."""

    lut: Positive = key(..., "LUTs")
    ff: Positive = key(..., "flip-flops")
    dsp: Positive = key(..., "DSPs")
    bram: Positive = key(..., "blocks of RAM of 18 kbit")


class Synthesis(Section):
    """From a compressed network to a circuit."""

    backend: Annotated[str, Entry(_backends, _describe_backends)] = key(
        "auto", "tools that make the circuit, one of the [backends](#backends)"
    )
    part: Annotated[
        str,
        Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9_-]{0,99}$"),
        Says("letters, digits, _ and -, e.g. xcu250-figd2104-2L-e or xc7z020clg400-1"),
    ] = key(
        "xcvu13p-flga2577-2-e",
        "the FPGA by its name in Vivado",
        "It is the name that Vivado's `get_parts` lists, letter by letter. Another spelling is refused, with the "
        "right one where it can be told. Parts of the 7 series, UltraScale and UltraScale+ are known.",
    )
    available: Available | None = key(
        None,
        "resources of a part that is not in the built-in list",
        "A section with `lut`, `ff`, `dsp`, and `bram` in blocks of 18 kbit, for a part that is not in "
        "`snacpack/synthesis/devices.py`.",
    )
    clock_period_ns: Annotated[float, Field(gt=0, le=1000)] = key(5.0, "target clock period in ns, 5.0 for 200 MHz")
    io_type: Literal["io_parallel", "io_stream"] = key("io_parallel", "how data enter the hls4ml project")
    strategy: Strategy = key("latency", "hls4ml's strategy for the project", "The open flow is always fully parallel.")
    reuse_factor: ReuseFactor = key(
        1,
        "multiplications of the hls4ml project that share a multiplier",
        "With strategy `resource`, hls4ml replaces a reuse factor that does not fit a layer by the nearest that does: "
        "the factors written stand in `project.json`, `report.json` and table 3, and a run names the references "
        "concerned at its start.",
    )
    n_verification_jets: Positive = key(10_000, "test examples through QONNX, hls4ml's C simulation and da4ml's logic")
    n_rtl_jets: Positive = key(10_000, "test examples through the simulated Verilog")
    timeout_minutes: Annotated[float, Field(gt=0, le=1_000_000)] = key(
        240, "longest time that one model's synthesis may take, in minutes"
    )

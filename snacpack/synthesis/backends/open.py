"""The open backend: da4ml's Verilog, mapped by Yosys to the part's cells."""

from collections.abc import Mapping
from typing import Any

from snacpack.synthesis.backend import Backend, Numbers, Synthesis
from snacpack.synthesis.mapping import count_resources, map_circuit, read_paths
from snacpack.synthesis.timing import CLOCK_UNCERTAINTY, estimate_timing


def _synthesise(job: Synthesis) -> Numbers:
    circuit = job.circuit
    if job.measured_latency != circuit.stages:
        raise RuntimeError(
            f"the simulation of {job.rtl} measured a latency of {job.measured_latency} cycles and the pipeline has "
            f"{circuit.stages} stages; see verification.json, and rerun build_rtl and verify_model"
        )
    cells, yosys = map_circuit(job.rtl, job.part, job.reports, job.threads, job.timeout_s)
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
    timing = estimate_timing(read_paths(job.reports), job.clock_period_ns, job.part)
    origin["timing"] = _timing_origin(timing, job.clock_period_ns, yosys.name)
    return Numbers(tool, circuit.stages, 1, count_resources(cells), origin, cells, timing)


def _timing_origin(timing: Mapping[str, Any], clock_period_ns: float, yosys: str) -> str:
    missed = "" if timing["meets_target"] else f"; it misses the target of {clock_period_ns:g} ns"
    return (
        f"an estimate that no placing and routing confirms{missed}: the longest path of every stage through the cells "
        f"that {yosys} mapped it to, with the delays of {timing['delays']} cells that docs/hardware.md gives and an "
        f"assumed one for every wire between slices, and {CLOCK_UNCERTAINTY:.0%} of the period in reserve. Vivado has "
        "still to confirm the wires, above all those with many readers and those across the chip"
    )


BACKEND = Backend(
    "open",
    "da4ml and Yosys",
    hls4ml="Vitis",
    note="Backend open: pipelined Verilog from da4ml, mapped by Yosys to 6-input LUTs, carry chains and flip-flops, "
    "in the same way for every AMD part; LUT and FF are counts of these cells. DSP and BRAM are zero by construction: "
    "the mapping never uses them. Cycles are pipeline stages, and nanoseconds are cycles times the clock period asked "
    "for. Nothing was placed and routed: that the circuit closes timing at this clock is not shown.",
    synthesise=_synthesise,
    tools=("yosys",),
    auto=3,
)

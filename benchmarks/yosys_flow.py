"""Measure the ways of mapping a circuit with Yosys against each other, in one run on one circuit.

Usage: python benchmarks/yosys_flow.py [--widths 24,64,32,16,32,32,5] [--threads 2]

The circuit is a network of random 8-bit weights, half of them zero. Times are the processor's, of all Yosys processes:
what one core would take. The table is printed and written to benchmarks/results/yosys_flow.json.
"""

import argparse
import os
import tempfile
from itertools import pairwise
from pathlib import Path

import numpy as np
from machine import describe_machine

from snacpack.core.files import write_json
from snacpack.networks.grid import Quantizer
from snacpack.networks.integers import FixedPointNetwork
from snacpack.networks.operations.dense import Dense
from snacpack.networks.operations.quantize import Quantize
from snacpack.networks.operations.relu import Relu
from snacpack.synthesis.mapping import STAGE_FLOW, count_resources, map_circuit
from snacpack.synthesis.rtl import build_rtl

PART = "xcvu13p-flga2577-2-e"
RESULT = Path(__file__).parent / "results" / "yosys_flow.json"
DEFAULT_FLOW = "default"
FLOWS = {
    DEFAULT_FLOW: STAGE_FLOW,
    # What `synth_xilinx` does and this flow leaves out: successive additions become 3:2 compressors.
    "with alumacc": STAGE_FLOW.replace("    opt_expr -fine\n", "    alumacc\n    opt_expr -fine\n"),
    # ABC as Yosys calls it, restructuring what is between the carry chains.
    "abc's own script": STAGE_FLOW.replace("abc -script {abc} -luts", "abc -luts"),
    # Yosys' own; tables become logic first, as da4ml asks for LUTs and these options would find none for them.
    "synth_xilinx": """
        hierarchy -check -top {top}
        proc
        flatten
        memory
        synth_xilinx -family {family} -flatten -noiopad -noclkbuf -nodsp -nosrl -top {top}
        setattr -unset src t:* w:*
        rename -enumerate
    """,
}


def random_network(widths: list[int], seed: int = 0) -> FixedPointNetwork:
    """Return a ReLU network of 8-bit weights, half of them zero."""
    rng = np.random.default_rng(seed)
    operations = []
    for n_in, n_out in pairwise(widths):
        weight = np.clip(np.round(rng.normal(0, 40, (n_out, n_in))), -127, 127).astype(np.int64)
        weight[rng.random(weight.shape) < 0.5] = 0
        bias = rng.integers(-500, 501, n_out)
        dense = Dense(weight, Quantizer(8, 7, True, True), bias, Quantizer(10, 11, True))
        operations += [dense, Relu(), Quantize(Quantizer(8, 5, False))]
    # The logits stay sums.
    return FixedPointNetwork.chain(Quantizer(8, 4, True), (widths[0],), operations[:-2])


def main() -> None:
    """Run every flow, print the table and write it."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--widths", default="24,64,32,16,32,32,5")
    parser.add_argument("--threads", type=int, default=2)
    options = parser.parse_args()
    widths = [int(width) for width in options.widths.split(",")]
    flows = {}
    with tempfile.TemporaryDirectory() as temporary:
        circuit = build_rtl(random_network(widths), Path(temporary) / "rtl", PART, 5.0)
        for flow, commands in FLOWS.items():
            start = os.times()
            cells, yosys = map_circuit(
                Path(temporary) / "rtl", PART, Path(temporary) / "reports", options.threads, flow=commands
            )
            end = os.times()
            seconds = end.children_user + end.children_system - start.children_user - start.children_system
            flows[flow] = {"cpu_seconds": round(seconds, 1), **count_resources(cells)}
    for numbers in flows.values():
        numbers["time_ratio"] = round(numbers["cpu_seconds"] / flows[DEFAULT_FLOW]["cpu_seconds"], 2)
        numbers["lut_ratio"] = round(numbers["lut"] / flows[DEFAULT_FLOW]["lut"], 3)
    estimate = {"lut": circuit.estimated_lut, "ff": circuit.estimated_ff, "stages": circuit.stages}
    columns = ("cpu_seconds", "time_ratio", "lut", "lut_ratio", "ff")
    print(f"{'flow':18}" + "".join(f"{column:>12}" for column in columns))
    for flow, numbers in flows.items():
        print(f"{flow:18}" + "".join(f"{numbers[column]:12}" for column in columns))
    print(f"da4ml's estimate: {estimate}")
    record = {"widths": widths, "threads": options.threads, "tool": yosys.name, "da4ml": estimate, "flows": flows}
    write_json({**record, "default": DEFAULT_FLOW, "machine": describe_machine()}, RESULT)


if __name__ == "__main__":
    main()

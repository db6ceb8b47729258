"""The fixed-point network as pipelined Verilog, written by da4ml: adders and wires, no multipliers."""

import decimal
import math
import multiprocessing
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from threadpoolctl import threadpool_limits

from snacpack.core.files import read_json, write_json
from snacpack.networks.integers import FixedPointNetwork, NoCircuit
from snacpack.synthesis.devices import parse_part
from snacpack.synthesis.pipelining import cut_pipeline

if TYPE_CHECKING:
    from da4ml.types import CombLogic, Pipeline

TOP = "snacpack_network"

# da4ml can try to write a layer's weights as a product of two matrices first, in every depth. That takes three to six
# times as long and found no smaller circuit for our networks (benchmarks/yosys_flow.py), so it is left out.
SOLVER_OPTIONS = {"search_all_decompose_dc": False}


@dataclass(frozen=True)
class Port:
    """One number on a bus of the circuit: ``bits`` wide, none if the circuit does not use it."""

    bits: int
    fraction_bits: int
    signed: bool


@dataclass(frozen=True)
class Circuit:
    """The circuit in a Verilog project.

    Parameters
    ----------
    top
        Name of the top module, with ports ``clk``, ``model_inp`` and ``model_out``.
    stages
        Pieces of logic between registers. There is a register in front of the first and behind the last, so that a
        jet taken in at one clock edge has its logits in the output register ``stages`` edges later.
    clock_period_ns, part
        The clock and the part that the pipeline was cut for.
    inputs, outputs
        The numbers on ``model_inp`` and ``model_out``, the first in the lowest bits.
    estimated_lut, estimated_ff
        da4ml's own estimates.
    da4ml
        Version of da4ml.
    """

    top: str
    stages: int
    clock_period_ns: float
    part: str
    inputs: tuple[Port, ...]
    outputs: tuple[Port, ...]
    estimated_lut: int
    estimated_ff: int
    da4ml: str

    @classmethod
    def load(cls, folder: str | Path) -> "Circuit":
        """Read the description of a project that :func:`build_rtl` wrote.

        Raises
        ------
        NoCircuit
            If :func:`write_no_circuit` wrote it.
        """
        fields = read_json(Path(folder) / "circuit.json")
        if fields.get("failure"):
            raise NoCircuit(fields["failure"])
        ports = {name: tuple(Port(**port) for port in fields[name]) for name in ("inputs", "outputs")}
        return cls(**{**fields, **ports})


def build_rtl(network: FixedPointNetwork, folder: str | Path, part: str, clock_period_ns: float) -> Circuit:
    """Write a network as a Verilog project that takes a jet at every clock.

    The circuit's input is the network's input grid: integers that are already rounded down and saturated.

    Parameters
    ----------
    network
        The network.
    folder
        Folder of the project, emptied first: ``src/`` (Verilog and constraints), ``model/`` (da4ml's own form),
        ``build_vivado_prj.tcl`` (synthesis, placing and routing by Vivado) and ``circuit.json``.
    part, clock_period_ns
        The FPGA and the clock for which the pipeline is cut.

    Raises
    ------
    NoCircuit
        If the logits do not depend on the input, or sums are wider than float64 adds exactly.
    """
    from da4ml import __version__
    from da4ml.codegen import RTLModel

    folder = Path(folder)
    shutil.rmtree(folder, ignore_errors=True)
    logic = trace(network)
    stages = pipeline(logic, clock_period_ns, part)
    with _exact_numbers():
        inputs, outputs = _ports(logic.inp_qint), _ports(logic.out_qint)
        model = RTLModel(
            stages, TOP, folder, flavor="verilog", print_latency=False, part_name=part, clock_period=clock_period_ns
        )
        model.write()
    logic.save(folder / "model" / "comb.json")
    circuit = Circuit(
        top=TOP,
        stages=len(stages.solutions),
        clock_period_ns=clock_period_ns,
        part=part,
        inputs=inputs,
        outputs=outputs,
        estimated_lut=round(logic.cost),
        estimated_ff=stages.reg_bits,
        da4ml=__version__,
    )
    write_json(asdict(circuit), folder / "circuit.json")
    return circuit


def write_no_circuit(reason: str, folder: str | Path) -> None:
    """Write the folder of a project that there is not: a ``circuit.json`` with the reason, and nothing else."""
    shutil.rmtree(folder, ignore_errors=True)
    write_json({"failure": reason}, Path(folder) / "circuit.json")


def trace(network: FixedPointNetwork) -> "CombLogic":
    """Return the circuit of a network before it is pipelined, in da4ml's form: what :func:`build_rtl` writes.

    ``logic.cost`` is da4ml's estimate of its LUTs. The result depends on the network alone, not on how many processes
    or threads are at work; in a worker process of `multiprocessing`, da4ml keeps to one thread.

    Raises
    ------
    NoCircuit
        If the logits do not depend on the input, or sums are wider than float64 adds exactly. A network some of whose
        logits or inputs are of no use is a circuit like any other.
    """
    from da4ml.trace import FixedVariableArrayInput, HWConfig, comb_trace

    network.check_sums()
    with _exact_numbers(), _one_thread_in_workers():
        inputs = FixedVariableArrayInput(network.shape, HWConfig(1, -1, -1), SOLVER_OPTIONS)
        on_grid = inputs.quantize(*network.input.kif)
        logic = comb_trace(inputs, network.walk(on_grid, lambda operation, *values: operation.trace(*values)))
        if not any(port.bits for port in _ports(logic.inp_qint)):
            raise NoCircuit(
                "its logits are the same for every input, because a layer has no weights left or never leaves zero"
            )
    return logic


def pipeline(logic: "CombLogic", clock_period_ns: float, part: str) -> "Pipeline":
    """Cut a circuit by registers, as :func:`build_rtl` does.

    ``len(p.solutions)`` of the result is its stages, ``p.reg_bits`` da4ml's estimate of its flip-flops.

    Parameters
    ----------
    logic
        Result of :func:`trace`.
    clock_period_ns, part
        The clock and the FPGA for which the pipeline is cut.
    """
    with _exact_numbers():
        return cut_pipeline(logic, clock_period_ns, parse_part(part).delays)


def run_interpreted(folder: str | Path, network: FixedPointNetwork, x: np.ndarray) -> np.ndarray:
    """Return the logits, (n, n_outputs) float64, of da4ml's interpreter of the circuit before it is pipelined."""
    from da4ml.types import CombLogic

    logic = CombLogic.load(Path(folder) / "model" / "comb.json")
    grid = np.ldexp(network.quantize(x).astype(np.float64), -network.input.fraction_bits)
    return logic.predict(grid.reshape(len(x), -1), n_threads=1)


def _ports(intervals: list[Any]) -> tuple[Port, ...]:
    from da4ml.types import minimal_kif

    kinds = [tuple(map(int, minimal_kif(interval))) for interval in intervals]
    return tuple(Port(max(0, sign + i + f), f, bool(sign)) for sign, i, f in kinds)


@contextmanager
def _exact_numbers() -> Iterator[None]:
    """Keep da4ml 0.6.0 exact for deep networks.

    While tracing, da4ml does not undo the power of two by which each layer's sums are finer than its inputs, so that
    from about the sixth layer on its internal integers stand for numbers beyond 2**32 or 2**93. There it looks for
    a constant's lowest bit only up to 2**32, which breaks saturation, and computes with 28 decimal digits, which
    makes a bias one unit too small. Both are widened here.
    """
    from da4ml.trace import fixed_variable, tracer

    modules = (fixed_variable, tracer)
    originals = [module._const_f for module in modules]
    try:
        for module in modules:
            module._const_f = _constant_fraction_bits
        with decimal.localcontext(prec=1000):
            yield
    finally:
        for module, original in zip(modules, originals, strict=True):
            module._const_f = original


@contextmanager
def _one_thread_in_workers() -> Iterator[None]:
    # A forked process that starts a second OpenMP thread waits for ever if its parent ever had one, and the workers
    # share the cores among them anyway.
    if multiprocessing.parent_process() is None:
        yield
        return
    with threadpool_limits(1, user_api="openmp"):
        yield


def _constant_fraction_bits(constant: float) -> int:
    mantissa, exponent = math.frexp(abs(float(constant)))
    if mantissa == 0:
        return -256
    integer = int(mantissa * 2**53)
    return 53 - exponent - ((integer & -integer).bit_length() - 1)

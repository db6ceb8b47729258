"""The fixed-point network as pipelined Verilog, written by da4ml: adders and wires, no multipliers."""

import decimal
import json
import math
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from snacpack.files import read_json, write_json
from snacpack.fixed_point import DenseLayer, FixedPointNetwork, Quantizer

if TYPE_CHECKING:
    from da4ml.types import CombLogic

TOP = "snacpack_network"

# da4ml counts delay in adders, one unit each. Its documentation's and its writer's own defaults pair five of them
# between registers with a clock period of 5 ns on a VU13P of speed grade 2, so one unit is taken as 1 ns, routing
# included. Nothing here is placed and routed: that the clock is reached is da4ml's experience, not a measurement.
NS_PER_ADDER = 1.0


@dataclass(frozen=True)
class Port:
    """One number on a bus of the circuit: ``bits`` wide, none if the circuit does not use it."""

    bits: int
    fraction_bits: int
    signed: bool


@dataclass(frozen=True)
class Circuit:
    """What a Verilog project holds.

    Parameters
    ----------
    top
        Name of the top module, with ports ``clk``, ``model_inp`` and ``model_out``.
    stages
        Pieces of logic between registers. There is a register in front of the first and behind the last, so that a
        jet taken in at one clock edge has its logits in the output register ``stages`` edges later.
    clock_period_ns, part
        What the pipeline was cut for.
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
        """Read the description of a project that :func:`build_rtl` wrote."""
        fields = read_json(Path(folder) / "circuit.json")
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
    ValueError
        If the logits do not depend on the input.
    """
    from da4ml import __version__
    from da4ml.codegen import RTLModel

    folder = Path(folder)
    shutil.rmtree(folder, ignore_errors=True)
    with _exact_numbers():
        logic = _trace(network)
        inputs, outputs = _ports(logic.inp_qint), _ports(logic.out_qint)
        if not any(port.bits for port in inputs):
            raise ValueError("the network's logits do not depend on its input (a layer without weights?): no circuit")
        model = RTLModel(
            logic,
            TOP,
            folder,
            flavor="verilog",
            latency_cutoff=max(1, int(clock_period_ns / NS_PER_ADDER)),
            print_latency=False,
            part_name=part,
            clock_period=clock_period_ns,
        )
        model.write()
    metadata = json.loads((folder / "metadata.json").read_text())
    circuit = Circuit(
        top=TOP,
        stages=metadata["latency"],
        clock_period_ns=clock_period_ns,
        part=part,
        inputs=inputs,
        outputs=outputs,
        estimated_lut=round(metadata["cost"]),
        estimated_ff=metadata["reg_bits"],
        da4ml=__version__,
    )
    write_json(asdict(circuit), folder / "circuit.json")
    return circuit


def run_interpreted(folder: str | Path, network: FixedPointNetwork, x: np.ndarray) -> np.ndarray:
    """Return the logits, (n, n_outputs) float64, of da4ml's interpreter of the circuit before it is pipelined."""
    from da4ml.types import CombLogic

    logic = CombLogic.load(Path(folder) / "model" / "comb.json")
    grid = np.ldexp(network.input.quantize(x).astype(np.float64), -network.input.fraction_bits)
    return logic.predict(grid, n_threads=1)


def _ports(intervals: list[Any]) -> tuple[Port, ...]:
    from da4ml.types import minimal_kif

    kinds = [tuple(map(int, minimal_kif(interval))) for interval in intervals]
    return tuple(Port(max(0, sign + i + f), f, bool(sign)) for sign, i, f in kinds)


def _trace(network: FixedPointNetwork) -> "CombLogic":
    from da4ml.trace import FixedVariableArrayInput, HWConfig, comb_trace

    inputs = FixedVariableArrayInput((network.layer_widths[0],), hwconf=HWConfig(1, -1, -1))
    values = inputs.quantize(*_bits(network.input))
    for layer in network.layers:
        weight = np.ldexp(layer.weight.T.astype(np.float64), -layer.weight_fraction_bits)
        values = values @ weight + np.ldexp(layer.bias.astype(np.float64), -layer.bias_fraction_bits)
        values = _activate(layer, values)
    return comb_trace(inputs, values)


def _activate(layer: DenseLayer, values: Any) -> Any:
    if layer.table is not None:
        values = values.quantize(*_bits(layer.table_input), overflow_mode=_overflow(layer.table_input))
        # The table's values are on the output's grid: quantising them only tells da4ml their precision.
        return values.apply(partial(_look_up, layer)).quantize(*_bits(layer.output), overflow_mode="SAT")
    if layer.output is None:
        return values
    if layer.activation == "relu":
        values = values.relu()
    return values.quantize(*_bits(layer.output), overflow_mode=_overflow(layer.output))


def _look_up(layer: DenseLayer, values: np.ndarray) -> np.ndarray:
    integers = np.floor(np.ldexp(values, layer.table_input.fraction_bits)).astype(np.int64)
    return np.ldexp(layer.table[integers - layer.table_input.minimum].astype(np.float64), -layer.output.fraction_bits)


def _bits(grid: Quantizer) -> tuple[int, int, int]:
    """Sign, integer and fraction bits, as da4ml counts them."""
    return int(grid.signed), grid.bits - grid.signed - grid.fraction_bits, grid.fraction_bits


def _overflow(grid: Quantizer) -> str:
    return "SAT_SYM" if grid.signed and grid.narrow else "SAT"


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


def _constant_fraction_bits(constant: float) -> int:
    mantissa, exponent = math.frexp(abs(float(constant)))
    if mantissa == 0:
        return -256
    integer = int(mantissa * 2**53)
    return 53 - exponent - ((integer & -integer).bit_length() - 1)

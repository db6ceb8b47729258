"""How long signals take: the longest path of every pipeline stage.

Placing and routing decide how fast a circuit runs, and they are the vendor's. Known without them are the cells on a
path, and what Vivado says that such cells take; how long the wires between them are is an assumption.
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any, NamedTuple

from snacpack.synthesis.devices import CELL_UNITS, MUXES, Delays, parse_part

# da4ml's constraints ask Vivado to keep this share of the clock period in reserve, so the estimate keeps it too.
CLOCK_UNCERTAINTY = 0.1

# As wide as the sums of a large layer of 8-bit numbers.
_WIDE_SUM_BITS = 24


def shortest_clock_period(part: str) -> float:
    """Return the clock period, in ns, below which not even the cells of one wide addition fit, wires left out."""
    delays = replace(parse_part(part).delays, net=0.0)
    path = delays.clock_to_q + delays.adder + _WIDE_SUM_BITS * delays.carry_bit + delays.setup
    return round(path / (1 - CLOCK_UNCERTAINTY), 2)


@dataclass(frozen=True)
class StagePath:
    """The longest path of one pipeline stage, from register to register.

    Parameters
    ----------
    stage
        Its number, from 0.
    lut_levels
        Look-up tables on it, those in front of a carry chain included.
    carry_bits
        Bits of carry chains that it runs along.
    nets
        Wires from slice to slice on it.
    logic_ns, routing_ns
        The time that its cells take, and the time that its wires are assumed to take.
    """

    stage: int
    lut_levels: int
    carry_bits: int
    nets: int
    logic_ns: float
    routing_ns: float

    @property
    def delay_ns(self) -> float:
        """Cells and wires together."""
        return self.logic_ns + self.routing_ns


class _Arrival(NamedTuple):
    """When a signal is there after the clock edge, over what it came, and the row of registers that it came from."""

    ns: float
    levels: int = 0
    bits: int = 0
    nets: int = 0
    row: int = -1

    def after(self, ns: float, levels: int = 0, bits: int = 0, nets: int = 0) -> "_Arrival":
        return _Arrival(self.ns + ns, self.levels + levels, self.bits + bits, self.nets + nets, self.row)


_CONSTANT = _Arrival(-1e9)
_CONSTANTS = ("$false", "$true", "$undef")
_OUTPUTS = {"O", "Q", *(f"{pin}[{bit}]" for pin in ("O", "CO") for bit in range(4))}

_Cell = tuple[str, dict[str, str]]


def estimate_timing(paths: Sequence[StagePath], clock_period_ns: float, part: str) -> dict[str, Any]:
    """Return what the longest paths say about the clock that a circuit supports.

    Parameters
    ----------
    paths
        The longest path of every stage.
    clock_period_ns
        The target.
    part
        The vendor's name of the FPGA.

    Returns
    -------
    dict
        ``estimated_clock_period_ns``; ``meets_target``; of the stage that decides it ``worst_stage``, ``lut_levels``,
        ``carry_bits``, ``logic_ns`` and ``routing_ns``; ``delays``, those of the part's family; and all ``stages``.
    """
    worst = max(paths, key=lambda path: path.delay_ns)
    period = round(worst.delay_ns / (1 - CLOCK_UNCERTAINTY), 3)
    deciding = asdict(worst)
    return {
        "estimated_clock_period_ns": period,
        "meets_target": period <= clock_period_ns,
        "worst_stage": deciding.pop("stage"),
        **deciding,
        "delays": parse_part(part).family.name,
        "stages": [asdict(path) for path in paths],
    }


def stage_paths(netlist: str | Path, delays: Delays) -> list[StagePath]:
    """Return the longest path of every pipeline stage of a mapped circuit, the first stage first.

    Parameters
    ----------
    netlist
        The flat circuit of LUTs, inverters, CARRY4s, MUXF7s, MUXF8s and FDREs, in BLIF as Yosys writes it. Its
        registers stand in rows: the first takes the inputs in, and stage i lies between rows i and i + 1.
    delays
        The delays of the parts.

    Raises
    ------
    ValueError
        If there is a cell of another kind, a signal that nothing drives, or signals run in a circle.
    """
    inputs, cells = _read_blif(Path(netlist))
    signals = _Signals(inputs, delays)
    through = {**dict.fromkeys(CELL_UNITS["lut"], signals.lut), **dict.fromkeys(MUXES, signals.mux)}
    through["CARRY4"] = signals.carry
    longest: dict[int, _Arrival] = {}
    for kind, pins in _in_order(cells, inputs):
        if kind == "FDRE":
            end = signals.register(pins)
            longest[end.row] = max(end, longest.get(end.row, end))
        elif kind in through:
            through[kind](pins)
        else:
            raise ValueError(f"{netlist}: it is not known what a cell {kind} takes")
    return [_stage_path(row, longest[row], delays) for row in sorted(longest) if row >= 0]


def _stage_path(stage: int, end: _Arrival, delays: Delays) -> StagePath:
    routing = end.nets * delays.net
    return StagePath(stage, end.levels, end.bits, end.nets, round(end.ns - routing, 3), round(routing, 3))


class _Signals:
    """When each signal arrives, and out of what it comes: in a slice, some need no wire."""

    def __init__(self, inputs: Iterable[str], delays: Delays) -> None:
        self._delays = delays
        self._arrivals = dict.fromkeys(inputs, _Arrival(0.0)) | dict.fromkeys(_CONSTANTS, _CONSTANT)
        self._from: dict[str, str] = {}

    def register(self, pins: Mapping[str, str]) -> _Arrival:
        """Let the register's output start, and return when its input arrives."""
        data = self._local(pins["D"], "lut", "sum").after(self._delays.setup)
        self._set(pins["Q"], _Arrival(self._delays.clock_to_q, row=data.row + 1), "register")
        return data

    def lut(self, pins: Mapping[str, str]) -> None:
        last = max(self._by_wire(signal) for pin, signal in pins.items() if pin != "O")
        self._set(pins["O"], last.after(self._delays.lut, levels=1), "lut")

    def mux(self, pins: Mapping[str, str]) -> None:
        last = max(*(self._local(pins[pin], "lut") for pin in ("I0", "I1")), self._by_wire(pins["S"]))
        self._set(pins["O"], last.after(self._delays.mux), "lut")

    def carry(self, pins: Mapping[str, str]) -> None:
        delays = self._delays
        chain = max(self._local(pins["CI"], "carry"), self._by_wire(pins["CYINIT"]).after(delays.carry_in))
        for bit in range(4):
            select = self._select(pins[f"S[{bit}]"])
            self._set(pins.get(f"O[{bit}]"), max(select, chain).after(delays.carry_out), "sum")
            entering = max(select, self._by_wire(pins[f"DI[{bit}]"])).after(delays.carry_in, bits=1)
            chain = max(chain.after(delays.carry_bit, bits=1), entering)
            self._set(pins.get(f"CO[{bit}]"), chain, "carry")

    def _select(self, signal: str) -> _Arrival:
        # Only a LUT reaches this input: where there is none, one is spent on passing the signal through.
        if self._from.get(signal) == "lut" or signal in _CONSTANTS:
            return self._arrivals[signal]
        return self._by_wire(signal).after(self._delays.lut, levels=1)

    def _local(self, signal: str, *sources: str) -> _Arrival:
        return self._arrivals[signal] if self._from.get(signal) in sources else self._by_wire(signal)

    def _by_wire(self, signal: str) -> _Arrival:
        leave = self._delays.carry_out if self._from.get(signal) == "carry" else 0.0
        return self._arrivals[signal].after(leave + self._delays.net, nets=1)

    def _set(self, signal: str | None, arrival: _Arrival, source: str) -> None:
        if signal is not None:
            self._arrivals[signal] = arrival
            self._from[signal] = source


def _read_blif(netlist: Path) -> tuple[list[str], list[_Cell]]:
    """Return the inputs and the cells, with every signal under the name that its driver gives it."""
    inputs: list[str] = []
    cells: list[_Cell] = []
    same: dict[str, str] = {}
    for line in netlist.read_text().replace("\\\n", "").splitlines():
        word, *rest = line.split() or [""]
        if word == ".subckt":
            cells.append((rest[0], dict(pin.split("=", 1) for pin in rest[1:])))
        elif word == ".inputs":
            inputs = rest
        elif word == ".names" and len(rest) == 2:
            same[rest[1]] = rest[0]
    for _, pins in cells:
        for pin, signal in pins.items():
            while signal in same:
                signal = same[signal]
            pins[pin] = signal
    return inputs, cells


def _in_order(cells: Sequence[_Cell], inputs: Iterable[str]) -> Iterator[_Cell]:
    """Yield the cells, each after those that drive it."""
    known = {*inputs, *_CONSTANTS}
    readers: dict[str, list[int]] = defaultdict(list)
    missing = []
    for number, (_, pins) in enumerate(cells):
        needed = {signal for pin, signal in pins.items() if pin not in _OUTPUTS} - known
        missing.append(len(needed))
        for signal in needed:
            readers[signal].append(number)
    ready = [number for number, n in enumerate(missing) if n == 0]
    done = 0
    while ready:
        kind, pins = cells[ready.pop()]
        done += 1
        yield kind, pins
        for signal in {signal for pin, signal in pins.items() if pin in _OUTPUTS}:
            for reader in readers[signal]:
                missing[reader] -= 1
                if not missing[reader]:
                    ready.append(reader)
    if done < len(cells):
        raise ValueError("the signals of the mapped circuit run in a circle, or one is driven by nothing")

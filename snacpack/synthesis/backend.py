"""The description of a backend, what it is given and the numbers that it returns."""

import shutil
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from snacpack.core.plugins import check_name
from snacpack.synthesis.devices import RESOURCES

# A process that reads only names and notes loads no library of arrays.
if TYPE_CHECKING:
    from snacpack.synthesis.rtl import Circuit

HLS4ML_BACKENDS = ("Vitis", "Vivado")
"""Those of hls4ml's backends whose projects the workflow compiles and compares."""

TOOLS = ("compiler", "verilator", "yosys")
"""Tools that a run can try before its first job; see :data:`snacpack.run.preflight.CHECKS`."""


@dataclass(frozen=True)
class Synthesis:
    """A circuit to be synthesised.

    Parameters
    ----------
    hls, rtl
        Folders of the hls4ml project and of the Verilog project, which are left as they are.
    reports
        Folder for the tool's own reports and logs.
    part, clock_period_ns
        The FPGA by its vendor's name, and the target clock period.
    measured_latency
        Cycles that the simulation of the Verilog measured; None where it did not.
    threads
        Processes at a time.
    timeout_s
        Longest time for the tools, in seconds.
    """

    hls: Path
    rtl: Path
    reports: Path
    part: str
    clock_period_ns: float
    measured_latency: int | None
    threads: int
    timeout_s: float

    @cached_property
    def circuit(self) -> "Circuit":
        """The content of the Verilog project."""
        from snacpack.synthesis.rtl import Circuit

        return Circuit.load(self.rtl)


@dataclass(frozen=True)
class Numbers:
    """The numbers that a backend gives for a circuit.

    Parameters
    ----------
    tool
        Name and version.
    latency_cycles, ii_cycles
        Clock cycles from a jet to its logits, and from one jet to the next.
    resources
        ``dsp``, ``lut``, ``ff``, ``bram`` (18 kb blocks).
    origin
        For each of them, and for the two cycles, a sentence.
    cells
        Counts by cell type, if the tool gives them.
    timing
        The clock as far as the tool tells of it: ``estimated_clock_period_ns`` and ``meets_target`` at least, and an
        entry ``timing`` of the origin.

    Raises
    ------
    ValueError
        If a resource or the origin of a number is missing.
    """

    tool: str
    latency_cycles: int
    ii_cycles: int
    resources: Mapping[str, float]
    origin: Mapping[str, str]
    cells: Mapping[str, int] | None = None
    timing: Mapping[str, Any] | None = None

    def __post_init__(self) -> None:
        explained = (*RESOURCES, "latency_cycles", "ii_cycles", *(("timing",) if self.timing is not None else ()))
        for name, wanted in (("resources", RESOURCES), ("origin", explained)):
            missing = [entry for entry in wanted if entry not in getattr(self, name)]
            if missing:
                raise ValueError(f"{name} lacks {', '.join(missing)}; give every one")


@dataclass(frozen=True)
class Backend:
    """A tool that turns a circuit's project into hardware numbers: everything that the workflow knows of it.

    Parameters
    ----------
    name
        The entry of ``synthesis.backend``, the word in tables, and the name of the file that holds it: small letters,
        digits and underscores, at most 40.
    words
        The tools behind it in a few words, such as ``da4ml and Yosys``.
    hls4ml
        hls4ml's own name of the backend that writes the hls4ml project, such as ``Vitis``.
    note
        Sentences below tables: the origin of the numbers, and what they do not show.
    synthesise
        A function of a :class:`Synthesis` that returns :class:`Numbers`, or raises a RuntimeError whose message says
        what failed and what helps.
    programs
        Names of programs of which it needs one on PATH, the preferred one first; none if it needs none.
    remedy
        An instruction that puts one of them on PATH.
    tools
        Those of :data:`TOOLS` that it needs; they are tried before the first job.
    vendor
        Whether its numbers are those of a vendor's tool for the hls4ml project, whose reuse factor and interface are
        the configuration's. The others' are of the Verilog project, which is fully parallel.
    auto
        Place in the order in which ``auto`` takes the first backend that is available; None for one that it never
        takes.

    Raises
    ------
    ValueError
        If a field is unfit.
    """

    name: str
    words: str
    hls4ml: str
    note: str
    synthesise: Callable[[Synthesis], Numbers]
    programs: tuple[str, ...] = ()
    remedy: str = "install it"
    tools: tuple[str, ...] = ()
    vendor: bool = False
    auto: int | None = None

    def __post_init__(self) -> None:
        check_name(self.name)
        if self.name == "auto":
            raise ValueError("name is 'auto', which stands for the first backend that is there; write another")
        for name in ("words", "hls4ml", "note", "remedy"):
            text = getattr(self, name)
            if not isinstance(text, str) or not text.strip():
                raise ValueError(f"{name} is {text!r}; write a text")
        if self.hls4ml not in HLS4ML_BACKENDS:
            raise ValueError(
                f"hls4ml is {self.hls4ml!r}; write {' or '.join(map(repr, HLS4ML_BACKENDS))}: projects of hls4ml's "
                "other backends have another form"
            )
        if not callable(self.synthesise):
            raise ValueError(f"synthesise is {self.synthesise!r}; give a function of a Synthesis")
        for name in ("programs", "tools"):
            names = getattr(self, name)
            if not isinstance(names, tuple) or not all(isinstance(item, str) and item for item in names):
                raise ValueError(f"{name} is {names!r}; give a tuple of names, such as ('yosys',)")
        unknown = [tool for tool in self.tools if tool not in TOOLS]
        if unknown:
            raise ValueError(f"tools has {', '.join(unknown)}; there are {', '.join(TOOLS)}")
        if not isinstance(self.vendor, bool):
            raise ValueError(f"vendor is {self.vendor!r}; write True or False")
        if self.auto is not None and type(self.auto) is not int:
            raise ValueError(f"auto is {self.auto!r}; give a whole number, or None")

    def program(self) -> str | None:
        """Return the path of the first of its programs that is on PATH, or None."""
        return next(filter(None, map(shutil.which, self.programs)), None)

    def available(self) -> bool:
        """Tell whether one of its programs is on PATH, or it needs none."""
        return not self.programs or self.program() is not None

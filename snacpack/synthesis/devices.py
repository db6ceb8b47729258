"""The FPGAs: how their names are written, what they hold, and how fast their logic is.

A part's name is Vivado's own, letter by letter, because Vivado's scripts get it as it stands in the configuration.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, fields, replace

RESOURCES = ("dsp", "lut", "ff", "bram")
"""The names of what a part holds, in the order of tables; ``bram`` is in blocks of 18 kb."""

# Cells of a mapped circuit in the vendor's units; a 36 kb block RAM is two of 18 kb.
CELL_UNITS: dict[str, dict[str, int]] = {
    "lut": {**{f"LUT{n}": 1 for n in range(1, 7)}, "INV": 1},
    "ff": {"FDRE": 1, "FDSE": 1, "FDCE": 1, "FDPE": 1},
    "dsp": {"DSP48E1": 1, "DSP48E2": 1},
    "bram": {"RAMB18E1": 1, "RAMB18E2": 1, "RAMB36E1": 2, "RAMB36E2": 2},
}
# Cells that need no unit of their own: multiplexers and carry chains stand beside the LUTs.
MUXES = ("MUXF7", "MUXF8", "MUXF9")
FREE_CELLS = (*MUXES, "CARRY4", "CARRY8", "BUFG", "$scopeinfo")


@dataclass(frozen=True)
class Device:
    """A die, and what it holds.

    Parameters
    ----------
    names
        The devices that are this die: its own name first, then those of cards that carry it.
    lut, dsp, bram
        Look-up tables, DSPs and block RAMs of 18 kb.
    boards
        The boards with it, by rule4ml's names.
    """

    names: tuple[str, ...]
    lut: int
    dsp: int
    bram: int
    boards: tuple[str, ...] = ()

    @property
    def resources(self) -> dict[str, int]:
        """The numbers of all :data:`RESOURCES`; every known family has two registers to a LUT."""
        return {"dsp": self.dsp, "lut": self.lut, "ff": 2 * self.lut, "bram": self.bram}


# From AMD's overviews DS890 (UltraScale and UltraScale+), DS891 (Zynq UltraScale+), DS180 (7 series) and DS190
# (Zynq-7000). An Alveo card's part is its die (DS962, DS963); what a card's shell takes is not subtracted.
DEVICES = (
    Device(("xcvu13p", "xcu250"), lut=1_728_000, dsp=12_288, bram=5_376, boards=("alveo-u250",)),
    Device(("xcvu9p", "xcu200"), lut=1_182_240, dsp=6_840, bram=4_320, boards=("alveo-u200",)),
    Device(("xcvu37p", "xcu280"), lut=1_303_680, dsp=9_024, bram=4_032),
    Device(("xcku115",), lut=663_360, dsp=5_520, bram=4_320),
    Device(("xczu9eg",), lut=274_080, dsp=2_520, bram=1_824, boards=("zcu102",)),
    Device(("xc7vx690t",), lut=433_200, dsp=3_600, bram=2_940),
    Device(("xc7z020",), lut=53_200, dsp=220, bram=280, boards=("pynq-z2",)),
)
_BY_NAME = {name: device for device in DEVICES for name in device.names}
_BY_BOARD = {board: device for device in DEVICES for board in device.boards}

# How much faster a speed grade is than grade 1: the frequencies of a DSP with all its registers in DS923, 645, 775 and
# 891 MHz. The 7 series' grades are as far apart (PG022: 200, 240 and 280 MHz).
GRADES = {1: 1.0, 2: 775 / 645, 3: 891 / 645}

# The same of parts that run at a lower voltage, which Vivado calls 1LV and 2LV: 600 and 644 MHz at 0.72 V in DS925.
LOW_VOLTAGE_GRADES = {1: 600 / 645, 2: 644 / 645}


@dataclass(frozen=True)
class Delays:
    """The delays of the parts of a path, in ns.

    Parameters
    ----------
    clock_to_q, setup
        Out of a register; and into the next, with the short wire from its slice's own logic.
    net
        A wire from slice to slice.
    lut, mux
        A look-up table, at the mean of its inputs; and a multiplexer that joins those of a slice (MUXF7, MUXF8).
    carry_in, carry_bit, carry_out
        Into a carry chain, along it for each bit, and out of it through the sum's XOR.
    """

    clock_to_q: float
    setup: float
    net: float
    lut: float
    mux: float
    carry_in: float
    carry_bit: float
    carry_out: float

    @property
    def level(self) -> float:
        """A look-up table and the wire to it."""
        return self.net + self.lut

    @property
    def adder(self) -> float:
        """An addition and the wire to it, but for the way along its carry chain."""
        return self.level + self.carry_in + self.carry_out

    def faster(self, factor: float) -> "Delays":
        """Return all delays divided by a factor."""
        return replace(self, **{field.name: getattr(self, field.name) / factor for field in fields(self)})


@dataclass(frozen=True)
class Family:
    """Devices of the same logic.

    Parameters
    ----------
    name
        The name in reports.
    devices
        Regular expression of the devices' names without their first two letters, which are xc, xa (automotive) or
        xq (defence).
    yosys
        Yosys' name for the family: ``xc7``, ``xcu`` or ``xcup``.
    delays
        Delays of speed grade 1.
    """

    name: str
    devices: str
    yosys: str
    delays: Delays

    @property
    def is_seven_series(self) -> bool:
        """Whether its parts are written as those of the 7 series are, without a dash before the package."""
        return self.yosys == "xc7"


_ULTRASCALE_PLUS = Delays(0.095, 0.03, 0.28, 0.10, 0.07, 0.16, 0.007, 0.11)

# The cells of UltraScale+, Kintex-7 and Artix-7 are rounded means of what Vivado wrote into timing reports of routed
# circuits that are public; docs/hardware.md says which. For UltraScale none was found: it is taken for one speed grade
# slower than UltraScale+. The nets are an assumption everywhere, see there too. The smaller Zynq-7000 and the Spartan-7
# are made of the Artix-7's logic, all other 7 series of the Kintex-7's.
FAMILIES = {
    family.name: family
    for family in (
        Family(
            "UltraScale+",
            r"(?:(?:ku|vu|au|su)\d+p|zu\d+t?(?:eg|cg|ev|dr)|u\d+[a-z]?|ux\d+|k2[46])(?:_CIV)?",
            "xcup",
            _ULTRASCALE_PLUS,
        ),
        Family("UltraScale", r"[kv]u\d{3}(?:_CIV)?", "xcu", _ULTRASCALE_PLUS.faster(1 / GRADES[2])),
        Family(
            "Kintex-7",
            r"7(?:k\d+t|vx?\d+t|vh\d+t|z(?:030|035|045|100))i?",
            "xc7",
            Delays(0.27, 0.03, 0.60, 0.05, 0.20, 0.23, 0.0145, 0.19),
        ),
        Family(
            "Artix-7",
            r"7(?:a\d+t|s\d+|z(?:007s|012s|014s|010|015|020))i?",
            "xc7",
            Delays(0.52, 0.05, 0.75, 0.12, 0.22, 0.42, 0.029, 0.46),
        ),
    )
}

# The end of a name, behind the device: xc7z020clg400-1, but xczu9eg-ffvb1156-2-e, xcu250-figd2104-2L-e.
_SEVEN_SERIES = r"(?P<package>[a-z]{2,4}\d{3,4})-(?P<grade>[123])(?P<variant>[A-Z]{0,2})"
_ULTRASCALE = (
    r"-(?P<package>[a-z]{3,4}\d{3,4})-(?P<grade>[123])(?P<variant>[A-Z]{0,3})-(?P<temperature>[a-z])(?P<sample>-es\d?)?"
)
# The same parts as people write them: with dashes everywhere (xc7z020-clg400-1), or as they are ordered
# (XC7Z020-1CLG400C, XCVU13P-2FLGA2577E).
_DASHED = r"-(?P<package>[a-z]{2,4}\d{3,4})-(?P<grade>[123])(?P<variant>[a-z]{0,3})(?:-(?P<temperature>[a-z]))?"
_ORDERED = r"-(?P<grade>[123])(?P<variant>lvi?|h)?(?P<package>[a-z]{2,4}\d{3,4})(?P<temperature>[ceiqm])"

EXAMPLES = ("xcvu13p-flga2577-2-e", "xcu250-figd2104-2L-e", "xc7z020clg400-1")


@dataclass(frozen=True)
class Part:
    """An FPGA, as its name says it.

    Parameters
    ----------
    name
        Vivado's name.
    device
        Its first part, which decides what it holds: ``xcvu13p``.
    family
        Its family.
    grade, variant
        Speed grade, and what follows it in the name: ``L`` and ``LV`` for lower power, ``I`` or ``Q`` for the
        temperatures of a 7 series part.
    """

    name: str
    device: str
    family: Family
    grade: int
    variant: str

    @property
    def die(self) -> str:
        """The device without what says nothing about its size: ``xc7z020`` of ``xc7z020i``."""
        return self.device.removesuffix("i" if self.family.is_seven_series else "_CIV")

    @property
    def delays(self) -> Delays:
        """The delays of the parts of a path at the part's speed grade."""
        return self.family.delays.faster(self._speed)

    @property
    def _speed(self) -> float:
        if "LV" in self.variant:
            return LOW_VOLTAGE_GRADES.get(self.grade, 1.0)
        # A 7 series part with an L may run at 0.9 V, where it is no faster than grade 1.
        if self.family.is_seven_series and "L" in self.variant:
            return 1.0
        return GRADES[self.grade]


def parse_part(name: str) -> Part:
    """Read a part's name.

    Parameters
    ----------
    name
        The name as Vivado's ``get_parts`` lists it, e.g. ``xcu250-figd2104-2L-e`` or ``xc7z020clg400-1``.

    Raises
    ------
    ValueError
        If it is not written like a part of the 7 series, UltraScale or UltraScale+; the message gives the right
        spelling where the name shows which part is meant.
    """
    part = _read(name)
    if part is not None:
        return part
    meant = next((spelling for spelling in _spellings(name) if _read(spelling)), None)
    if meant:
        raise ValueError(f"synthesis.part: Vivado knows no part {name!r}; it writes this one {meant!r}, so write that")
    raise ValueError(
        f"synthesis.part: {name!r} is not the name of a part of the 7 series, UltraScale or UltraScale+; write the "
        f"whole name with package and speed grade as Vivado's get_parts lists it, e.g. {', '.join(EXAMPLES)}"
    )


def _read(name: str) -> Part | None:
    for family in FAMILIES.values():
        rest = _SEVEN_SERIES if family.is_seven_series else _ULTRASCALE
        match = re.fullmatch(rf"(?P<device>x[caq]{family.devices}){rest}", name)
        if match:
            return Part(name, match["device"], family, int(match["grade"]), match["variant"])
    return None


def _spellings(name: str) -> Iterator[str]:
    """Yield how Vivado may write a part that is written with other dashes, in another order or in other letters."""
    for family in FAMILIES.values():
        for rest in (_DASHED, _ORDERED, _SEVEN_SERIES if family.is_seven_series else _ULTRASCALE):
            match = re.fullmatch(rf"(?P<device>x[caq]{family.devices}){rest}", name, re.IGNORECASE)
            if match is None:
                continue
            known = {key: (value or "").lower() for key, value in match.groupdict().items()}
            device, grade = known["device"].replace("_civ", "_CIV"), known["grade"] + known["variant"].upper()
            if family.is_seven_series:
                yield f"{device}{known['package']}-{grade}"
            else:
                end = f"{known.get('temperature', '')}{known.get('sample', '')}"
                yield f"{device}-{known['package']}-{grade}-{end}"


def available_resources(name: str, available: Mapping[str, int] | None = None) -> dict[str, int]:
    """Return what a part holds.

    Parameters
    ----------
    name
        The part's name, e.g. ``xcvu13p-flga2577-2-e``.
    available
        ``synthesis.available``: given, it is taken instead of the list.

    Returns
    -------
    dict
        ``lut``, ``ff``, ``dsp`` and ``bram`` (in blocks of 18 kb).

    Raises
    ------
    ValueError
        If the name is no part's, or the part is not in the list and ``available`` is not given.
    """
    die = parse_part(name).die
    if available is not None:
        return {resource: int(available[resource]) for resource in RESOURCES}
    if die not in _BY_NAME:
        raise ValueError(
            f"synthesis.part: what {name!r} holds is not known; known are {', '.join(sorted(_BY_NAME))}. "
            "For another part give its lut, ff, dsp and bram (18 kb blocks) under synthesis.available"
        )
    return _BY_NAME[die].resources


def board_resources(board: str) -> dict[str, int]:
    """Return what the part of a board holds, as :func:`available_resources` does.

    Parameters
    ----------
    board
        rule4ml's name of it, e.g. ``zcu102``.
    """
    return _BY_BOARD[board].resources

"""What the FPGAs hold, for the percentages of the tables."""

import re
from collections.abc import Mapping

# LUT, FF, DSP and 18 kb block RAMs, from AMD's overviews DS890 (UltraScale and UltraScale+), DS891 (Zynq UltraScale+),
# DS180 (7 series) and DS190 (Zynq-7000). An Alveo card's part is its die: U200 is a VU9P, U250 a VU13P, U280 a VU37P
# (DS962, DS963); what a card's shell takes is not subtracted.
RESOURCES: dict[str, dict[str, int]] = {
    "xcvu13p": {"lut": 1_728_000, "ff": 3_456_000, "dsp": 12_288, "bram": 5_376},
    "xcvu9p": {"lut": 1_182_240, "ff": 2_364_480, "dsp": 6_840, "bram": 4_320},
    "xcu250": {"lut": 1_728_000, "ff": 3_456_000, "dsp": 12_288, "bram": 5_376},
    "xcu200": {"lut": 1_182_240, "ff": 2_364_480, "dsp": 6_840, "bram": 4_320},
    "xcu280": {"lut": 1_303_680, "ff": 2_607_360, "dsp": 9_024, "bram": 4_032},
    "xcku115": {"lut": 663_360, "ff": 1_326_720, "dsp": 5_520, "bram": 4_320},
    "xczu9eg": {"lut": 274_080, "ff": 548_160, "dsp": 2_520, "bram": 1_824},
    "xc7vx690t": {"lut": 433_200, "ff": 866_400, "dsp": 3_600, "bram": 2_940},
    "xc7z020": {"lut": 53_200, "ff": 106_400, "dsp": 220, "bram": 280},
}


def available_resources(part: str, available: Mapping[str, int] | None = None) -> dict[str, int]:
    """Return what a part holds.

    Parameters
    ----------
    part
        The vendor's name, e.g. ``xcvu13p-flga2577-2-e``; what follows the first dash is package and speed.
    available
        ``synthesis.available``: given, it is taken instead of the list.

    Returns
    -------
    dict
        ``lut``, ``ff``, ``dsp`` and ``bram`` (in blocks of 18 kb).

    Raises
    ------
    ValueError
        If the part is not in the list and ``available`` is not given.
    """
    if available is not None:
        return {resource: int(available[resource]) for resource in ("lut", "ff", "dsp", "bram")}
    device = part.split("-")[0].lower()
    if device not in RESOURCES:
        raise ValueError(
            f"synthesis.part: {part!r} is not known; known are {', '.join(sorted(RESOURCES))}. "
            "For another part give its lut, ff, dsp and bram (18 kb blocks) under synthesis.available"
        )
    return dict(RESOURCES[device])


def yosys_family(part: str) -> str:
    """Return Yosys' name of the part's family: ``xc7``, ``xcu`` (UltraScale) or ``xcup`` (UltraScale+).

    Raises
    ------
    ValueError
        If the part is of no family that the open flow maps to.
    """
    device = part.split("-")[0].lower()
    if re.match(r"xc7[akvszx]", device):
        return "xc7"
    if re.match(r"xc(zu|ku\d+p|vu\d+p|au\d+p|u\d)", device):
        return "xcup"
    if re.match(r"xc(ku|vu)\d", device):
        return "xcu"
    raise ValueError(
        f"synthesis.part: the open backend maps to 7 series, UltraScale and UltraScale+, and {part!r} is none of them"
    )

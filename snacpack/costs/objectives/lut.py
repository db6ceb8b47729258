"""LUTs: rule4ml's estimate of an architecture, da4ml's of a compressed network's circuit."""

from snacpack.costs.objective import DA4ML, MINIMISED, RULE4ML, Measure, Objective

OBJECTIVE = Objective(
    "lut",
    MINIMISED,
    architectures=Measure(
        "estimated LUT",
        "Est. LUT",
        by=RULE4ML,
        unit="%",
        note="LUT (percent of the board)",
        column=6,
        reference_column="lut_percent",
    ),
    compressions=Measure("LUTs", "Est. LUT", by=DA4ML, digits=0, note="LUT", shown=True, column=1),
    ideal=0.0,
)

"""Flip-flops: rule4ml's estimate of an architecture, da4ml's of a compressed network's circuit."""

from snacpack.costs.objective import DA4ML, MINIMISED, RULE4ML, Measure, Objective

OBJECTIVE = Objective(
    "ff",
    MINIMISED,
    architectures=Measure(
        "estimated FF",
        "Est. FF",
        by=RULE4ML,
        unit="%",
        note="FF (percent of the board)",
        column=5,
        reference_column="ff_percent",
    ),
    compressions=Measure("flip-flops", "Est. FF", by=DA4ML, digits=0, note="FF", shown=True, column=2),
    ideal=0.0,
)

"""Clock cycles from an example to its logits: rule4ml's estimate of an architecture, da4ml's of a circuit."""

from snacpack.costs.objective import DA4ML, MINIMISED, RULE4ML, Measure, Objective

OBJECTIVE = Objective(
    "clock_cycles",
    MINIMISED,
    architectures=Measure(
        "estimated clock cycles",
        "Est. clock cycles",
        by=RULE4ML,
        note="clock cycles",
        shown=True,
        column=8,
        reference_column="est_clock_cycles",
    ),
    compressions=Measure(
        "clock cycles", "Est. clock cycles", by=DA4ML, digits=0, note="clock cycles", shown=True, column=3
    ),
    ideal=0.0,
)

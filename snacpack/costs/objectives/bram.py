"""BRAM of a board, as rule4ml estimates an architecture before synthesis."""

from snacpack.costs.objective import MINIMISED, RULE4ML, Measure, Objective

OBJECTIVE = Objective(
    "bram",
    MINIMISED,
    architectures=Measure(
        "estimated BRAM",
        "Est. BRAM",
        by=RULE4ML,
        unit="%",
        note="BRAM (percent of the board)",
        column=3,
        reference_column="bram_percent",
    ),
    ideal=0.0,
)

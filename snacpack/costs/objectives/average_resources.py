"""The mean of the shares of a board's BRAM, DSP, FF and LUT that rule4ml estimates of an architecture."""

from snacpack.costs.objective import MINIMISED, RULE4ML, Measure, Objective

OBJECTIVE = Objective(
    "average_resources",
    MINIMISED,
    architectures=Measure(
        "estimated average resources",
        "Est. average resources",
        by=RULE4ML,
        unit="%",
        note="average resources (mean of the BRAM, DSP, FF and LUT fractions of the board)",
        shown=True,
        column=7,
        reference_column="est_average_resources_percent",
    ),
    ideal=0.0,
)

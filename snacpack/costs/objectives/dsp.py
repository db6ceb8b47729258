"""DSP of a board, as rule4ml estimates an architecture before synthesis."""

from snacpack.costs.objective import MINIMISED, RULE4ML, Measure, Objective

OBJECTIVE = Objective(
    "dsp",
    MINIMISED,
    architectures=Measure(
        "estimated DSP",
        "Est. DSP",
        by=RULE4ML,
        unit="%",
        note="DSP (percent of the board)",
        column=4,
        reference_column="dsp_percent",
    ),
    ideal=0.0,
)

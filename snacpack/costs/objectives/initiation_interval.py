"""Clock cycles from one example to the next, as rule4ml's v2 weights estimate them of an architecture."""

from snacpack.costs.objective import MINIMISED, RULE4ML, Measure, Objective

OBJECTIVE = Objective(
    "initiation_interval",
    MINIMISED,
    architectures=Measure(
        "estimated initiation interval",
        "Est. initiation interval",
        by=RULE4ML,
        note="initiation interval",
        column=9,
    ),
    ideal=0.0,
)

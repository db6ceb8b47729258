"""One over the background's efficiency at the signal efficiency of the task's options."""

from snacpack.costs.objective import MAXIMISED, VALIDATION, Measure, Objective

MEASURE = Measure(
    "background rejection",
    "Val. background rejection",
    by=VALIDATION,
    digits=1,
    note="one over the background's efficiency on validation examples, at the signal efficiency of the task",
)
# A guess rejects nothing; the best is a convention, a background of one in a thousand.
OBJECTIVE = Objective(
    "background_rejection", MAXIMISED, architectures=MEASURE, compressions=MEASURE, worst=1.0, ideal=1000.0
)

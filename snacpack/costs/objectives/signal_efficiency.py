"""The signal's efficiency at the background rate of the task's options, the mean over all signals."""

from snacpack.costs.objective import MAXIMISED, VALIDATION, Measure, Objective

MEASURE = Measure(
    "signal efficiency",
    "Val. signal efficiency",
    by=VALIDATION,
    digits=4,
    note="share of a signal's validation examples that passes at the background rate of the task, the mean over all "
    "signals; the search then sees signals",
)
OBJECTIVE = Objective("signal_efficiency", MAXIMISED, architectures=MEASURE, compressions=MEASURE, worst=0.0, ideal=1.0)

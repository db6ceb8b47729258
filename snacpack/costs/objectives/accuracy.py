"""The share of validation examples whose class a network tells."""

from snacpack.costs.objective import MAXIMISED, TRAINING, Measure, Objective

MEASURE = Measure("validation accuracy", "Validation accuracy", by=TRAINING, unit="%", column=0)
OBJECTIVE = Objective("accuracy", MAXIMISED, architectures=MEASURE, compressions=MEASURE, ideal=1.0)

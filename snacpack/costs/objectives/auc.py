"""The area under the ROC curve of one class against the rest, or of a signal against background; the mean over all."""

from snacpack.costs.objective import MAXIMISED, VALIDATION, Measure, Objective

MEASURE = Measure(
    "validation AUC",
    "Validation AUC",
    by=VALIDATION,
    digits=4,
    note="area under the ROC curve of one class against the rest, or of a signal against the background, on validation "
    "examples; the mean over all",
)
OBJECTIVE = Objective("auc", MAXIMISED, architectures=MEASURE, compressions=MEASURE, worst=0.5, ideal=1.0)

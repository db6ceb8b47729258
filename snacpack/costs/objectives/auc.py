"""The area under the ROC curve of one class against the rest, the mean over all classes."""

from snacpack.costs.objective import MAXIMISED, VALIDATION, Measure, Objective

MEASURE = Measure(
    "validation AUC",
    "Validation AUC",
    by=VALIDATION,
    digits=4,
    note="area under the ROC curve of one class against the rest on validation examples, the mean over all classes",
)
OBJECTIVE = Objective("auc", MAXIMISED, architectures=MEASURE, compressions=MEASURE, worst=0.5, ideal=1.0)

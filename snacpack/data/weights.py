"""Weights: how much each example counts, and how many equal examples would tell as much."""

from collections.abc import Mapping, Sequence

import numpy as np

BALANCED = "balanced"
"""Class weights with which all classes count the same."""


def example_weights(values: np.ndarray, where: str) -> np.ndarray:
    """Return the weights of examples, ``(n,)`` float64.

    Parameters
    ----------
    values
        ``(n,)`` or ``(n, 1)`` numbers.
    where
        File and key, with which messages begin.

    Raises
    ------
    ValueError
        If there is not one weight for each example, or one is not a positive number.
    """
    if values.ndim == 2 and values.shape[1] == 1:
        values = values[:, 0]
    if values.ndim != 1:
        raise ValueError(f"{where} has shape {values.shape}; it must be one weight for each example")
    if values.dtype.kind not in "biuf":
        raise ValueError(f"{where} holds text, such as {str(values[0])!r}; weights are numbers")
    weights = values.astype(np.float64)
    wrong = ~((weights > 0) & np.isfinite(weights))
    if wrong.any():
        raise ValueError(
            f"{where} of example {int(np.argmax(wrong))} is {values[np.argmax(wrong)]}, and {int(wrong.sum()):,} of "
            f"{len(weights):,} weights are not positive and finite; take these examples out of the files"
        )
    return weights


def effective_number(weights: np.ndarray) -> float:
    """Return how many equal examples would tell as much, (sum w)^2 / sum w^2 (Kish 1965)."""
    weights = np.asarray(weights, dtype=np.float64)
    return float(weights.sum() ** 2 / np.square(weights).sum())


def class_weight_faults(given: str | Mapping[str, float] | None, classes: Sequence[str], data_set: str) -> list[str]:
    """Return a sentence, with key and cure, for each fault of the configuration's ``training.class_weights``."""
    if given is None or given == BALANCED:
        return []
    names = ", ".join(classes)
    unknown, missing = [name for name in given if name not in classes], [name for name in classes if name not in given]
    key = "training.class_weights"
    faults = [f"{key}.{unknown[0]}: {data_set} has no such class; it has {names}"] if unknown else []
    return faults + ([f"{key}: it has no weight for {', '.join(missing)}; give one for each class"] if missing else [])


def class_factors(
    given: str | Mapping[str, float], y: np.ndarray, classes: Sequence[str], weights: np.ndarray | None
) -> np.ndarray:
    """Return the weight of each class, ``(n_classes,)`` float64, with a mean of one over the examples.

    Parameters
    ----------
    given
        ``balanced``, with which the weights of each class have the same sum, or a weight by the class's name.
    y
        ``(n,)`` class numbers of the training examples.
    classes
        Their names.
    weights
        ``(n,)`` of the examples; None where all are equal.
    """
    sums = np.bincount(y, weights=weights, minlength=len(classes)).astype(np.float64)
    if given == BALANCED:
        wanted = np.divide(1, sums, out=np.zeros_like(sums), where=sums > 0)
    else:
        wanted = np.array([given[name] for name in classes], dtype=np.float64)
    return wanted * (sums.sum() / (wanted * sums).sum())

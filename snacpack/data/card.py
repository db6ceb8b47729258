"""The data card: what a prepared data set of arrays holds, as numbers."""

from pathlib import Path
from typing import Any

import numpy as np

from snacpack.data.dataset import describe_attributes, load_dataset, load_weights, read_info
from snacpack.data.info import SPLITS, DataInfo
from snacpack.data.normalisation import Normalisation
from snacpack.data.weights import effective_number

_QUANTILES = (0.05, 0.25, 0.5, 0.75, 0.95)


def raw_features(path: str | Path, split: str) -> tuple[np.ndarray, np.ndarray]:
    """Undo the normalisation.

    Parameters
    ----------
    path
        The data set of a run.
    split
        ``train``, ``val`` or ``test``.

    Returns
    -------
    x
        ``(n, ..., features)`` in the units of the user's files and the shape of an example there.
    y
        ``(n,)`` classes, or ``(n, targets)`` numbers on their common scale.
    """
    info = read_info(path)
    x, y = load_dataset(path, (split,))[split]
    return Normalisation.from_dict(info.normalisation).undo(x.reshape(-1, *info.input_shape)), y


def shown_examples(path: str | Path) -> tuple[np.ndarray, np.ndarray]:
    """Return the training examples as :func:`raw_features` does, and of signals, which it has none of, the test's."""
    info, (x, y) = read_info(path), raw_features(path, "train")
    if not info.background:
        return x, y
    x_test, y_test = raw_features(path, "test")
    is_signal = ~info.is_background[y_test]
    return np.concatenate([x, x_test[is_signal]]), np.concatenate([y, y_test[is_signal]])


def make_data_card(path: str | Path) -> dict[str, Any]:
    """Count and summarise the examples.

    Parameters
    ----------
    path
        The data set of a run.

    Returns
    -------
    dict
        For JSON: the fields of :class:`snacpack.data.info.DataInfo` (``normalisation`` by feature), ``counts`` by split
        and class, ``origin`` (the files of each split), ``repeated`` (examples that stand in a split more than once, or
        in an earlier one too), and ``distributions``: mean, standard deviation and quantiles of the training examples,
        and of signals of the test examples, by feature and class, in the units of the files. A regression
        has ``counts`` by split, ``distributions`` by feature, and ``target_distributions`` by target;
        ``target_normalisation`` is by target. Weighted examples have ``weights``: by split the ``smallest`` and the
        ``largest`` weight and the ``effective_number`` of examples.
    """
    info, described = read_info(path), describe_attributes(path)
    if info.weighted:
        described["weights"] = {
            split: {
                "smallest": float(weights.min()),
                "largest": float(weights.max()),
                "effective_number": effective_number(weights),
            }
            for split, weights in load_weights(path, SPLITS).items()
        }
    labels = {split: y for split, (_, y) in load_dataset(path, SPLITS).items()}
    if info.targets:
        return {**described, **_card_of_numbers(path, info, labels)}
    counts = {split: np.bincount(y, minlength=info.n_outputs).tolist() for split, y in labels.items()}
    x, y = shown_examples(path)
    return {
        **described,
        "normalisation": {
            feature: {name: values[place] for name, values in info.normalisation.items()}
            for place, feature in enumerate(info.features)
        },
        "counts": {split: dict(zip(info.classes, count, strict=True)) for split, count in counts.items()},
        "distributions": {
            feature: {name: summarise(x[y == number][..., place]) for number, name in enumerate(info.classes)}
            for place, feature in enumerate(info.features)
        },
    }


def _card_of_numbers(path: str | Path, info: DataInfo, labels: dict[str, np.ndarray]) -> dict[str, Any]:
    x, y = raw_features(path, "train")
    targets = Normalisation.from_dict(info.target_normalisation).undo(y.astype(np.float64))
    scales = {"normalisation": info.features, "target_normalisation": info.targets}
    return {
        **{
            key: {
                name: {word: values[i] for word, values in getattr(info, key).items()} for i, name in enumerate(names)
            }
            for key, names in scales.items()
        },
        "counts": {split: len(y) for split, y in labels.items()},
        "distributions": {name: summarise(x[..., i]) for i, name in enumerate(info.features)},
        "target_distributions": {name: summarise(targets[:, i]) for i, name in enumerate(info.targets)},
    }


def summarise(values: np.ndarray) -> dict[str, Any]:
    """Return mean, standard deviation and quantiles of numbers, for JSON."""
    quantiles = np.quantile(values, _QUANTILES)
    return {
        "mean": float(values.mean()),
        "standard_deviation": float(values.std()),
        "quantiles": {f"{q:g}": float(value) for q, value in zip(_QUANTILES, quantiles, strict=True)},
    }


def separations(x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """Return how far the classes' means lie apart, as the fraction of each feature's variance that they explain.

    Parameters
    ----------
    x
        ``(n, features)``.
    y
        ``(n,)`` classes.

    Returns
    -------
    numpy.ndarray
        ``(features,)`` from 0 to 1.
    """
    variance = x.var(axis=0)
    means = np.array([x[y == number].mean(axis=0) for number in np.unique(y)])
    weights = np.array([(y == number).mean() for number in np.unique(y)])
    between = (weights[:, None] * (means - x.mean(axis=0)) ** 2).sum(axis=0)
    return np.divide(between, variance, out=np.zeros_like(between), where=variance > 0)

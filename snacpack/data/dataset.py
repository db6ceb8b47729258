"""A prepared data set, as the networks see it."""

import json
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import h5py
import numpy as np

from snacpack.data.hdf5 import UnreadableError, open_hdf5, reading
from snacpack.data.info import SPLITS, DataInfo
from snacpack.data.weights import class_factors

_REMEDY = "delete it, and the same command makes it again"


def load_dataset(
    path: str | Path, splits: Sequence[str] = ("train", "val")
) -> dict[str, tuple[np.ndarray, np.ndarray]]:
    """Load a prepared data set for dense networks.

    Parameters
    ----------
    path
        The data set of a run.
    splits
        Any of ``train``, ``val`` and ``test``.

    Returns
    -------
    dict
        For each split ``x``, ``(n, n_inputs)`` float32, normalised and flattened, and ``y``,
        as the file holds it: ``(n,)`` int64, the position of the class in the file's classes, or
        ``(n, n_outputs)`` float32, the numbers that a regression gives.

    Raises
    ------
    ValueError
        If the file cannot be read, as in :func:`snacpack.data.hdf5.open_hdf5`, holds other numbers than
        its own description says, or a split is unknown.
    """
    with open_dataset(path) as file:
        missing = [split for split in splits if f"x_{split}" not in file or f"y_{split}" not in file]
        if missing:
            raise UnreadableError(
                f"{path} has no split {', '.join(missing)}; it must hold {', '.join(SPLITS)}; {_REMEDY}"
            )
        info = DataInfo.from_attributes(file.attrs)
        arrays = {split: (file[f"x_{split}"][:], file[f"y_{split}"][:]) for split in splits}
    for split, (x, y) in arrays.items():
        wanted = _fault_of_targets(y, info.n_outputs)
        if wanted:
            raise UnreadableError(f"{path}: y_{split} does not hold {wanted}; {_REMEDY}")
        if x.shape != (len(y), *info.input_shape) or x.dtype != np.float32 or not np.isfinite(x).all():
            wanted = f"finite float32 features of {len(y)} {info.examples}"
            raise UnreadableError(f"{path}: x_{split} does not hold {wanted}; {_REMEDY}")
    # Networks take an example as one list of numbers; a family gives it the shape that its layers take.
    return {split: (x.reshape(len(x), -1), y) for split, (x, y) in arrays.items()}


def load_weights(path: str | Path, splits: Sequence[str] = ("train", "val")) -> dict[str, np.ndarray | None]:
    """Load how much each example counts.

    Parameters
    ----------
    path
        The data set of a run.
    splits
        Any of ``train``, ``val`` and ``test``.

    Returns
    -------
    dict
        For each split ``(n,)`` float32, or None where all examples count the same.

    Raises
    ------
    ValueError
        As :func:`load_dataset`.
    """
    if not read_info(path).weighted:
        return dict.fromkeys(splits)
    with open_dataset(path) as file:
        weights = {split: file[f"w_{split}"][:] for split in splits}
        counts = {split: len(file[f"y_{split}"]) for split in splits}
    for split, values in weights.items():
        if values.shape != (counts[split],) or values.dtype != np.float32 or not (values > 0).all():
            raise UnreadableError(f"{path}: w_{split} does not hold a positive weight for each example; {_REMEDY}")
    return weights


def load_training(
    path: str | Path, class_weights: str | Mapping[str, float] | None = None
) -> dict[str, tuple[np.ndarray, ...]]:
    """Load the training and validation examples with the targets that networks are trained on.

    Parameters
    ----------
    path
        The data set of a run.
    class_weights
        The configuration's ``training.class_weights``: factors of the training examples' weights. Validation examples
        are without them, so that a score means the same whatever they are.

    Returns
    -------
    dict
        By split, ``train`` and ``val``, what :func:`load_dataset` gives. If some classes are background, there are
        only these examples, and their targets are their inputs, ``(n, n_inputs)`` float32: no training, and no score
        that it tells, sees a signal. If examples or classes have weights, a split has a third entry, ``(n,)``
        float32, as :data:`snacpack.training.fit.Jets` takes it.

    Raises
    ------
    ValueError
        As :func:`load_dataset`.
    """
    splits, weights, info = load_dataset(path, ("train", "val")), load_weights(path), read_info(path)
    if class_weights is not None:
        y, of_examples = splits["train"][1], weights["train"]
        factors = class_factors(class_weights, y, info.classes, of_examples)[y]
        weights["train"] = (factors if of_examples is None else factors * of_examples).astype(np.float32)
    learnt: dict[str, tuple[np.ndarray, ...]] = dict(splits)
    if info.background:
        kept = {split: info.is_background[y] for split, (_, y) in splits.items()}
        learnt = {split: (x[kept[split]],) * 2 for split, (x, _) in splits.items()}
        weights = {split: None if values is None else values[kept[split]] for split, values in weights.items()}
    return {split: data if weights[split] is None else (*data, weights[split]) for split, data in learnt.items()}


def _fault_of_targets(y: np.ndarray, n_outputs: int) -> str | None:
    """Return what targets ought to be, if they are neither classes nor numbers, or None."""
    if y.ndim == 2 and np.issubdtype(y.dtype, np.floating):
        if y.dtype == np.float32 and len(y) and y.shape[1] == n_outputs and np.isfinite(y).all():
            return None
        return f"finite float32 targets of {n_outputs} outputs"
    if y.ndim == 1 and len(y) and y.dtype == np.int64 and y.min() >= 0 and y.max() < n_outputs:
        return None
    return f"classes, from 0 to {n_outputs - 1}"


def read_info(path: str | Path) -> DataInfo:
    """Read the description, not the examples, of a prepared data set."""
    with open_dataset(path) as file:
        return DataInfo.from_attributes(file.attrs)


def describe_attributes(path: str | Path) -> dict[str, Any]:
    """Return all attributes of a prepared data set, those of its source included.

    Returns
    -------
    dict
        The fields of :class:`snacpack.data.info.DataInfo` that the file has (jets have no ``name``, ``examples`` and
        ``input_shape``), and what the source adds: ``origin``, by split the files, and ``repeated`` (as
        :func:`snacpack.data.duplicates.check_repeated`), which files of earlier versions lack. Jets
        add ``n_constituents``, ``min_constituent_pt_gev`` and ``dropped`` (jets without a constituent, by split and
        class).
    """
    with open_dataset(path) as file:
        attributes = dict(file.attrs)
        for name in ("features", "classes", "normalisation"):
            attributes[name] = json.loads(attributes[name])
        optional = {
            "input_shape",
            "dropped",
            "origin",
            "repeated",
            "targets",
            "target_normalisation",
            "background",
            "weighted",
        }
        for name in optional & set(attributes):
            attributes[name] = json.loads(attributes[name])
    return {name: value.item() if isinstance(value, np.generic) else value for name, value in attributes.items()}


def count_examples(path: str | Path) -> dict[str, int]:
    """Return the number of examples of each split."""
    with open_dataset(path) as file:
        return {split: len(file[f"y_{split}"]) for split in SPLITS}


@contextmanager
def open_dataset(path: str | Path) -> Iterator[h5py.File]:
    """Open a prepared file, and name it in whatever goes wrong while it is read.

    Raises
    ------
    ValueError
        If it cannot be opened, as in :func:`snacpack.data.hdf5.open_hdf5`, or the block
        does not find what it reads.
    """
    with open_hdf5(path, _REMEDY) as file, reading(file, _REMEDY, fault="is not a prepared data set"):
        yield file

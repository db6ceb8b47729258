"""The prepared jets, as the networks see them."""

import json
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import h5py
import numpy as np

from snacpack.jets.hdf5 import UnreadableError, open_hdf5, reading
from snacpack.jets.layout import CLASSES, SPLITS

_REMEDY = "delete what is there of it, and rule preprocess_jets makes it again"


def load_jets(path: str | Path, splits: Sequence[str] = ("train", "val")) -> dict[str, tuple[np.ndarray, np.ndarray]]:
    """Load prepared jets.

    Parameters
    ----------
    path
        ``jets.h5`` of a run.
    splits
        Any of ``train``, ``val`` and ``test``.

    Returns
    -------
    dict
        For each split ``x``, ``(n, features)`` float32, normalised, and ``y``,
        ``(n,)`` int64, the position of the class in the file's classes.

    Raises
    ------
    ValueError
        If the file cannot be read, as in :func:`snacpack.jets.hdf5.open_hdf5`, holds other numbers than
        :func:`snacpack.jets.preprocessing.preprocess_jets` writes, or a split is unknown.
    """
    with open_jets(path) as file:
        missing = [split for split in splits if f"x_{split}" not in file or f"y_{split}" not in file]
        if missing:
            raise UnreadableError(
                f"{path} has no split {', '.join(missing)}; it must hold {', '.join(SPLITS)}; {_REMEDY}"
            )
        jets = {split: (file[f"x_{split}"][:], file[f"y_{split}"][:]) for split in splits}
    for split, (x, y) in jets.items():
        if y.ndim != 1 or not len(y) or y.dtype != np.int64 or y.min() < 0 or y.max() >= len(CLASSES):
            raise UnreadableError(f"{path}: y_{split} does not hold classes, from 0 to {len(CLASSES) - 1}; {_REMEDY}")
        if x.ndim != 2 or len(x) != len(y) or x.dtype != np.float32 or not np.isfinite(x).all():
            wanted = f"finite float32 features of {len(y)} jets"
            raise UnreadableError(f"{path}: x_{split} does not hold {wanted}; {_REMEDY}")
    return jets


def load_multiplicity(path: str | Path, split: str) -> np.ndarray:
    """Load how many constituents of each jet pass the pT threshold, ``(n,)`` int64."""
    with open_jets(path) as file:
        return file[f"multiplicity_{split}"][:].astype(np.int64)


def describe_jets(path: str | Path) -> dict[str, Any]:
    """Return the attributes of a prepared file.

    Returns
    -------
    dict
        ``source`` (str), ``features`` and ``classes`` (lists of names),
        ``normalisation`` (``median`` and ``range`` of each feature kind),
        ``n_constituents``, ``min_constituent_pt_gev``, ``dropped`` (jets
        without a constituent, by split and class), ``origin`` (``folders``,
        ``files`` and, of their jets, the ``fraction``, by split) and
        ``repeated`` (as :func:`snacpack.jets.duplicates.check_repeated`); the
        last two are not in files of earlier versions.
    """
    with open_jets(path) as file:
        attributes = dict(file.attrs)
        for name in ("features", "classes", "normalisation", "dropped"):
            attributes[name] = json.loads(attributes[name])
        for name in {"origin", "repeated"} & set(attributes):
            attributes[name] = json.loads(attributes[name])
    return {name: value.item() if isinstance(value, np.generic) else value for name, value in attributes.items()}


@contextmanager
def open_jets(path: str | Path) -> Iterator[h5py.File]:
    """Open a prepared file, and name it in whatever goes wrong while it is read.

    Raises
    ------
    ValueError
        If it cannot be opened, as in :func:`snacpack.jets.hdf5.open_hdf5`, or the block
        does not find what it reads.
    """
    with open_hdf5(path, _REMEDY) as file, reading(file, _REMEDY, fault="is not a file of prepared jets"):
        yield file

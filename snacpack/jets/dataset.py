"""The prepared jets, as the networks see them."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import h5py
import numpy as np

SPLITS = ("train", "val", "test")


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
        If the file is no prepared data set or a split is unknown.
    """
    with _open(path) as file:
        missing = [split for split in splits if f"x_{split}" not in file or f"y_{split}" not in file]
        if missing:
            raise ValueError(f"{path} has no split {', '.join(missing)}; it must hold {', '.join(SPLITS)}")
        return {split: (file[f"x_{split}"][:], file[f"y_{split}"][:]) for split in splits}


def load_multiplicity(path: str | Path, split: str) -> np.ndarray:
    """Load how many constituents of each jet pass the pT threshold, ``(n,)`` int64."""
    with _open(path) as file:
        return file[f"multiplicity_{split}"][:].astype(np.int64)


def describe_jets(path: str | Path) -> dict[str, Any]:
    """Return the attributes of a prepared file.

    Returns
    -------
    dict
        ``source`` (str), ``features`` and ``classes`` (lists of names),
        ``normalisation`` (``median`` and ``range`` of each feature kind),
        ``n_constituents``, ``min_constituent_pt_gev`` and ``dropped`` (jets
        without a constituent, by split and class).
    """
    with _open(path) as file:
        attributes = dict(file.attrs)
    for name in ("features", "classes", "normalisation", "dropped"):
        attributes[name] = json.loads(attributes[name])
    return {name: value.item() if isinstance(value, np.generic) else value for name, value in attributes.items()}


def _open(path: str | Path) -> h5py.File:
    try:
        return h5py.File(path, "r")
    except OSError as error:
        raise ValueError(f"{path} is not a file of prepared jets ({error}); rerun preprocess_jets") from None

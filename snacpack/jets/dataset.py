"""Attributes of a file of prepared jets beside those of every data set."""

from pathlib import Path

import numpy as np

from snacpack.data.dataset import open_dataset


def load_multiplicity(path: str | Path, split: str) -> np.ndarray:
    """Load how many constituents of each jet pass the pT threshold, ``(n,)`` int64."""
    with open_dataset(path) as file:
        return file[f"multiplicity_{split}"][:].astype(np.int64)

"""HDF5 files; a dataset in a group has the name ``group/dataset``."""

from collections.abc import Sequence
from pathlib import Path

import h5py
import numpy as np

from snacpack.data.hdf5 import UnreadableError, open_hdf5, reading

_REMEDY = "write it again"


def list_names(path: Path) -> list[str]:
    """Return the names of the datasets, see :func:`snacpack.data.readers.list_names`."""
    names = []
    with open_hdf5(path, _REMEDY) as file, reading(file, _REMEDY):
        # Links, which could open any file of this machine, are not followed.
        file.visititems(lambda name, item: names.append(name) if isinstance(item, h5py.Dataset) else None)
    return names


def read_arrays(path: Path, names: Sequence[str]) -> dict[str, np.ndarray]:
    """Read datasets, see :func:`snacpack.data.readers.read_arrays`."""
    with open_hdf5(path, _REMEDY) as file, reading(file, _REMEDY):
        for name in names:
            if file[name].is_virtual or file[name].external:
                raise UnreadableError(f"{path}: the data of {name} are in other files; copy them into this one")
        return {name: np.asarray(file[name][()]) for name in names}

"""Readers of the user's files, one module for each format; the end of a file's name decides.

Each module has ``list_names(path)``, which reads a header only, and ``read_arrays(path, names)``. Both raise
ValueError with the file's name, the reason and the cure.
"""

from collections.abc import Sequence
from importlib import import_module
from pathlib import Path
from types import ModuleType

import numpy as np

FORMATS = {
    ".npz": "numpy_files",
    ".npy": "numpy_files",
    ".h5": "hdf5_files",
    ".hdf5": "hdf5_files",
    ".csv": "csv_files",
    ".tsv": "csv_files",
    ".csv.gz": "csv_files",
    ".parquet": "parquet_files",
    ".root": "root_files",
}
"""Ends of files' names, and the module that reads such a file."""


def list_names(path: Path) -> list[str]:
    """Return the names of the arrays or columns of a file; a ``.npy`` file has one, which is empty.

    Raises
    ------
    ValueError
        If the file cannot be read, or its name has another end.
    """
    return _reader(path).list_names(path)


def read_arrays(path: Path, names: Sequence[str]) -> dict[str, np.ndarray]:
    """Read arrays or columns that a file has.

    Raises
    ------
    ValueError
        If the file cannot be read, or an array holds neither numbers nor text.
    """
    arrays = _reader(path).read_arrays(path, names)
    return {name: _plain(array, path, name) for name, array in arrays.items()}


def file_format(path: Path) -> str | None:
    """Return the end of a file's name that decides how it is read, None where no reader knows it."""
    name = path.name.lower()
    return next((end for end in sorted(FORMATS, key=len, reverse=True) if name.endswith(end)), None)


def _reader(path: Path) -> ModuleType:
    end = file_format(path)
    if end is None:
        raise ValueError(
            f"{path}: data.arrays reads files whose names end in {', '.join(FORMATS)}; convert the file, or rename it"
        )
    return import_module(f"{__name__}.{FORMATS[end]}")


def _plain(array: np.ndarray, path: Path, name: str) -> np.ndarray:
    """Return numbers, or text as ``str``."""
    if array.dtype.kind == "S":
        array = np.char.decode(array, "utf-8", "replace")
    elif array.dtype.kind in "OT":
        missing = [row for row, item in enumerate(array.ravel()) if not isinstance(item, str | bytes)]
        if missing:
            item = array.ravel()[missing[0]]
            raise ValueError(
                f"{path}: {name!r} of example {missing[0]} is {item!r}, neither a number nor text; an array has one "
                "shape, and a column one type in all rows: mend the file"
            )
        words = [item.decode("utf-8", "replace") if isinstance(item, bytes) else item for item in array.ravel()]
        array = np.array(words, dtype=str).reshape(array.shape)
    if array.dtype.kind not in "biufU":
        raise ValueError(f"{path}: {name!r} holds {array.dtype}; write it as numbers or text")
    if not array.ndim:
        raise ValueError(f"{path}: {name!r} is a single value; it must have one for each example")
    return array

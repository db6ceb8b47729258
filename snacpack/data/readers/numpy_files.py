"""NumPy's ``.npz`` archives and ``.npy`` files."""

import zipfile
from collections.abc import Sequence
from pathlib import Path

import numpy as np


def list_names(path: Path) -> list[str]:
    """Return the names of the arrays, see :func:`snacpack.data.readers.list_names`."""
    if path.suffix.lower() == ".npy":
        return [""]
    try:
        with zipfile.ZipFile(path) as archive:
            return [name.removesuffix(".npy") for name in archive.namelist()]
    except (OSError, zipfile.BadZipFile) as error:
        raise ValueError(
            f"{path} cannot be read as an .npz archive ({error}); write it again with numpy.savez"
        ) from None


def read_arrays(path: Path, names: Sequence[str]) -> dict[str, np.ndarray]:
    """Read arrays, see :func:`snacpack.data.readers.read_arrays`; objects, which could run code, are refused."""
    try:
        loaded = np.load(path, allow_pickle=False)
        if isinstance(loaded, np.ndarray):
            return dict.fromkeys(names, loaded)
        with loaded:
            return {name: loaded[name] for name in names}
    except (OSError, EOFError, ValueError, zipfile.BadZipFile, KeyError) as error:
        cure = "store text as arrays of str, and rows of one length" if "pickle" in str(error) else "write it again"
        raise ValueError(f"{path} cannot be read as a NumPy file ({error}); {cure}") from None

"""Trees in ROOT files, where uproot is installed; with several trees a branch has the name ``tree/branch``."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

_TREES = ("TTree", "ROOT::RNTuple")


def list_names(path: Path) -> list[str]:
    """Return the names of the branches, see :func:`snacpack.data.readers.list_names`."""
    return list(_branches(path))


def read_arrays(path: Path, names: Sequence[str]) -> dict[str, np.ndarray]:
    """Read branches, see :func:`snacpack.data.readers.read_arrays`; those of changing length are objects."""
    branches = _branches(path)
    try:
        return {name: np.asarray(branches[name].array(library="np")) for name in names}
    except (OSError, ValueError, KeyError) as error:
        raise ValueError(f"{path} cannot be read as ROOT ({error}); write it again") from None


def _branches(path: Path) -> dict[str, Any]:
    try:
        import uproot
    except ImportError:
        raise ValueError(
            f"{path}: reading ROOT trees needs the package uproot; install it (pip install uproot), or write the tree "
            "as HDF5"
        ) from None
    try:
        file = uproot.open(path)
        # Without a cycle, a name stands for the newest tree of that name.
        names = {name.partition(";")[0] for name, kind in file.classnames().items() if kind in _TREES}
        trees = {name: file[name] for name in sorted(names)}
        if not trees:
            raise ValueError("it has no tree")
    except (OSError, ValueError, KeyError) as error:
        raise ValueError(f"{path} cannot be read as ROOT ({error}); write it again") from None
    return {
        name if len(trees) == 1 else f"{tree}/{name}": branches[name]
        for tree, branches in trees.items()
        for name in branches.keys()  # noqa: SIM118
    }

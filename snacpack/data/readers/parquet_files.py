"""Parquet files, where pyarrow is installed."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np


def list_names(path: Path) -> list[str]:
    """Return the names of the columns, see :func:`snacpack.data.readers.list_names`."""
    parquet = _parquet(path)
    try:
        return list(parquet.read_schema(path).names)
    except (OSError, ValueError) as error:
        raise ValueError(f"{path} cannot be read as Parquet ({error}); write it again") from None


def read_arrays(path: Path, names: Sequence[str]) -> dict[str, np.ndarray]:
    """Read columns, see :func:`snacpack.data.readers.read_arrays`."""
    parquet = _parquet(path)
    try:
        table = parquet.read_table(path, columns=list(names))
        return {name: table[name].to_numpy() for name in names}
    except (OSError, ValueError) as error:
        raise ValueError(f"{path} cannot be read as Parquet ({error}); write it again") from None


def _parquet(path: Path) -> Any:
    try:
        from pyarrow import parquet
    except ImportError:
        raise ValueError(
            f"{path}: reading Parquet needs the package pyarrow; install it (pip install pyarrow), or write the table "
            "as CSV"
        ) from None
    return parquet

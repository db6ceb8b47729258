"""Text tables whose first line names the columns, which commas, semicolons or tabs divide."""

import gzip
import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np


def list_names(path: Path) -> list[str]:
    """Return the names of the columns, see :func:`snacpack.data.readers.list_names`."""
    import pandas as pd

    try:
        separator = _separator(path)
        header = pd.read_csv(path, sep=separator, nrows=0)
        first = pd.read_csv(path, sep=separator, nrows=1, header=None, dtype=str, keep_default_na=False)
    except (OSError, ValueError, EOFError) as error:
        raise ValueError(f"{path} cannot be read as a table ({error}); its first line must name the columns") from None
    # Pandas renames the second of two equal names, whose new name the file may have too.
    words = [word for word in first.iloc[0] if word]
    repeated = [word for word in words if words.count(word) > 1]
    if repeated:
        raise ValueError(f"{path} names the column {repeated[0]!r} twice; rename one")
    numbers = [name for name in header if _is_number(str(name))]
    if len(numbers) == len(header.columns):
        raise ValueError(f"{path} has no line with names: the first one holds {', '.join(numbers[:3])}; add the line")
    return [str(name) for name in header]


def read_arrays(path: Path, names: Sequence[str]) -> dict[str, np.ndarray]:
    """Read columns, see :func:`snacpack.data.readers.read_arrays`; an empty cell is not a number."""
    import pandas as pd

    try:
        with warnings.catch_warnings():
            # Rows that are all longer than the first line are cut with a warning only, and of chosen columns without.
            warnings.simplefilter("error", pd.errors.ParserWarning)
            options = {"sep": _separator(path), "index_col": False, "low_memory": False}
            table = pd.read_csv(path, **options)
            # A class may be called None or NA; only an empty cell of text is empty.
            if any(_may_hide_text(table[name]) for name in names):
                text = pd.read_csv(path, **options, keep_default_na=False, na_values=[""])
                table = table.assign(**{name: text[name] for name in names if _may_hide_text(table[name])})
    except (OSError, ValueError, EOFError, pd.errors.ParserWarning) as error:
        raise ValueError(f"{path} cannot be read as a table ({' '.join(str(error).split())}); mend the line") from None
    return {name: _column(table[name].to_numpy()) for name in names}


def _may_hide_text(column: Any) -> bool:
    return column.dtype.kind == "O" or bool(column.isna().all())


def _column(values: np.ndarray) -> np.ndarray:
    # Pandas keeps text, and text beside empty cells, as objects.
    return (
        np.array(["" if item != item else str(item) for item in values], dtype=str)
        if values.dtype.kind == "O"
        else values
    )


def _separator(path: Path) -> str:
    open_text = gzip.open if path.suffix == ".gz" else open
    with open_text(path, "rt", errors="replace") as file:
        line = file.readline(1 << 20)
    return max(",;\t", key=line.count)


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True

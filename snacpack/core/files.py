"""Reading and writing the files between rules: whole or not at all."""

import errno
import glob
import json
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import pandas as pd

# Bytes: Snakemake's own records need as much, whatever the jobs need.
LEAST_SPACE = 1 << 16
REMAKE = "delete it and start again, so that its rule makes it anew"
"""The cure for a file between rules that somebody or something changed."""

# The disk, or a user's share of it.
FULL = (errno.ENOSPC, errno.EDQUOT)


@contextmanager
def whole_file(path: str | Path) -> Iterator[Path]:
    """Yield a temporary path that becomes ``path`` when the block succeeds.

    If the block raises, the temporary file is removed and ``path`` is as before. A machine that dies leaves ``path``
    whole or as it was too, and a temporary file, which the next attempt removes.

    Raises
    ------
    OSError
        If the disk is full: whatever a library calls that, the error has its number and names ``path``.
    """
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    for stale in path.parent.glob(f".{glob.escape(path.name)}.*.part"):
        stale.unlink(missing_ok=True)
    temporary = path.with_name(f".{path.name}.{os.getpid()}.part")
    try:
        yield temporary
        # Or a machine that dies could leave the name without the content.
        flush(temporary)
        os.replace(temporary, path)
    except Exception as error:
        if getattr(error, "errno", None) in FULL or os.strerror(errno.ENOSPC) in str(error):
            code = getattr(error, "errno", None) or errno.ENOSPC
            raise OSError(code, os.strerror(code), str(path)) from error
        raise
    finally:
        temporary.unlink(missing_ok=True)


def flush(path: str | Path) -> None:
    """Wait until a file, or every file of a folder, is on the disk."""
    path = Path(path)
    for file in path.rglob("*") if path.is_dir() else [path]:
        if file.is_file():
            with open(file, "rb") as opened:
                os.fsync(opened.fileno())


def is_full(folder: str | Path) -> bool:
    """Tell whether a folder's disk has no room for even the records of a run."""
    usage = shutil.disk_usage(folder)
    # Some network file systems know of no sizes at all.
    return usage.total > 0 and usage.free < LEAST_SPACE


def check_writable(folder: str | Path) -> None:
    """Check that there can be files in a folder, which need not exist yet.

    Raises
    ------
    OSError
        If it, or what it would be made in, is not writable, or its disk is full.
    """
    existing = Path(folder).absolute()
    while not existing.exists():
        existing = existing.parent
    if not os.access(existing, os.W_OK | os.X_OK):
        raise OSError(
            f"{existing} is not writable: make it writable, or choose another place for the results with --directory"
        )
    if is_full(existing):
        raise OSError(f"the disk of {existing} is full: free some space, or choose another place with --directory")


def write_text(text: str, path: str | Path) -> None:
    """Write ``text`` to ``path``, whole or not at all."""
    with whole_file(path) as temporary:
        temporary.write_text(text)


def write_json(value: Any, path: str | Path) -> None:
    """Write ``value`` as JSON with sorted keys, so that ``diff`` can read it.

    Raises
    ------
    ValueError
        If ``value`` holds a NaN or an infinity: JSON has none. Write ``None``.
    """
    write_text(json.dumps(value, indent=1, sort_keys=True, allow_nan=False) + "\n", path)


def read_json(path: str | Path) -> Any:
    """Read a JSON file.

    Raises
    ------
    ValueError
        If the file is not JSON, or holds a number that JSON does not have; the message names it.
    """

    def refuse(constant: str) -> None:
        raise ValueError(f"it holds {constant}")

    try:
        return json.loads(Path(path).read_text(), parse_constant=refuse)
    except (ValueError, RecursionError) as error:
        raise ValueError(f"{path} is not valid JSON ({error}); {REMAKE}") from None


@contextmanager
def contents_of(path: str | Path) -> Iterator[None]:
    """Name the file in errors about what it holds, for a block that takes apart what was read from it.

    Raises
    ------
    ValueError
        In place of errors about names, kinds and values: the file is not what its rule writes.
    """
    try:
        yield
    except (KeyError, IndexError, TypeError, ValueError, AttributeError) as error:
        what = f"{error} is missing" if isinstance(error, KeyError) else " ".join(str(error).split())
        raise ValueError(f"{path} is not what its rule writes ({what}); {REMAKE}") from error


def read_table(path: str | Path, **options: Any) -> "pd.DataFrame":
    """Read a CSV file whose last line is whole.

    Parameters
    ----------
    path
        The file.
    options
        As for ``pandas.read_csv``, which takes half a file for a shorter one.

    Raises
    ------
    ValueError
        If the file is cut off or no table; the message names it.
    """
    import pandas as pd

    if not Path(path).read_bytes().endswith(b"\n"):
        raise ValueError(f"{path} is cut off in its last line; {REMAKE}")
    with contents_of(path):
        return pd.read_csv(path, **options)

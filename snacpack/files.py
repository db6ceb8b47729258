"""Reading and writing the files between rules: whole or not at all."""

import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any


@contextmanager
def whole_file(path: str | Path) -> Iterator[Path]:
    """Yield a temporary path that becomes ``path`` when the block succeeds.

    If the block raises, the temporary file is removed and ``path`` is as before.
    """
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{path.name}.{os.getpid()}.part")
    try:
        yield temporary
        os.replace(temporary, path)
    finally:
        temporary.unlink(missing_ok=True)


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
        If the file is not JSON; the message names it.
    """
    try:
        return json.loads(Path(path).read_text())
    except json.JSONDecodeError as error:
        raise ValueError(f"{path} is not valid JSON ({error}); delete it and rerun its rule") from None

"""The user's input files by their content: a date says too little, and gigabytes are not read at every start."""

import hashlib
import json
import sys
from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from functools import cache
from pathlib import Path
from time import time_ns
from typing import Any

from tqdm import tqdm

from snacpack.core.files import write_json

RECORD = Path(".snakemake") / "snacpack.inputs.json"
"""The digests of the last start, in the working directory; jobs take them over from there."""

CHANGED = "changed since this run started; start the command again"
"""The cure where a job finds another content than the start: earlier results would not belong to it."""

_BLOCK = 1 << 20
# Within its file system's resolution, a file may be changed again without another time.
_RESOLUTION_NS = 2 * 10**9


def file_digest(path: str | Path, read: Callable[[int], object] = lambda n_bytes: None) -> str:
    """Return the SHA-256 of a file's content, in hexadecimal; ``read`` is called with the bytes of each block."""
    digest = hashlib.sha256()
    with Path(path).open("rb") as file:
        while block := file.read(_BLOCK):
            digest.update(block)
            read(len(block))
    return digest.hexdigest()


@cache
def content_digest(samples: tuple[tuple[str, tuple[Path, ...]], ...], trust: bool, record: Path = RECORD) -> str:
    """Return one digest of all files' names and contents.

    Parameters
    ----------
    samples
        Roles, and the files of each in order.
    trust, record
        As in :func:`file_digests`.
    """
    digests = file_digests([path for _, paths in samples for path in paths], trust, record)
    named = {role: [[path.name, digests[path]] for path in paths] for role, paths in samples}
    return hashlib.sha256(json.dumps(named, sort_keys=True).encode()).hexdigest()


def file_digests(paths: Iterable[Path], trust: bool = False, record: Path = RECORD) -> dict[Path, str]:
    """Return the SHA-256 of each file's content; read only those that may have changed since they were read last.

    Parameters
    ----------
    paths
        The files.
    trust
        Take over what the record says, whatever became of the file: a job that looks again must
        come to what the process that started it has found. Nothing is recorded then.
    record
        The file in which the digests are kept, each with the file's size, times and inode when it was read.

    Raises
    ------
    OSError
        If a file cannot be read.
    """
    paths = list(paths)
    known = _read_record(record)
    entries = {path: known.get(str(path.absolute()), {}) for path in paths}
    unread = [path for path in paths if not _holds(entries[path], path, trust)]
    total = sum(path.stat().st_size for path in unread)
    with tqdm(
        total=total, unit="B", unit_scale=True, desc="reading the input files", delay=2, mininterval=2, file=sys.stderr
    ) as bar:
        for path in unread:
            entries[path] = _read_file(path, bar)
    if unread and not trust:
        # Files of other runs that share the folder are kept, as long as they exist.
        kept = {name: entry for name, entry in known.items() if Path(name).exists()}
        # Without a record the files are merely read again.
        with suppress(OSError):
            write_json(kept | {str(path.absolute()): entry for path, entry in entries.items()}, record)
    return {path: entry["sha256"] for path, entry in entries.items()}


def _read_record(record: Path) -> dict[str, Any]:
    with suppress(OSError, ValueError):
        known = json.loads(record.read_text())
        if isinstance(known, dict):
            return known
    return {}


def _holds(entry: Any, path: Path, trust: bool) -> bool:
    if not isinstance(entry, Mapping) or not isinstance(entry.get("sha256"), str):
        return False
    return trust or entry.get("state") == _state(path)


def _state(path: Path) -> list[int]:
    """Return what changes with a file's content: the time of the inode too, which no program can set back."""
    about = path.stat()
    return [about.st_size, about.st_mtime_ns, about.st_ctime_ns, about.st_ino]


def _read_file(path: Path, bar: tqdm) -> dict[str, Any]:
    before, digest = _state(path), file_digest(path, bar.update)
    settled = _state(path) == before and max(before[1:3]) < time_ns() - _RESOLUTION_NS
    return {"sha256": digest, "state": before if settled else None}

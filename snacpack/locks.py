"""What a run that was killed leaves behind: Snakemake's lock and outputs that are not whole.

Every Snakemake of this workflow, and every one of its jobs, holds a shared lock of the operating system on one file for
as long as it lives. Nobody has to remove that one: who can have it alone knows that on this machine all are dead.
"""

import base64
import fcntl
import json
import os
import shutil
import socket
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

OWNERS = "snacpack.owners"


class Claim:
    """A Snakemake's hold on a working directory, kept until its process ends.

    Locks and unfinished outputs are removed if their owners are dead: all on this machine, and none that gave jobs to
    a cluster, where they may still run. Otherwise nothing is done, and ``snakemake --unlock`` says that a human knows.

    Snakemake itself makes unfinished outputs anew, but overlooks those of jobs that are known only after a
    checkpoint: half a folder would be taken for a whole one.

    Parameters
    ----------
    folder
        Snakemake's own folder, in the working directory.

    Attributes
    ----------
    released
        Whether there were locks of the dead.
    """

    def __init__(self, folder: str | Path = ".snakemake") -> None:
        self.released, self._file = False, None
        folder = Path(folder)
        with suppress(OSError):
            folder.mkdir(exist_ok=True)
            self._file = open(folder / OWNERS, "a+")  # noqa: SIM115
        if self._file and _lock(self._file.fileno(), fcntl.LOCK_EX | fcntl.LOCK_NB):
            with suppress(OSError):
                self.released = self._tidy_up(folder)
        if self._file:
            # Who has it alone has it for a moment only.
            _lock(self._file.fileno(), fcntl.LOCK_SH)

    def start(self, on_this_machine: bool) -> None:
        """Say where jobs will run, before the first of them."""
        if self._file and not (on_this_machine and self._record().get("host") == socket.gethostname()):
            with suppress(OSError):
                self._write(on_this_machine=False)

    def _tidy_up(self, folder: Path) -> bool:
        locked = any((folder / "locks").glob("*.lock"))
        dead = locked and self._record() == {"host": socket.gethostname(), "on_this_machine": True}
        if dead or not locked:
            _remove_unfinished(folder)
            # Nothing else is true before a job runs.
            self._write(on_this_machine=True)
        if dead:
            shutil.rmtree(folder / "locks")
        return dead

    def _record(self) -> dict[str, Any]:
        with suppress(OSError, ValueError):
            self._file.seek(0)
            return dict(json.load(self._file))
        return {}

    def _write(self, on_this_machine: bool) -> None:
        self._file.truncate(0)
        json.dump({"host": socket.gethostname(), "on_this_machine": on_this_machine}, self._file)
        self._file.flush()


def hold_as_job(folder: str | Path = ".snakemake") -> int | None:
    """Keep others from taking this process for dead, until it ends; return the descriptor that does."""
    with suppress(OSError):
        descriptor = os.open(Path(folder) / OWNERS, os.O_RDONLY)
        _lock(descriptor, fcntl.LOCK_SH)
        return descriptor
    return None


def _lock(descriptor: int, kind: int) -> bool:
    # Not every network file system has locks: then nobody is known to be dead.
    with suppress(OSError):
        fcntl.flock(descriptor, kind)
        return True
    return False


def _remove_unfinished(folder: Path) -> None:
    for marker in _markers(folder):
        # A long name is spread over folders whose names begin with a mark.
        encoded = "".join(part.removeprefix("@") for part in marker.relative_to(folder / "incomplete").parts)
        with suppress(ValueError):
            output = Path(base64.urlsafe_b64decode(encoded).decode())
            # Results are named from the working directory on; anything else is not ours.
            if output.is_absolute() or output.parts[:1] != ("results",) or ".." in output.parts:
                continue
            if output.is_dir() and not output.is_symlink():
                shutil.rmtree(output)
            else:
                output.unlink(missing_ok=True)


def _markers(folder: Path) -> Iterator[Path]:
    return (path for path in (folder / "incomplete").rglob("*") if path.is_file())

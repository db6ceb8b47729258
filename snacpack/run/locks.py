"""Snakemake's lock and outputs that are not whole, which a killed run leaves behind.

Every Snakemake of this workflow, and every one of its jobs, holds a shared lock of the operating system on one file for
as long as it lives. Nobody has to remove that one: who can have it alone knows that on this machine all are dead.
"""

import atexit
import base64
import fcntl
import getpass
import json
import os
import shlex
import shutil
import socket
import sys
import time
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import psutil

from snacpack.core.files import read_json, write_json

OWNERS = "snacpack.owners"
RUNS = "snacpack.runs"


@dataclass(frozen=True)
class Run:
    """A Snakemake that runs jobs in a working directory; its words are for somebody who starts another one there.

    Parameters
    ----------
    pid, host, user, command
        The process, and how it was started.
    started
        Seconds since 1970, as the operating system tells it of the process.
    """

    pid: int
    host: str
    user: str
    command: str
    started: float

    @classmethod
    def of_this_process(cls) -> "Run":
        """Describe the process that asks."""
        return cls(
            os.getpid(), socket.gethostname(), getpass.getuser(), shlex.join(sys.argv), psutil.Process().create_time()
        )

    def is_over(self) -> bool:
        """Tell whether its process is known to have ended: of another machine's nothing is known."""
        if self.host != socket.gethostname():
            return False
        try:
            # A number may have become another process'.
            return abs(psutil.Process(self.pid).create_time() - self.started) > 5
        except psutil.NoSuchProcess:
            return True
        except psutil.AccessDenied:
            # Another user's process on a machine that hides them.
            return False

    def __str__(self) -> str:
        since = time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(self.started))
        here = self.host == socket.gethostname()
        lives = "is at work" if here else "may be at work"
        end = f"kill -INT {self.pid}" if here else f"ssh {self.host} kill -INT {self.pid}"
        return (
            f"Another run {lives} in this folder: process {self.pid} on {self.host}, of user {self.user}, since "
            f"{since}: {self.command}\nIf both are to make the same files, Snakemake refuses to start this one "
            f"(\"Directory cannot be locked\"): wait until the other has ended, or end it with '{end}'. "
            "Do not use --unlock as long as it lives."
        )


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
    others
        Other runs that are at work in the folder.
    """

    def __init__(self, folder: str | Path = ".snakemake") -> None:
        self.released, self._file = False, None
        self._folder = folder = Path(folder)
        with suppress(OSError):
            folder.mkdir(exist_ok=True)
            self._file = open(folder / OWNERS, "a+")  # noqa: SIM115
        if self._file and _lock(self._file.fileno(), fcntl.LOCK_EX | fcntl.LOCK_NB):
            with suppress(OSError):
                self.released = self._tidy_up(folder)
        if self._file:
            # A process has it alone for a moment only.
            _lock(self._file.fileno(), fcntl.LOCK_SH)
        self.others = list(_runs_in(folder))

    def start(self, on_this_machine: bool) -> None:
        """Say where jobs will run, before the first of them."""
        if self._file and not (on_this_machine and self._record().get("host") == socket.gethostname()):
            with suppress(OSError):
                self._write(on_this_machine=False)
        with suppress(OSError):
            record = Run.of_this_process()
            path = self._folder / RUNS / f"{record.host}-{record.pid}.json"
            write_json(asdict(record), path)
            atexit.register(path.unlink, missing_ok=True)

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


def _runs_in(folder: Path) -> Iterator[Run]:
    """Return the runs that are not known to be over; remove the records of the others."""
    for path in sorted((folder / RUNS).glob("*.json")):
        with suppress(OSError, ValueError, TypeError):
            run = Run(**read_json(path))
            if run.is_over():
                path.unlink(missing_ok=True)
            elif (run.pid, run.host) != (os.getpid(), socket.gethostname()):
                yield run


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

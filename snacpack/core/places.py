"""Folders that a process may use on this machine: its caches, its temporary files, and how much room they have.

Imports the standard library alone, so that it works where an installed package does not.
"""

import fcntl
import os
import pwd
import tempfile
from collections.abc import Callable, Iterator, MutableMapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from snacpack.core.files import FULL

# Characters that a shell, make, or Snakemake's own templates read as more than a part of a name.
SPECIAL = frozenset(" \t\n{}()<>$&;|*?\"'\\`")
SMALL_BYTES, SMALL_INODES = 64 << 20, 100


@dataclass(frozen=True)
class Room:
    """Room that is left in a folder: bytes and numbers of files, or None where the file system does not count them."""

    n_bytes: int | None
    inodes: int | None

    @classmethod
    def of(cls, folder: str | Path) -> "Room":
        """Ask the file system of an existing folder."""
        counted = os.statvfs(folder)
        return cls(
            counted.f_bavail * counted.f_frsize if counted.f_blocks else None,
            counted.f_favail if counted.f_files else None,
        )

    def lacks(self, n_bytes: int, inodes: int) -> bool:
        """Tell whether there is less than is asked for."""
        return (self.n_bytes is not None and self.n_bytes < n_bytes) or (
            self.inodes is not None and self.inodes < inodes
        )

    def __str__(self) -> str:
        size = "an unknown amount" if self.n_bytes is None else f"{self.n_bytes / 2**20:,.1f} MB"
        return size + (" free" if self.inodes is None else f" and {self.inodes:,} files (inodes) free")


def lack_of_room(*folders: str | Path) -> str:
    """Return a sentence about the folders that have little room left, for the end of an error; else nothing."""
    found = {}
    for folder in map(Path, folders):
        with suppress(OSError):
            room = Room.of(folder)
            if room.lacks(SMALL_BYTES, SMALL_INODES):
                # A disk is named once, by the last folder on it.
                found[folder.stat().st_dev] = f"{folder.resolve()} has {room}"
    return f" Little room is left, which may be the cause: {', '.join(found.values())}." if found else ""


def temporary_folder() -> Path:
    """Return the folder of temporary files: ``TMPDIR`` where that is set, even if it cannot be used."""
    return Path(os.environ.get("TMPDIR") or tempfile.gettempdir())


def is_usable(folder: str | Path) -> bool:
    """Tell whether a folder is there or can be made, and takes files; one on a full disk does, once there is room."""
    try:
        Path(folder).mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder):
            return True
    except OSError as error:
        return error.errno in FULL


def _private_path() -> Path:
    return Path(tempfile.gettempdir()) / f"snacpack-{os.getuid()}"


def private_folder() -> Path:
    """Return this user's own folder among the temporary files; make it if it is not there.

    Raises
    ------
    PermissionError
        If somebody else made it: what lies in it would be run.
    """
    folder = _private_path()
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    if folder.stat().st_uid != os.getuid():
        raise PermissionError(f"{folder} belongs to another user; set XDG_CACHE_HOME to a folder of your own")
    return folder


def cache_home() -> Path:
    """Return the folder of the user's caches: ``XDG_CACHE_HOME``, ``~/.cache``, or a private one where neither works.

    Raises
    ------
    OSError
        If there is no folder to write to.
    """
    given = os.environ.get("XDG_CACHE_HOME")
    if given and _private_path() in Path(given).parents:
        # A cluster's job takes the variable over from another machine, on which this user's folder was made.
        private_folder()
    if given and is_usable(given):
        return Path(given)
    # RuntimeError: there is no home.
    with suppress(RuntimeError):
        home = Path.home()
        if not given and home.is_dir() and is_usable(home / ".cache"):
            return home / ".cache"
    return private_folder() / "cache"


def cache_folder() -> Path:
    """Return the folder in which this software keeps what it compiles for a machine.

    Raises
    ------
    OSError
        If there is no folder to write to.
    """
    folder = cache_home() / "snacpack"
    folder.mkdir(parents=True, exist_ok=True)
    return folder


def settle(environment: MutableMapping[str, str] = os.environ) -> None:
    """Give this process, and those that it starts, a user, a home and caches where the machine has none.

    A container that runs under a bare number has no entry in the list of users,
    and the home of a cluster's job may be missing or read-only; Python, Snakemake,
    Matplotlib and PyTorch would each fail on that in a way of their own.

    Raises
    ------
    OSError
        If there is no folder to write to.
    """
    try:
        pwd.getpwuid(os.getuid())
    except KeyError:
        if not any(environment.get(name) for name in ("LOGNAME", "USER", "LNAME", "USERNAME")):
            environment["LOGNAME"] = environment["USER"] = f"uid{os.getuid()}"
    caches = cache_home()
    home = environment.get("HOME", "")
    if not (os.path.isabs(home) and os.path.isdir(home)):
        home = _home_of_user() or str(private_folder())
        environment["HOME"] = home
    if not is_usable(environment.get("XDG_CACHE_HOME") or Path(home) / ".cache"):
        environment["XDG_CACHE_HOME"] = str(caches)
    if not os.access(home, os.W_OK | os.X_OK):
        # Matplotlib wants to write where its settings are.
        environment.setdefault("MPLCONFIGDIR", str(caches / "matplotlib"))


def _home_of_user() -> str | None:
    with suppress(KeyError):
        home = pwd.getpwuid(os.getuid()).pw_dir
        if os.path.isdir(home) and is_usable(Path(home) / ".cache"):
            return home
    return None


def unfit_characters(path: str | Path) -> str:
    """Return the characters of a path that keep the workflow from running there."""
    return "".join(sorted({letter for letter in str(path) if letter in SPECIAL}))


@contextmanager
def only_one(lock: Path, waiting: Callable[[], None] = lambda: None) -> Iterator[None]:
    """Hold a lock of the operating system on a file; wait while another process, of any machine, holds it.

    On a file system without locks nothing is held: what is done under it has to be harmless if done twice.

    Parameters
    ----------
    lock
        The file.
    waiting
        Called once before the wait, if there is one.
    """
    with open(lock, "a") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            waiting()
            with suppress(OSError):
                fcntl.flock(file, fcntl.LOCK_EX)
        except OSError:
            pass
        yield

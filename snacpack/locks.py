"""What a run that was killed leaves behind: Snakemake's lock and outputs that are not whole."""

import base64
import fcntl
import json
import shutil
import socket
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import TextIO

OWNERS = "snacpack.owners"


def tidy_up(folder: str | Path = ".snakemake") -> tuple[bool, TextIO | None]:
    """Remove Snakemake's locks if the processes that took them are dead, and outputs of jobs that died with them.

    Every Snakemake of this workflow holds a lock of the operating system on one file for as long as it lives; nobody
    has to remove that one. Where the last one ran on another machine, or left jobs with a cluster, nothing is known
    here, and nothing is done: ``snakemake --unlock`` says that a human knows.

    Snakemake itself makes unfinished outputs anew, but overlooks those of jobs that are known only after a
    checkpoint: half a folder would be taken for a whole one.

    Parameters
    ----------
    folder
        Snakemake's own folder, in the working directory.

    Returns
    -------
    released : bool
        Whether there were locks of the dead.
    owners : TextIO or None
        To be kept open until this process ends; None if there can be no such lock here.
    """
    folder = Path(folder)
    with suppress(OSError):
        folder.mkdir(exist_ok=True)
        owners = open(folder / OWNERS, "a+")  # noqa: SIM115
        alone = _lock(owners, fcntl.LOCK_EX)
        owners.seek(0)
        here = owners.read().strip() in ("", socket.gethostname())
        locked = any((folder / "locks").glob("*.lock"))
        dead = alone and locked and here and not _submitted_jobs(folder)
        if dead:
            shutil.rmtree(folder / "locks")
        if alone and (dead or not locked):
            _remove_unfinished(folder)
        if alone:
            owners.truncate(0)
            owners.write(socket.gethostname())
            owners.flush()
        _lock(owners, fcntl.LOCK_SH)
        return dead, owners
    return False, None


def _lock(file: TextIO, kind: int) -> bool:
    try:
        fcntl.flock(file, kind | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _submitted_jobs(folder: Path) -> bool:
    """Tell whether unfinished jobs were given to a cluster, where they may still run."""
    for marker in _markers(folder):
        with suppress(OSError, ValueError):
            if json.loads(marker.read_text()).get("external_jobid"):
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

"""Files that carry a time that has not come: what a clock that was ahead leaves behind."""

import os
import shlex
import tempfile
import time
from collections.abc import Iterable, Iterator
from pathlib import Path

# Clocks of the machines that share a file system differ by seconds.
TOLERANCE_S = 60
SHOWN = 5
# Folders that no job reads.
NOT_READ = ("logs", "benchmarks")


def check_times(run: str | Path, others: Iterable[str | Path]) -> None:
    """Check that no file of a run was written in the future.

    Snakemake would take what is made from such a file for older than the file,
    and remove it when the job is done.

    Parameters
    ----------
    run
        The folder of the run's results.
    others
        Files and folders that the run reads: configurations, the user's data.

    Raises
    ------
    RuntimeError
        If there are such files; the message has a command that mends them.
    """
    others = sorted({str(path) for path in others})
    now = _now()
    ahead = {path: seconds - now for path, seconds in _times(run, others) if seconds > now + TOLERANCE_S}
    if not ahead:
        return
    worst = sorted(ahead, key=ahead.get, reverse=True)
    shown = ", ".join(f"{path} by {_duration(ahead[path])}" for path in worst[:SHOWN])
    more = f" and {len(worst) - SHOWN} more files" if len(worst) > SHOWN else ""
    places = [str(run)] if any(Path(path).is_relative_to(run) for path in worst) else []
    places += [path for path in others if any(Path(file).is_relative_to(path) for file in worst)]
    found = shlex.join(["find", *dict.fromkeys(places), "-newermt", f"@{int(now) + TOLERANCE_S}"])
    raise RuntimeError(
        f"the time of some files has not come yet; they are ahead of the clock of this file system: {shown}{more}. "
        "Snakemake would take all that is made from them for outdated, and remove it. Give them the present time with "
        f'"{found} -exec touch -d @{int(now)} {{}} +", and see that the clocks of all machines that write here '
        "are right"
    )


def _now() -> float:
    """Return the time of this machine or of the working directory's file system, whichever is later."""
    try:
        with tempfile.NamedTemporaryFile(dir=".snakemake") as file:
            return max(time.time(), os.stat(file.name).st_mtime)
    except OSError:
        return time.time()


def _times(run: str | Path, others: Iterable[str]) -> Iterator[tuple[str, float]]:
    seen = set()
    for place in (str(run), *others):
        for path in _files(place, NOT_READ if place == str(run) else ()):
            if path not in seen:
                seen.add(path)
                try:
                    yield path, os.stat(path).st_mtime
                except OSError:
                    # Removed since, or a link to nowhere: other checks tell.
                    continue


def _files(place: str, skipped: tuple[str, ...]) -> Iterator[str]:
    if os.path.isfile(place):
        yield place
    for folder, folders, names in os.walk(place):
        if folder == place:
            folders[:] = [name for name in folders if name not in skipped]
        yield from (os.path.join(folder, name) for name in names)


def _duration(seconds: float) -> str:
    for size, unit in ((86400, "days"), (3600, "hours"), (60, "minutes")):
        if seconds >= 2 * size:
            return f"{seconds / size:.0f} {unit}"
    return f"{seconds:.0f} seconds"

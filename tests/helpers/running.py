"""Running the real workflow, each time in a folder of its own."""

import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import psutil
import pytest

from helpers import ROOT


class Workflow:
    """Snakemake on a small configuration, with results in ``folder``."""

    def __init__(self, folder: Path, config: str = "test") -> None:
        self.folder = folder
        self.config = config
        # Variables that differ from this process' environment.
        self.environment: dict[str, str] = {}
        # The command that starts Snakemake: a program that sets limits, for example.
        self.prefix: list[str] = []

    def command(self, *arguments: str, cores: int | None = 2) -> list[str]:
        return [
            *self.prefix,
            *(sys.executable, "-m", "snakemake", "--snakefile", str(ROOT / "Snakefile")),
            *("--workflow-profile", str(ROOT / "profiles" / "default"), "--directory", str(self.folder)),
            *("--configfile", str(ROOT / "config" / f"{self.config}.yaml")),
            *([] if cores is None else ["--cores", str(cores)]),
            *arguments,
        ]

    def run(self, *arguments: str, expect: int | None = 0, cores: int | None = 2) -> str:
        """Run Snakemake and return all it printed; fail with that text on another exit status."""
        done = subprocess.run(
            self.command(*arguments, cores=cores),
            cwd=self.folder,
            env={**os.environ, **self.environment},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        if expect is not None and done.returncode != expect:
            pytest.fail(f"snakemake {' '.join(arguments)} ended with {done.returncode}:\n{done.stdout[-8000:]}")
        return done.stdout

    def start(self, *arguments: str, cores: int | None = 2) -> subprocess.Popen:
        """Start Snakemake in a session of its own; what it prints goes to ``printed.txt`` in its folder."""
        with (self.folder / "printed.txt").open("wb") as printed:
            return subprocess.Popen(
                self.command(*arguments, cores=cores),
                cwd=self.folder,
                env={**os.environ, **self.environment},
                stdout=printed,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )

    def results(self, name: str) -> Path:
        return self.folder / "results" / "test" / name


@contextmanager
def small_disk(folder: Path, options: str) -> Iterator[Path]:
    """Mount a disk in memory on a new folder, with options of tmpfs such as ``size=512k``; skip where none can be."""
    folder.mkdir()
    mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", options, "tmpfs", folder], capture_output=True, text=True)
    if mounted.returncode:
        pytest.skip(f"no small disk can be mounted here: {mounted.stderr.strip()}")
    try:
        yield folder
    finally:
        subprocess.run(["umount", "--lazy", folder], check=True)


# A user without an entry in the list of users.
NOBODY = 12345


def as_nobody() -> list[str]:
    """Return what starts a command as :data:`NOBODY`; skip where that cannot be."""
    # It may read what the one that runs the tests has installed in a closed home, and write nowhere else than others.
    reading = ["--inh-caps=-all,+dac_read_search", "--ambient-caps=-all,+dac_read_search"]
    command = ["setpriv", f"--reuid={NOBODY}", f"--regid={NOBODY}", "--clear-groups", *reading]
    tried = [*command, "sh", "-c", 'exec "$0" -c "import snacpack, torch"', sys.executable]
    if not shutil.which("setpriv") or subprocess.run(tried, capture_output=True).returncode:
        pytest.skip("no other user can be taken on here, or it may not read the environment")
    return command


def program(path: Path, text: str) -> Path:
    """Write a shell script that can be run."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(f"#!/bin/sh\n{text}\n")
    path.chmod(0o755)
    return path


def kill_tree(process: subprocess.Popen) -> None:
    """End what :meth:`Workflow.start` started, all that it started, and what of that has left its group or parent.

    At once, as a machine that goes down does.
    """
    family = {process.pid}
    for other in psutil.process_iter():
        with suppress(psutil.NoSuchProcess, ProcessLookupError):
            if os.getsid(other.pid) == process.pid:
                family |= {other.pid, *(child.pid for child in other.children(recursive=True))}
    # First those that could start others.
    for pid in sorted(family, key=lambda pid: pid != process.pid):
        with suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)
    process.wait()
    if any(_lives_in(session=process.pid, pid=pid) for pid in psutil.pids()):
        kill_tree(process)


def _lives_in(session: int, pid: int) -> bool:
    with suppress(psutil.NoSuchProcess, ProcessLookupError):
        return os.getsid(pid) == session and psutil.Process(pid).status() != psutil.STATUS_ZOMBIE
    return False

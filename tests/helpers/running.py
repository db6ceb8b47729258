"""Running the real workflow, each time in a folder of its own."""

import os
import signal
import subprocess
import sys
from contextlib import suppress
from pathlib import Path

import psutil
import pytest

from helpers import ROOT


class Workflow:
    """Snakemake on a small configuration, with results in ``folder``."""

    def __init__(self, folder: Path, config: str = "test") -> None:
        self.folder = folder
        self.config = config
        # What differs from this process' environment variables.
        self.environment: dict[str, str] = {}
        # What starts Snakemake: a program that sets limits, for example.
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

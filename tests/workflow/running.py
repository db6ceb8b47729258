"""Running the real workflow, each time in a folder of its own."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


class Workflow:
    """Snakemake on a small configuration, with results in ``folder``."""

    def __init__(self, folder: Path, config: str = "test") -> None:
        self.folder = folder
        self.config = config

    def command(self, *arguments: str, cores: int | None = 2) -> list[str]:
        return [
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
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        if expect is not None and done.returncode != expect:
            pytest.fail(f"snakemake {' '.join(arguments)} ended with {done.returncode}:\n{done.stdout[-8000:]}")
        return done.stdout

    def start(self, *arguments: str) -> subprocess.Popen:
        """Start Snakemake in a process group of its own."""
        return subprocess.Popen(
            self.command(*arguments),
            cwd=self.folder,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )

    def results(self, name: str) -> Path:
        return self.folder / "results" / "test" / name


def kill_group(process: subprocess.Popen) -> None:
    """End a process and all its children at once, as a machine that goes down does."""
    os.killpg(process.pid, signal.SIGKILL)
    process.wait()

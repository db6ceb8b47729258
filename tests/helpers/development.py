"""A run without the packages that only tests, lint and benchmarks need."""

import os
import re
from importlib.metadata import packages_distributions
from pathlib import Path

from helpers import ROOT


def locked(name: str) -> set[str]:
    """Return the packages of a lock, each in its :func:`normal` spelling."""
    lines = (ROOT / "envs" / f"{name}.lock").read_text().splitlines()
    return {normal(line.partition("==")[0]) for line in lines if "==" in line}


def development_modules() -> set[str]:
    """Return the modules that come with packages of development.lock and with no other."""
    development = locked("development")
    return {
        module
        for module, packages in packages_distributions().items()
        if {normal(package) for package in packages} <= development
    }


def without_development(seen: Path) -> dict[str, str]:
    """Return environment variables under which no Python can import :func:`development_modules`.

    Each script that starts under them leaves an empty file with its name in the folder ``seen``.
    """
    seen.mkdir(exist_ok=True)
    path = [str(Path(__file__).parent / "blocker"), *filter(None, [os.environ.get("PYTHONPATH")])]
    return {
        "PYTHONPATH": os.pathsep.join(path),
        "BLOCKED_MODULES": ",".join(sorted(development_modules())),
        "BLOCKED_PACKAGES": ",".join(sorted(locked("development"))),
        "BLOCKED_SEEN": str(seen),
    }


def normal(name: str) -> str:
    """Return a package's name in the spelling that all its spellings have in common."""
    return re.sub(r"[-_.]+", "-", name).lower()

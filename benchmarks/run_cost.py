"""Sum up what a finished run cost, from the times that Snakemake took of its jobs.

Usage: python benchmarks/run_cost.py [results/quick]

Prints a table of the rules, and writes it with the jets simulated per second and core to
benchmarks/results/run_cost.json. Wall times are of this machine while it ran other jobs of the same run.
"""

import argparse
from pathlib import Path

import h5py
import pandas as pd
from machine import describe_machine

from snacpack.core.files import write_json

RESULT = Path(__file__).parent / "results" / "run_cost.json"


def rule_costs(run: Path) -> pd.DataFrame:
    """Return jobs, wall seconds and peak memory of each rule, the most expensive first."""
    # A rule without wildcards has its file in the folder itself, the others in a folder of the rule's name.
    files = sorted((run / "benchmarks").rglob("*.tsv"))
    jobs = pd.concat(
        pd.read_csv(path, sep="\t").assign(rule=path.relative_to(run / "benchmarks").with_suffix("").parts[0])
        for path in files
    )
    jobs["max_rss"] = pd.to_numeric(jobs["max_rss"], errors="coerce")
    costs = jobs.groupby("rule").agg(
        jobs=("s", "size"), wall_seconds=("s", "sum"), longest_seconds=("s", "max"), peak_mb=("max_rss", "max")
    )
    return costs.sort_values("wall_seconds", ascending=False).round(1)


def simulated_jets(run: Path) -> int:
    """Return the number of jets in the run's simulated files."""
    count = 0
    for path in (run / "data" / "simulated").rglob("*.h5"):
        with h5py.File(path) as file:
            count += len(file["jets"])
    return count


def main() -> None:
    """Print the table and write it."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("run", nargs="?", type=Path, default=Path("results/quick"))
    run = parser.parse_args().run
    costs = rule_costs(run)
    print(costs.to_string())
    record = {"machine": describe_machine(), "run": run.name, "rules": costs.reset_index().to_dict("records")}
    if "simulate_jets" in costs.index:
        record["jets_per_second_and_core"] = round(simulated_jets(run) / costs.loc["simulate_jets", "wall_seconds"])
        print(f"{record['jets_per_second_and_core']} jets simulated per second and core")
    write_json(record, RESULT)


if __name__ == "__main__":
    main()

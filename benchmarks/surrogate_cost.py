"""Measure what a generation's hardware estimates cost: ours, and through rule4ml's own predict.

Usage: python benchmarks/surrogate_cost.py [--networks 20] [--repeats 3]

Each measurement is a process of its own, as a job of the workflow is. Start-up is importing, loading the weights and
the estimate of one small network; what follows is the estimate of different random networks of Table 1's space, in one
call. rule4ml's v2 networks take minutes, so that they are measured once; they are asked one by one, because rule4ml's
estimate of a network depends on the networks beside it. Times are the shortest of the repeats, and only comparable
within a run. The table is printed and written to benchmarks/results/surrogate_cost.json.
"""

import argparse
import json
import os
import random
import resource
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from machine import describe_machine

from snacpack.core.files import write_json
from snacpack.networks.architecture import ACTIVATIONS, Architecture

RESULT = Path(__file__).parent / "results" / "surrogate_cost.json"
BOARDS = {"v1-mlp": "alveo-u200", "v2-gnn": "alveo-u250"}
UNITS = [(64, 120, 128), (32, 60, 64), (16, 32), (32, 64), (32, 64), (32, 64), (16, 32), (32, 44, 64)]
OBJECTIVES = ("bram", "dsp", "ff", "lut", "clock_cycles", "initiation_interval")
COLUMNS = ("BRAM (%)", "DSP (%)", "FF (%)", "LUT (%)", "CYCLES", "INTERVAL")

Estimates = list[dict[str, float]]


def random_networks(count: int) -> list[Architecture]:
    """Return networks of Table 1's space whose hardware differs."""
    rng = random.Random(0)
    networks: dict[tuple, Architecture] = {}
    while len(networks) < count:
        units = tuple(rng.choice(options) for options in UNITS[: rng.randint(4, 8)])
        hardware = (units, rng.choice(ACTIVATIONS), rng.random() < 0.5)
        networks[hardware] = Architecture(*hardware)
    return list(networks.values())


def our_estimates(weights: str) -> Callable[[list[Architecture]], Estimates]:
    """Return what estimates with our evaluation."""
    from snacpack.hardware.surrogate import Surrogate

    return Surrogate(weights, BOARDS[weights]).estimate


def rule4ml_estimates(weights: str) -> Callable[[list[Architecture]], Estimates]:
    """Return what estimates through rule4ml's ``predict``."""
    from rule4ml.models import wrappers

    model = wrappers.MultiModelWrapper()
    if weights == "v2-gnn":
        model.load_default_models()
    else:
        folder = Path(wrappers.__file__).parent / "weights" / "v1" / "mlp"
        for target in ("BRAM", "DSP", "FF", "LUT", "CYCLES"):
            one = wrappers.KerasModelWrapper()
            one.load(str(folder / f"{target}.config.json"), str(folder / f"{target}.weights.h5"))
            model.add_model_wrapper(one)
    strategy = {"strategy": "latency", "precision": "ap_fixed<8,3>", "reuse_factor": 1}
    config = {"board": BOARDS[weights], "model": strategy}

    def estimate(architectures: list[Architecture]) -> Estimates:
        networks = [torch_module(architecture, f"{i}") for i, architecture in enumerate(architectures)]
        calls = [networks] if weights == "v1-mlp" else [[network] for network in networks]
        rows = []
        for call in calls:
            table = model.predict(call, hls_configs=config, round_digits=9)
            rows += table.groupby("Model", sort=False).mean(numeric_only=True).to_dict("records")
        names = dict(zip(OBJECTIVES, COLUMNS, strict=True))
        return [{name: row[names[name]] for name in names if names[name] in row} for row in rows]

    return estimate


def torch_module(architecture: Architecture, name: str) -> Any:
    """Return an architecture as rule4ml reads it."""
    from torch import nn

    from snacpack.training.network import build_network

    network = nn.Sequential(*build_network(architecture), nn.Softmax(dim=1))
    network.name = name
    return network


def measure(way: str, weights: str, count: int) -> dict[str, Any]:
    """Return seconds of start-up and of estimating, memory, and the estimates, of this process."""
    networks = random_networks(count)
    start = time.perf_counter()
    estimate = (our_estimates if way == "ours" else rule4ml_estimates)(weights)
    estimate([Architecture((2,))])
    ready = time.perf_counter()
    estimates = estimate(networks)
    done = time.perf_counter()
    memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1000
    return {"startup": ready - start, "batch": done - ready, "memory_mb": round(memory), "estimates": estimates}


def measure_apart(way: str, weights: str, count: int) -> dict[str, Any]:
    """Return :func:`measure` of a new process with one thread, as a job of the workflow has."""
    command = [sys.executable, __file__, "--networks", str(count), "--measure", way, weights]
    threads = dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"), "1")
    environment = {**os.environ, **threads, "TF_CPP_MIN_LOG_LEVEL": "2"}
    done = subprocess.run(command, env=environment, capture_output=True, text=True)
    if done.returncode:
        sys.exit(done.stderr)
    return json.loads(done.stdout.splitlines()[-1])


def summarise(way: str, weights: str, runs: list[dict[str, Any]], count: int) -> dict[str, Any]:
    """Return the row of one way and kind of weights."""
    startup, batch = (min(run[part] for run in runs) for part in ("startup", "batch"))
    return {
        "weights": weights,
        "way": way,
        "networks": count,
        "repeats": len(runs),
        "startup_seconds": round(startup, 2),
        "ms_per_network": round(1000 * batch / count, 2),
        "job_seconds": round(min(run["startup"] + run["batch"] for run in runs), 2),
        "memory_mb": max(run["memory_mb"] for run in runs),
    }


def largest_difference(ours: Estimates, theirs: Estimates) -> float:
    """Return by how much an estimate of ours, which has two decimals, is off at most."""
    return max(abs(mine[name] - other[name]) for mine, other in zip(ours, theirs, strict=True) for name in other)


def main() -> None:
    """Run every case, print the table and write it."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--networks", type=int, default=20)
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--measure", nargs=2, metavar=("WAY", "WEIGHTS"), help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.measure:
        print(json.dumps(measure(*options.measure, options.networks)))
        return
    rows = []
    for weights in BOARDS:
        runs: dict[str, list] = {"ours": [], "rule4ml": []}
        for repeat in range(options.repeats):
            runs["ours"].append(measure_apart("ours", weights, options.networks))
            if weights == "v1-mlp" or not repeat:
                runs["rule4ml"].append(measure_apart("rule4ml", weights, options.networks))
        difference = largest_difference(runs["ours"][0]["estimates"], runs["rule4ml"][0]["estimates"])
        pair = [summarise(way, weights, runs[way], options.networks) for way in runs]
        for row in pair:
            row["times_cheaper"] = round(pair[1]["ms_per_network"] / row["ms_per_network"], 1)
            row["largest_difference"] = round(difference, 4)
        rows += pair
    print("".join(f"{column:>20}" for column in rows[0]))
    for row in rows:
        print("".join(f"{value:>20}" for value in row.values()))
    machine = describe_machine()
    write_json([{**row, "machine": machine} for row in rows], RESULT)


if __name__ == "__main__":
    main()

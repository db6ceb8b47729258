"""Measure how well estimates of a compressed network's hardware cost agree with what Yosys counts.

Usage: python benchmarks/estimator_quality.py [results/quick/data/jets.h5] [--architectures 28] [--each 3] [--threads 2]

Random architectures of config/config.yaml's search space are trained and each compressed in several random ways, by the
project's own training: bits of weights, activations and inputs from 2 to 8, for half of the networks layer by layer,
and up to 95% of the weights pruned, even in the logarithm of what is left. At most 20,000 bits of weights are left, so
that Yosys needs no hours. Each network becomes da4ml's Verilog, which Yosys maps: its count of LUTs is what rule4ml,
bit operations, effective bit operations and da4ml's own estimate are compared with. A table is printed and written to
benchmarks/results/estimator_quality.json, a figure to docs/images/estimators.png.
"""

import argparse
import os
import statistics
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, replace
from itertools import pairwise
from operator import mul
from pathlib import Path
from random import Random
from typing import Any

import numpy as np
import yaml
from machine import describe_machine
from tqdm import tqdm

from snacpack.compression.pruning import warm_up
from snacpack.compression.trials import compress
from snacpack.core.files import write_json
from snacpack.core.seeds import derive_seed
from snacpack.data.dataset import load_dataset
from snacpack.data.sources import describe_source
from snacpack.figures.style import save_figure
from snacpack.hardware.circuit import COSTS, estimate_circuits
from snacpack.hardware.estimators import ESTIMATORS, Estimator, Quality, estimate_quality, network_estimates
from snacpack.hardware.surrogate import Surrogate
from snacpack.networks.architecture import Architecture
from snacpack.networks.integers import FixedPointNetwork
from snacpack.networks.scheme import Compression, Precision, Scheme
from snacpack.report.estimators import Panel, draw_estimators, quality_table
from snacpack.report.layout import Table
from snacpack.search.space import SearchSpace
from snacpack.synthesis.mapping import count_resources, map_circuit
from snacpack.synthesis.rtl import build_rtl
from snacpack.training.recipe import Machine, Recipe

ROOT = Path(__file__).parents[1]
RESULT = ROOT / "benchmarks" / "results" / "estimator_quality.json"
FIGURE = ROOT / "docs" / "images" / "estimators.png"
BITS = range(2, 9)
LEAST_DENSITY = 0.05
# Weights that are left, times their bits.
MOST_BITS = 20_000
BATCH_SIZE = 256

AS_SEARCHED, AT_BITS = "as the search asks", "at the mean weight bits"
STUDIED = {
    **{name: estimator for name, estimator in ESTIMATORS.items() if not name.startswith("rule4ml")},
    "rule4ml_lut": Estimator(f"rule4ml, {AS_SEARCHED}", "LUT"),
    "rule4ml_average": Estimator(f"rule4ml, average resources, {AS_SEARCHED}", "% of the board"),
    "rule4ml_lut_at_bits": Estimator(f"rule4ml, {AT_BITS}", "LUT"),
    "rule4ml_average_at_bits": Estimator(f"rule4ml, average resources, {AT_BITS}", "% of the board"),
}
DRAWN = ("da4ml", "ebops", "bops", "rule4ml_lut_at_bits")


def draw_compression(random: Random, layer_widths: Sequence[int]) -> Compression:
    """Draw bits and sparsity of a network, again until few enough bits of weights are left."""
    layers = [n_in * n_out for n_in, n_out in pairwise(layer_widths)]
    while True:
        mixed = random.random() < 0.5
        weight_bits, activation_bits = (
            [random.choice(BITS) for _ in range(n)] if mixed else [random.choice(BITS)] * n
            for n in (len(layers), len(layers) - 1)
        )
        # Even in the logarithm of what is left, as sizes of circuits are compared.
        density = LEAST_DENSITY ** random.random()
        if density * sum(map(mul, layers, weight_bits)) <= MOST_BITS:
            precision = Precision(weight_bits, activation_bits, random.choice(BITS))
            return Compression(precision, round(1 - density, 3))


def compressed_networks(
    config: Mapping[str, Any], jets: Mapping[str, Any], options: argparse.Namespace
) -> Iterator[tuple[Architecture, Compression, FixedPointNetwork]]:
    """Train random architectures of the search space, each compressed in several ways."""
    space = SearchSpace.from_config(config["search"]["space"], **describe_source(config).sizes)
    random = Random(options.seed)
    for i in range(options.architectures):
        architecture = space.decode(space.sample(random))
        n_layers = len(architecture.units) + 1
        seed = derive_seed(options.seed, i)
        standard = Scheme(8, 8, 8).precision(n_layers)
        start = warm_up(
            architecture, standard, "w8a8", jets, Recipe(options.epochs, BATCH_SIZE), seed, architecture.label
        )
        compressions = [draw_compression(random, architecture.layer_widths) for _ in range(options.each)]
        seeds = [derive_seed(seed, "compress", j) for j in range(options.each)]
        trained = compress(
            start, compressions, seeds, jets, Recipe(options.epochs, BATCH_SIZE), Machine(threads=options.threads)
        )
        for entry in trained:
            if entry.result.failure:
                print(f"{architecture.label} at {entry.compression} is left out: {entry.result.failure}")
            else:
                yield architecture, entry.compression, entry.fixed_point


def rule4ml_estimates(architecture: Architecture, network: FixedPointNetwork, surrogate: Surrogate) -> dict[str, float]:
    """Return rule4ml's estimates as the search asks for them, and at the mean of the bits of all weights."""
    bits = [int(np.abs(weight).max()).bit_length() + 1 for weight in network.weights]
    mean = round(np.average(bits, weights=[weight.size for weight in network.weights]))
    fitting = replace(surrogate, precision=f"ap_fixed<{mean},{min(mean, 3)}>")
    estimates = {}
    for asked, suffix in ((surrogate, ""), (fitting, "_at_bits")):
        (estimate,) = asked.estimate([architecture])
        estimates[f"rule4ml_lut{suffix}"] = asked.units("lut", estimate["lut"])
        estimates[f"rule4ml_average{suffix}"] = estimate["average_resources"]
        estimates[f"rule4ml_ff{suffix}"] = asked.units("ff", estimate["ff"])
        estimates[f"rule4ml_clock_cycles{suffix}"] = estimate["clock_cycles"]
    return estimates


def synthesise(folder: Path, part: str) -> tuple[dict[str, int], str]:
    """Return what Yosys counts of a Verilog project, and Yosys' name."""
    cells, yosys = map_circuit(folder / "rtl", part, folder / "reports")
    return count_resources(cells), yosys.name


def count_all(
    networks: Sequence[FixedPointNetwork],
    estimates: Sequence[Mapping[str, Any]],
    synthesis: Mapping[str, Any],
    threads: int,
) -> tuple[list[dict[str, int]], str]:
    """Return what Yosys counts of every network's circuit, several at a time, and Yosys' name."""
    part, clock_period_ns = synthesis["part"], synthesis["clock_period_ns"]
    with tempfile.TemporaryDirectory() as temporary, ThreadPoolExecutor(threads) as pool:
        running = []
        for i, (network, estimate) in enumerate(zip(networks, estimates, strict=True)):
            folder = Path(temporary) / str(i)
            circuit = build_rtl(network, folder / "rtl", part, clock_period_ns)
            built = {"lut": circuit.estimated_lut, "ff": circuit.estimated_ff, "clock_cycles": circuit.stages}
            assert built == {name: estimate[name] for name in COSTS}, (built, estimate)
            running.append(pool.submit(synthesise, folder, part))
        counted = [future.result() for future in tqdm(running, desc="counting", unit="circuit")]
    return [counts for counts, _ in counted], counted[0][1]


def summarise(rows: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """Return the quality of every estimate of LUTs, flip-flops and cycles."""
    groups = [row["architecture_number"] for row in rows]

    def quality(estimate: str, count: str, fit_scale: bool) -> Quality:
        return estimate_quality(
            [row["estimates"][estimate] for row in rows], [row["counts"][count] for row in rows], fit_scale, groups
        )

    return {
        "lut_as_is": {name: quality(name, "lut", False) for name, known in STUDIED.items() if known.in_luts},
        "lut_scaled": {name: quality(name, "lut", True) for name in STUDIED},
        "ff_as_is": {name: quality(name, "ff", False) for name in ("da4ml_ff", "rule4ml_ff", "rule4ml_ff_at_bits")},
        "clock_cycles": {
            name: quality(name, "clock_cycles", False)
            for name in ("rule4ml_clock_cycles", "rule4ml_clock_cycles_at_bits")
        },
    }


def measure(options: argparse.Namespace) -> dict[str, Any]:
    """Train, estimate and count; return the rows, the processor's seconds for each step, and the tool that counted."""
    config = yaml.safe_load((ROOT / "config" / "config.yaml").read_text())
    jets, synthesis = load_dataset(options.jets), config["synthesis"]
    surrogate = Surrogate(**config["hardware"]["surrogate"])
    # Not the clock's: the processor's seconds hold on a busy machine too.
    cpu_seconds, start = {}, sum(os.times()[:4])

    def lap(name: str) -> None:
        nonlocal start
        cpu_seconds[name], start = round(sum(os.times()[:4]) - start, 1), sum(os.times()[:4])

    entries = list(compressed_networks(config, jets, options))
    lap("training")
    networks = [network for _, _, network in entries]
    circuits = estimate_circuits(networks, synthesis["clock_period_ns"], synthesis["part"], options.threads)
    lap("da4ml")
    kept = [i for i, circuit in enumerate(circuits) if circuit["failure"] is None]
    failures = [circuit["failure"] for circuit in circuits if circuit["failure"]]
    counts, tool = count_all([networks[i] for i in kept], [circuits[i] for i in kept], synthesis, options.threads)
    lap("yosys")
    labels = [architecture for architecture, _, _ in entries]
    rows = []
    for i, counted in zip(kept, counts, strict=True):
        architecture, compression, network = entries[i]
        estimates = {
            **network_estimates(network, circuits[i]),
            **rule4ml_estimates(architecture, network, surrogate),
            "da4ml_ff": circuits[i]["ff"],
        }
        rows.append(
            {
                "architecture": architecture.label,
                "architecture_number": labels.index(architecture),
                "activation": architecture.activation,
                "compression": compression.to_dict(),
                "estimates": {name: round(float(value), 4) for name, value in estimates.items()},
                "counts": {**counted, "clock_cycles": circuits[i]["clock_cycles"]},
            }
        )
    settings = {name: value for name, value in vars(options).items() if name != "jets"}
    return {"rows": rows, "without_a_circuit": failures, "cpu_seconds": cpu_seconds, "tool": tool, "settings": settings}


def lay_out(record: Mapping[str, Any], summary: Mapping[str, Any]) -> Table:
    """Return the table to read."""
    rows = record["rows"]
    luts = [row["counts"]["lut"] for row in rows]
    notes = (
        f"{len(rows)} compressed networks of {len({row['architecture_number'] for row in rows})} random architectures, "
        f"{min(luts):,} to {max(luts):,} LUTs (median {statistics.median(luts):,.0f}), counted by {record['tool']}.",
        "τ with its 68% interval from a bootstrap over architectures; within an architecture only its own compressed "
        "networks are compared.",
        "The best scale leaves as many estimates above the count as below.",
    )
    return quality_table("Estimates of LUTs", STUDIED, summary["lut_as_is"], summary["lut_scaled"], notes)


def main() -> None:
    """Measure, print and write."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("jets", nargs="?", default=ROOT / "results" / "quick" / "data" / "jets.h5")
    parser.add_argument("--architectures", type=int, default=28)
    parser.add_argument("--each", type=int, default=3, help="compressed networks of an architecture")
    parser.add_argument("--epochs", type=int, default=3, help="of the warm-up, and of each compression")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--threads", type=int, default=2)
    record = measure(parser.parse_args())
    summary = summarise(record["rows"])
    print(lay_out(record, summary).to_markdown())
    rows = record["rows"]
    panels = [
        Panel(
            STUDIED[name],
            [row["estimates"][name] for row in rows],
            [row["counts"]["lut"] for row in rows],
            [row["activation"] for row in rows],
            summary["lut_scaled"][name].rank,
        )
        for name in DRAWN
    ]
    save_figure(draw_estimators(panels, "counted by Yosys"), [FIGURE])
    plain = {kind: {name: asdict(value) for name, value in of_kind.items()} for kind, of_kind in summary.items()}
    write_json({**record, "summary": plain, "machine": describe_machine()}, RESULT)


if __name__ == "__main__":
    main()

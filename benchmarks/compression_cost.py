"""Measure one step of quantisation-aware training: this project's trainer, Brevitas, and the same network in float.

Usage: python benchmarks/compression_cost.py [--rounds 5] [--device cuda]

Everything runs on one core and in turn, round after round, and medians are taken; ratios hold within a run. On the CPU
the process's own time is counted, without the turns of others on its core. Milliseconds per network and step of 128
jets:

ours      whole fine-tunings in compiled code, over their steps: data order, evaluation and set-up included
brevitas  the plain loop over one Brevitas network after the other, fused Adam, quantisers returning bare tensors
float     whole trainings of the float network by this project's trainer
eager     the plain loop over one float network after the other, fused Adam

The cases: the config's baseline with all weights at 8 bits; at 4 bits with 80 % of the weights pruned; a generation of
16 networks of 24-64-32-16-32-5 whose bits and sparsity are drawn layer by layer, of which every figure is the mean; the
baseline with tanh for an activation. With --device cuda, rows of stacks on the GPU are added, beside the CPU's figures
of the others. Takes three minutes. The table is printed and written to benchmarks/results/compression_cost.json.
"""

import argparse
import os
from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from random import Random
from statistics import median
from time import perf_counter, process_time
from typing import Any

import numpy as np
import torch
import yaml
from machine import describe_machine
from torch import nn

from snacpack.compression.calibration import quantize
from snacpack.compression.network import dense_layers, fold_batch_norm, tensors_of
from snacpack.core.files import write_json
from snacpack.data.sources import describe_source
from snacpack.networks.architecture import Architecture
from snacpack.networks.scheme import Compression, Scheme
from snacpack.search.compression_space import CompressionSpace
from snacpack.training import build_network, fit, train
from snacpack.training.fine_tuning import FineTuning, fine_tune
from snacpack.training.pruning import shrink_masks
from snacpack.training.recipe import Machine, Recipe

CONFIG = Path(__file__).parent.parent / "config" / "config.yaml"
RESULT = Path(__file__).parent / "results" / "compression_cost.json"
BATCH = 128
GENERATION = 16
STACKS = (16, 100, 500)
OUR_STEPS, EAGER_STEPS, BREVITAS_STEPS, STEPS_ON_A_GPU = 2344, 150, 40, 1000
RATIOS = (("brevitas", "ours"), ("ours", "float"), ("eager", "ours"))
SPACE = {
    "weight_bits": tuple(range(2, 9)),
    "activation_bits": tuple(range(3, 9)),
    "input_bits": (6, 8),
    "sparsity": (0.0, 0.2, 0.4, 0.6, 0.8),
}

Jets = tuple[np.ndarray, np.ndarray]


@dataclass(frozen=True)
class Case:
    """A network and how it is compressed."""

    architecture: Architecture
    compression: Compression


def make_cases(n_networks: int) -> dict[str, list[Case]]:
    """Return for each case as many networks; the first GENERATION do not depend on how many."""
    config = yaml.safe_load(CONFIG.read_text())
    baseline = Architecture.from_dict({**config["references"]["baseline"], **describe_source(config).sizes})
    n_layers = len(baseline.units) + 1

    def alike(architecture: Architecture, scheme: str, sparsity: float) -> list[Case]:
        return [Case(architecture, Compression(Scheme.parse(scheme).precision(n_layers), sparsity))] * n_networks

    searched, random = replace(baseline, units=(64, 32, 16, 32)), Random(0)
    space = CompressionSpace(len(searched.units) + 1, **SPACE)
    generation = [Case(searched, space.decode(space.sample(random))) for _ in range(n_networks)]
    return {
        "baseline, w8a8": alike(baseline, "w8a8", 0.0),
        "baseline, w4a4, 80 % pruned": alike(baseline, "w4a4", 0.8),
        "generation of mixed precision": generation,
        "baseline with tanh, w8a8": alike(replace(baseline, activation="tanh"), "w8a8", 0.0),
    }


@cache
def make_jets(n_steps: int) -> Jets:
    """Return jets for as many steps: random numbers, which cost what others do."""
    rng = np.random.default_rng(0)
    n_jets = n_steps * BATCH
    return rng.normal(size=(n_jets, 24)).astype(np.float32), rng.integers(0, 5, n_jets)


def make_network(case: Case) -> tuple[nn.Sequential, list[torch.Tensor]]:
    """Return the Brevitas network, calibrated, and its masks."""
    torch.manual_seed(0)
    layers = fold_batch_norm(build_network(case.architecture))
    network = quantize(case.architecture, case.compression.precision, layers, make_jets(16)[0])
    weights = [dense.weight.detach() for dense in dense_layers(network)]
    masks = [torch.ones_like(weight, dtype=torch.bool) for weight in weights]
    n_left = round(sum(mask.numel() for mask in masks) * (1 - case.compression.sparsity))
    return network, shrink_masks(weights, masks, n_left)


def make_tasks(cases: Sequence[Case]) -> list[FineTuning]:
    """Return the networks as their fine-tuning takes them, pruned already."""
    tasks = []
    for i, case in enumerate(cases):
        network, masks = make_network(case)
        named = {f"dense_{layer}": mask for layer, mask in enumerate(masks)}
        tasks.append(FineTuning(tensors_of(network, named), case.architecture, seed=i))
    return tasks


def time_ours(cases: Sequence[Case], n_steps: int, device: str) -> float:
    """Fine-tune all networks for one epoch; return milliseconds per network and step."""
    tasks, jets, validation = make_tasks(cases), make_jets(n_steps), make_jets(1)
    clock = process_time if device == "cpu" else perf_counter
    start = clock()
    check(fine_tune(tasks, jets, validation, Recipe(1, BATCH), Machine(device)))
    return 1e3 * (clock() - start) / n_steps / len(cases)


def time_float(cases: Sequence[Case], n_steps: int) -> float:
    """Train the float networks for one epoch; return milliseconds per network and step."""
    architectures, jets, validation = [case.architecture for case in cases], make_jets(n_steps), make_jets(1)
    start = process_time()
    check(train(architectures, range(len(cases)), jets, validation, Recipe(1, BATCH)))
    return 1e3 * (process_time() - start) / n_steps / len(cases)


def check(results: Sequence[Any]) -> None:
    """Raise an error if a network failed."""
    failures = [result.failure for result in results if result.failure]
    if failures:
        raise RuntimeError(f"networks failed: {failures}")


def time_eager(cases: Sequence[Case], n_steps: int) -> float:
    """Train one float network after the other in PyTorch; return milliseconds per network and step."""
    networks = [build_network(case.architecture) for case in cases]
    start = process_time()
    for case, network in zip(cases, networks, strict=True):
        list(fit(network, case.architecture, make_jets(n_steps), make_jets(1), Recipe(1, BATCH), 0))
    return 1e3 * (process_time() - start) / n_steps / len(cases)


def time_brevitas(cases: Sequence[Case], n_steps: int) -> float:
    """Train one Brevitas network after the other; return milliseconds per network and step."""
    networks = [make_network(case) for case in cases]
    start = process_time()
    for case, (network, masks) in zip(cases, networks, strict=True):
        for module in network.modules():
            if hasattr(module, "skip_create_quant_tensor"):
                module.skip_create_quant_tensor = True
        held = [(dense.weight, mask) for dense, mask in zip(dense_layers(network), masks, strict=True)]

        @torch.no_grad()
        def hold_pruned_weights(held: list[tuple[torch.Tensor, torch.Tensor]] = held) -> None:
            for weight, mask in held:
                weight.mul_(mask)

        after_step = hold_pruned_weights if case.compression.sparsity else lambda: None
        list(fit(network, case.architecture, make_jets(n_steps), make_jets(1), Recipe(1, BATCH), 0, after_step))
    return 1e3 * (process_time() - start) / n_steps / len(cases)


def measure_case(cases: list[Case], rounds: int) -> dict[str, float]:
    """Return the milliseconds of each way: medians over rounds in turn, after a short one."""
    # Sixteen times the same network is one network where each is trained alone.
    alone = list(dict.fromkeys(cases))
    ways: dict[str, tuple[Callable[[int], float], int]] = {
        "ours": (lambda n: time_ours(alone, n, "cpu"), OUR_STEPS),
        "float": (lambda n: time_float(alone, n), OUR_STEPS),
        "eager": (lambda n: time_eager(alone, n), EAGER_STEPS),
        "brevitas": (lambda n: time_brevitas(alone, n), BREVITAS_STEPS),
    }
    for measure, _ in ways.values():
        measure(4)
    times = defaultdict(list)
    for _ in range(rounds):
        for name, (measure, n_steps) in ways.items():
            times[name].append(measure(n_steps))
    return {name: median(values) for name, values in times.items()}


def measure_gpu(cases: list[Case], stack: int, rounds: int) -> float:
    """Return the milliseconds of ours on the GPU, the median over rounds after a first training."""
    time_ours(cases[:stack], 20, "cuda")
    return median(time_ours(cases[:stack], STEPS_ON_A_GPU, "cuda") for _ in range(rounds))


def make_row(case: str, device: str, stack: int, times: dict[str, float]) -> dict[str, Any]:
    """Return a row of the table."""
    ratios = {f"{above}_over_{below}": round(times[above] / times[below], 2) for above, below in RATIOS}
    return {
        "case": case,
        "device": device,
        "stack": stack,
        **{name: float(f"{value:.4g}") for name, value in times.items()},
        **ratios,
    }


def measure(rounds: int, device: str) -> list[dict[str, Any]]:
    """Measure all cases; return the rows of the table."""
    rows = []
    for case, networks in make_cases(max(STACKS) if device == "cuda" else GENERATION).items():
        times = measure_case(networks[:GENERATION], rounds)
        rows.append(make_row(case, "cpu", 1, times))
        for stack in STACKS if device == "cuda" else ():
            on_gpu = measure_gpu(networks, stack, rounds)
            # The others' milliseconds are the CPU's beside a GPU's rows too.
            rows.append(make_row(case, device, stack, {**times, "ours": on_gpu}))
    return rows


def main() -> None:
    """Measure, print the table and write it."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--device", choices=("cpu", "cuda"), default="cpu", help="cuda: measure ours there too")
    options = parser.parse_args()
    machine: dict[str, Any] = describe_machine()
    if options.device == "cuda":
        machine["gpu"] = torch.cuda.get_device_name()
    os.sched_setaffinity(0, {max(os.sched_getaffinity(0))})
    torch.set_num_threads(1)
    rows = [{**row, "machine": machine} for row in measure(options.rounds, options.device)]

    print(f"ms per network and step of {BATCH} jets, one core; {machine}")
    names = ("ours", "brevitas", "float", "eager", *(f"{above}_over_{below}" for above, below in RATIOS))
    print(f"{'case':30} {'device':6} {'stack':>5}" + "".join(f"{name:>19}" for name in names))
    for row in rows:
        print(f"{row['case']:30} {row['device']:6} {row['stack']:5}" + "".join(f"{row[name]:>19}" for name in names))
    write_json(rows, RESULT)


if __name__ == "__main__":
    main()

"""Measure one training step of one network: this project's trainer, plain PyTorch, Keras, and the products alone.

Usage: python benchmarks/search_cost.py [--rounds 5] [--device cuda]

Everything runs on one core and in turn, round after round, and medians are taken, so that whatever else the machine
does hits all alike; ratios hold within a run. Milliseconds per network and step of 128 jets:

ours    whole trainings of stacks of networks, over their steps: data order, evaluation and set-up included
eager   the plain loop over one network after the other, fused Adam
keras   steps of `Sequential.fit` with Adam after the first ones; start and compilation left out, no metrics
floor   the matrix products of forward and backward pass alone, into memory at hand, at the best batch size and layout,
        per 128 jets

The cases: the config's baseline; the same with batch normalisation and dropout; 20 networks drawn from the config's
space, of which every figure is the mean. With --device cuda, rows of larger stacks on the GPU are added, beside the
CPU's figures of the others. Where TensorFlow is not installed, Keras is left out. Takes five minutes. The table is
printed and written to benchmarks/results/search_cost.json.
"""

import argparse
import os
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import replace
from functools import cache
from importlib.util import find_spec
from itertools import pairwise
from multiprocessing import get_context
from pathlib import Path
from random import Random
from statistics import median
from time import perf_counter
from typing import Any

import numpy as np
import torch
import yaml
from machine import describe_machine

from snacpack.core.files import write_json
from snacpack.data.sources import describe_source
from snacpack.networks.architecture import Architecture
from snacpack.search.space import SearchSpace
from snacpack.training import build_network, train
from snacpack.training.fit import fit
from snacpack.training.recipe import Machine, Recipe

CONFIG = Path(__file__).parent.parent / "config" / "config.yaml"
RESULT = Path(__file__).parent / "results" / "search_cost.json"
BATCH = 128
GENERATION = 20
STACKS = {"cpu": (1, 5, 20), "cuda": (20, 100, 500)}
# Steps of a timed training by others. Ours, whose set-up counts, takes as many as a tenth of one of the paper's.
STEPS, STEPS_OF_A_GENERATION, OUR_STEPS, STEPS_ON_A_GPU = 300, 150, 2344, 2000
RATIOS = (("keras", "ours"), ("eager", "ours"), ("ours", "floor"))
FLOOR_BATCHES = tuple(128 * 2**i for i in range(7))
# These steps of each fit do not count: Keras sets up its input pipeline during them.
FIRST_KERAS_STEPS = 10

Jets = tuple[np.ndarray, np.ndarray]


def make_space() -> SearchSpace:
    """Return the config's search space."""
    config = yaml.safe_load(CONFIG.read_text())
    return SearchSpace.from_config(config["search"]["space"], **describe_source(config).sizes)


def make_cases(n_networks: int) -> dict[str, list[Architecture]]:
    """Return for each case as many networks; the first GENERATION do not depend on how many."""
    config = yaml.safe_load(CONFIG.read_text())
    baseline = Architecture.from_dict({**config["references"]["baseline"], **describe_source(config).sizes})
    space = make_space()
    random = Random(0)
    return {
        "baseline": [baseline] * n_networks,
        "baseline, batch norm, dropout": [replace(baseline, batch_norm=True, dropout=0.1)] * n_networks,
        "random generation": [space.decode(space.sample(random)) for _ in range(n_networks)],
    }


@cache
def make_jets(n_steps: int) -> Jets:
    """Return jets for as many steps: random numbers, which cost what others do."""
    rng = np.random.default_rng(0)
    n_jets = n_steps * BATCH
    return rng.normal(size=(n_jets, 24)).astype(np.float32), rng.integers(0, 5, n_jets)


def different(networks: Sequence[Architecture]) -> list[Architecture]:
    """Return each architecture once."""
    return list(dict.fromkeys(networks))


def time_ours(networks: Sequence[Architecture], stack: int, n_steps: int, device: str) -> float:
    """Train all networks in stacks for one epoch; return milliseconds per network and step."""
    jets, validation = make_jets(n_steps), make_jets(1)
    start = perf_counter()
    for first in range(0, len(networks), stack):
        seeds = list(range(first, first + stack))
        results = train(networks[first : first + stack], seeds, jets, validation, Recipe(1, BATCH), Machine(device))
        if any(result.failure for result in results):
            raise RuntimeError(f"a network failed: {[result.failure for result in results]}")
    return 1e3 * (perf_counter() - start) / n_steps / len(networks)


def time_eager(networks: Sequence[Architecture], n_steps: int) -> float:
    """Train one network after the other; return milliseconds per network and step."""
    jets, validation = make_jets(n_steps), make_jets(1)
    start = perf_counter()
    for architecture in networks:
        list(fit(build_network(architecture), architecture, jets, validation, Recipe(1, BATCH), 0))
    return 1e3 * (perf_counter() - start) / n_steps / len(networks)


@torch.no_grad()
def time_floor(architecture: Architecture, batch: int, layout: str) -> float:
    """Multiply as a step does, jets in rows or in columns; return milliseconds per BATCH jets."""
    products = list(_products(architecture, batch, layout))
    n_repeats = max(FLOOR_BATCHES) // batch
    start = perf_counter()
    for _ in range(n_repeats):
        for left, right, result in products:
            torch.mm(left, right, out=result)
    return 1e3 * (perf_counter() - start) / n_repeats * BATCH / batch


def _products(
    architecture: Architecture, batch: int, layout: str
) -> Iterator[tuple[torch.Tensor, torch.Tensor, torch.Tensor]]:
    """Yield factors and room for the result: outputs, weight gradients, and input gradients but the first layer's."""
    for layer, (n_in, n_out) in enumerate(pairwise(architecture.layer_widths)):
        weight, x, gradient = torch.randn(n_out, n_in), torch.randn(batch, n_in), torch.randn(batch, n_out)
        if layout == "rows":
            yield x, weight.t(), torch.empty(batch, n_out)
            yield gradient.t(), x, torch.empty(n_out, n_in)
            if layer:
                yield gradient, weight, torch.empty(batch, n_in)
        else:
            x, gradient = x.t().contiguous(), gradient.t().contiguous()
            yield weight, x, torch.empty(n_out, batch)
            yield gradient, x.t(), torch.empty(n_out, n_in)
            if layer:
                yield weight.t(), gradient, torch.empty(n_in, batch)


_keras_models: dict[Architecture, Any] = {}


def start_keras() -> None:
    """Set TensorFlow to one thread of the CPU; runs in the process that Keras has to itself."""
    os.environ.update(KERAS_BACKEND="tensorflow", TF_CPP_MIN_LOG_LEVEL="3", CUDA_VISIBLE_DEVICES="-1")
    import tensorflow as tf

    tf.config.threading.set_intra_op_parallelism_threads(1)
    tf.config.threading.set_inter_op_parallelism_threads(1)


def time_keras(networks: Sequence[Architecture], n_steps: int) -> float:
    """Fit one network after the other, each compiled when it is first met; return milliseconds per network and step."""
    import keras

    class Clock(keras.callbacks.Callback):
        """When each step ended."""

        async_safe = True

        def on_train_begin(self, logs: Any = None) -> None:
            self.times: list[float] = []

        def on_train_batch_end(self, batch: int, logs: Any = None) -> None:
            self.times.append(perf_counter())

    x, y = make_jets(n_steps)
    clock, total = Clock(), 0.0
    for architecture in networks:
        if architecture not in _keras_models:
            _keras_models[architecture] = build_keras(architecture)
        _keras_models[architecture].fit(x, y, batch_size=BATCH, verbose=0, callbacks=[clock])
        total += (clock.times[-1] - clock.times[FIRST_KERAS_STEPS - 1]) / (n_steps - FIRST_KERAS_STEPS)
    return 1e3 * total / len(networks)


def build_keras(architecture: Architecture) -> Any:
    """Return the same network, compiled by Keras."""
    import keras

    def dense(units: int) -> Any:
        penalty = keras.regularizers.L1(architecture.l1) if architecture.l1 else None
        return keras.layers.Dense(units, kernel_regularizer=penalty)

    layers = [keras.Input((architecture.n_inputs,))]
    for units in architecture.units:
        layers.append(dense(units))
        if architecture.batch_norm:
            layers.append(keras.layers.BatchNormalization())
        layers.append(keras.layers.Activation(architecture.activation))
        if architecture.dropout:
            layers.append(keras.layers.Dropout(architecture.dropout))
    network = keras.Sequential([*layers, dense(architecture.n_outputs)])
    network.compile(
        optimizer=keras.optimizers.Adam(architecture.learning_rate),
        loss=keras.losses.SparseCategoricalCrossentropy(from_logits=True),
    )
    return network


def measure_case(networks: list[Architecture], keras: ProcessPoolExecutor, rounds: int) -> dict[Any, float]:
    """Return the milliseconds of ours by stack size, eager, keras and floor: medians over rounds in turn."""
    # Twenty times the same network is one network where each is trained alone.
    alone = different(networks)
    n_steps = STEPS if len(alone) == 1 else STEPS_OF_A_GENERATION
    quantities: dict[Any, Callable[[int], float]] = {
        stack: lambda n, stack=stack: time_ours(networks[: max(stack, len(alone))], stack, OUR_STEPS, "cpu")
        for stack in STACKS["cpu"]
    }
    quantities["eager"] = lambda n: time_eager(alone, n)
    if find_spec("tensorflow"):
        quantities["keras"] = lambda n: keras.submit(time_keras, alone, n).result()
    for measure in quantities.values():
        measure(2 * FIRST_KERAS_STEPS)
    times = defaultdict(list)
    for _ in range(rounds):
        for name, measure in quantities.items():
            times[name].append(measure(n_steps))
        for way in floor_ways(alone):
            times["floor", *way].append(time_floor(*way))
    medians = {name: median(values) for name, values in times.items()}
    best = [min(medians["floor", *way] for way in floor_ways([architecture])) for architecture in alone]
    return {**{name: medians[name] for name in quantities}, "floor": sum(best) / len(best)}


def floor_ways(networks: Sequence[Architecture]) -> list[tuple[Architecture, int, str]]:
    """Return all ways to do the products of these networks."""
    return [
        (network, batch, layout) for network in networks for batch in FLOOR_BATCHES for layout in ("rows", "columns")
    ]


def measure_gpu(networks: list[Architecture], stack: int, rounds: int) -> float:
    """Return the milliseconds of ours on the GPU, the median over rounds after a first training."""
    time_ours(networks[:stack], stack, 20, "cuda")
    return median(time_ours(networks[:stack], stack, STEPS_ON_A_GPU, "cuda") for _ in range(rounds))


def make_row(case: str, device: str, stack: int, times: dict[str, float | None]) -> dict[str, Any]:
    """Return a row of the table; what was not measured is None."""
    ratios = {
        f"{above}_over_{below}": round(times[above] / times[below], 2) if times[above] and times[below] else None
        for above, below in RATIOS
    }
    rounded = {name: float(f"{value:.4g}") if value else None for name, value in times.items()}
    return {"case": case, "device": device, "stack": stack, **rounded, **ratios}


def measure(rounds: int, device: str) -> list[dict[str, Any]]:
    """Measure all cases; return the rows of the table."""
    rows = []
    with ProcessPoolExecutor(1, mp_context=get_context("spawn"), initializer=start_keras) as keras:
        for case, networks in make_cases(max(STACKS[device])).items():
            times = measure_case(networks[:GENERATION], keras, rounds)
            # The others' milliseconds are the CPU's beside a GPU's rows too.
            others = {name: times.get(name) for name in ("eager", "keras", "floor")}
            rows += [make_row(case, "cpu", stack, {"ours": times[stack], **others}) for stack in STACKS["cpu"]]
            for stack in STACKS["cuda"] if device == "cuda" else ():
                rows.append(make_row(case, device, stack, {"ours": measure_gpu(networks, stack, rounds), **others}))
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
    core = max(os.sched_getaffinity(0))
    os.sched_setaffinity(0, {core})
    torch.set_num_threads(1)
    rows = [{**row, "machine": machine} for row in measure(options.rounds, options.device)]

    print(f"ms per network and step of {BATCH} jets, one core; {machine}")
    libraries = {"MKL": torch.backends.mkl.is_available(), "oneDNN": torch.backends.mkldnn.is_available()}
    print(f"torch {torch.__version__}, {torch.backends.cpu.get_cpu_capability()}, {libraries}")
    names = ("ours", "eager", "keras", "floor", *(f"{above}_over_{below}" for above, below in RATIOS))
    print(f"{'case':30} {'device':6} {'stack':>5}" + "".join(f"{name:>16}" for name in names))
    for row in rows:
        values = "".join(f"{'-' if row[name] is None else row[name]:>16}" for name in names)
        print(f"{row['case']:30} {row['device']:6} {row['stack']:5}{values}")
    write_json(rows, RESULT)


if __name__ == "__main__":
    main()

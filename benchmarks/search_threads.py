"""Measure how a generation of 20 networks is best spread over the machine's cores: shards, and threads in each.

Usage: python benchmarks/search_threads.py [--steps 1000] [--rounds 3]
       python benchmarks/search_threads.py --derive

A shard is a process that trains its share of the generation with some threads, as a job of the workflow does. For 1, 2,
4, ... cores and all of them, every division of the cores into shards and threads is measured in turn, round after
round, and the median taken; start-up and loading are left out, the same for all. The networks are drawn from the
config's space. The table is printed and written to benchmarks/results/search_threads.json.

With --derive nothing is measured: for populations and numbers of cores it prints how many times faster a generation is
than on one core if a network's time goes with its multiply-accumulates, the mean over random generations.
"""

import argparse
import os
from collections import defaultdict
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from heapq import heapreplace
from multiprocessing import get_context
from pathlib import Path
from random import Random
from statistics import mean, median
from threading import Barrier
from time import perf_counter
from typing import Any

import torch
from machine import describe_machine
from search_cost import BATCH, GENERATION, make_cases, make_jets, make_space

from snacpack.core.files import write_json
from snacpack.networks.architecture import Architecture
from snacpack.networks.bops import multiply_accumulates
from snacpack.training import train
from snacpack.training.recipe import Machine, Recipe

RESULT = Path(__file__).parent / "results" / "search_threads.json"
PAPER_STEPS = 5 * 600_000 / BATCH


def divisions(n_cores: int) -> Iterator[tuple[int, int, int]]:
    """Yield cores, shards and threads: 1, 2, 4, ... and all cores in every division, at most GENERATION shards."""
    powers = [2**i for i in range(n_cores.bit_length()) if 2**i < n_cores]
    for cores in (*powers, n_cores):
        for threads in range(1, cores + 1):
            if cores % threads == 0 and cores // threads <= GENERATION:
                yield cores, cores // threads, threads


def warm_up(networks: list[Architecture], n_steps: int, everyone: Barrier) -> None:
    """Load and make what a process needs, and wait for the others."""
    make_jets(n_steps)
    train_shard(networks, 10, 1)
    everyone.wait()


def train_shard(networks: list[Architecture], n_steps: int, threads: int) -> None:
    """Train a shard's networks for one epoch."""
    torch.set_num_threads(threads)
    seeds = list(range(len(networks)))
    results = train(networks, seeds, make_jets(n_steps), make_jets(1), Recipe(1, BATCH), Machine(threads=threads))
    if any(result.failure for result in results):
        raise RuntimeError(f"a network failed: {[result.failure for result in results]}")


def time_generation(
    pool: ProcessPoolExecutor, networks: list[Architecture], n_steps: int, shards: int, threads: int
) -> float:
    """Return the seconds until the last shard is done."""
    start = perf_counter()
    jobs = [pool.submit(train_shard, networks[shard::shards], n_steps, threads) for shard in range(shards)]
    for job in jobs:
        job.result()
    return perf_counter() - start


def measure(n_steps: int, rounds: int) -> list[dict[str, Any]]:
    """Measure every division of the cores; return the rows of the table."""
    n_cores = len(os.sched_getaffinity(0))
    networks = make_cases(GENERATION)["random generation"]
    ways = list(divisions(n_cores))
    seconds = defaultdict(list)
    spawn, n_processes = get_context("spawn"), min(n_cores, GENERATION)
    arguments = (networks, n_steps, spawn.Barrier(n_processes))
    with ProcessPoolExecutor(n_processes, mp_context=spawn, initializer=warm_up, initargs=arguments) as pool:
        # As many jobs at once start as many processes.
        time_generation(pool, networks, 10, n_processes, 1)
        for _ in range(rounds):
            for way in ways:
                seconds[way].append(time_generation(pool, networks, n_steps, *way[1:]))
    one_core = median(seconds[1, 1, 1])
    rows = []
    for cores, shards, threads in ways:
        taken = median(seconds[cores, shards, threads])
        steps_per_second = GENERATION * n_steps / taken
        rows.append(
            {
                "cores": cores,
                "shards": shards,
                "threads": threads,
                "network_steps_per_second": round(steps_per_second),
                "paper_networks_per_hour": round(3600 * steps_per_second / PAPER_STEPS, 1),
                "speed_up": round(one_core / taken, 2),
            }
        )
    return rows


def derived_speed_up(population: int, n_threads: int, n_generations: int = 200) -> float:
    """Return how many times faster threads are that take one network after the other, the costliest first."""
    space, random, ratios = make_space(), Random(0), []
    for _ in range(n_generations):
        genomes = [space.sample(random) for _ in range(population)]
        costs = sorted((multiply_accumulates(space.decode(g).graph.matrices) for g in genomes), reverse=True)
        busy = [0] * n_threads
        for cost in costs:
            heapreplace(busy, busy[0] + cost)
        ratios.append(sum(costs) / max(busy))
    return mean(ratios)


def print_derived() -> None:
    """Print the table of derived speed-ups."""
    cores = (2, 16, 64)
    print(f"{'population':>10}" + "".join(f"{f'{n} cores':>10}" for n in cores))
    for population in (16, 20, 32, 64):
        print(f"{population:>10}" + "".join(f"{derived_speed_up(population, n):10.1f}" for n in cores))


def main() -> None:
    """Measure, print the table and write it."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--steps", type=int, default=1000, help="steps of each network")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--derive", action="store_true", help="print derived numbers, measure nothing")
    options = parser.parse_args()
    if options.derive:
        print_derived()
        return
    machine = describe_machine()
    rows = measure(options.steps, options.rounds)
    print(f"one generation of {GENERATION} networks; paper's networks: 5 epochs of 600,000 jets; {machine}")
    print("".join(f"{column:>26}" for column in rows[0]))
    for row in rows:
        print("".join(f"{value:>26}" for value in row.values()))
    write_json([{**row, "machine": machine} for row in rows], RESULT)


if __name__ == "__main__":
    main()

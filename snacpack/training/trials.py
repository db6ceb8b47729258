"""Training many networks: Adam on a loss with an L1 penalty, as in the SNAC-Pack paper.

On a CPU the networks are trained one by one in each thread, in compiled code; on a GPU they are stacked and take
each step together. Networks that are not dense layers one behind the other are trained one by one by autograd.
The result for a network depends neither on the others nor on the number of threads.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from time import perf_counter

import torch
from torch import nn

from snacpack.core.native_library import load_library
from snacpack.core.seeds import derive_seed
from snacpack.networks.architecture import Architecture
from snacpack.networks.bops import multiply_accumulates
from snacpack.training.autograd import AutogradNetwork
from snacpack.training.fit import Jets, jet_order
from snacpack.training.native import NativeNetwork
from snacpack.training.network import build_network
from snacpack.training.outcome import (
    Outcome,
    Record,
    check_jets,
    choose_machine,
    on_device,
    record_stack,
    train_in_threads,
)
from snacpack.training.recipe import CPU, UNWATCHED, Machine, Recipe, Watch
from snacpack.training.stack import Stack


@dataclass
class TrainingResult(Outcome):
    """A float network and what became of its training."""

    architecture: Architecture
    seed: int
    network: nn.Sequential


def train(
    architectures: Sequence[Architecture],
    seeds: Sequence[int],
    training: Jets,
    validation: Jets,
    recipe: Recipe,
    machine: Machine = CPU,
    watch: Watch = UNWATCHED,
) -> list[TrainingResult]:
    """Train float networks; one that diverges is returned with its reason, not raised.

    Parameters
    ----------
    architectures
        The networks, each with its learning rate, L1 and dropout.
    seeds
        For each network what decides its initial weights, the order of its jets and its dropout.
    training, validation
        :data:`snacpack.training.fit.Jets`.
    recipe, machine, watch
        Length and loss of each training, its processors, and who is told of it.

    Raises
    ------
    ValueError
        If the jets do not fit the networks, are too few or not finite, or there is no such device.
    NativeUnavailable
        If a CPU is to train and there is no compiler.
    MemoryError
        If a network does not fit into memory: that is the machine's doing, not the network's.
    """
    machine = choose_machine(machine)
    samples = [check_jets(sample, architectures, recipe.batch_size, recipe.loss) for sample in (training, validation)]
    results = [
        TrainingResult(architecture, seed, initial_network(architecture, seed))
        for architecture, seed in zip(architectures, seeds, strict=True)
    ]
    if not results:
        return []
    chains, others = split_chains([result.architecture for result in results])
    if machine.device == "cpu":
        chains, others = [], chains + others
    if chains:
        _train_stacked([results[i] for i in chains], samples, recipe, machine, watch.of(chains))
    if others:
        _train_alone([results[i] for i in others], samples, recipe, machine, watch.of(others))
    return results


def split_chains(architectures: Sequence[Architecture]) -> tuple[list[int], list[int]]:
    """Return the positions of dense layers one behind the other, which every trainer knows, and those of the rest."""
    positions: tuple[list[int], list[int]] = ([], [])
    for i, architecture in enumerate(architectures):
        positions[not architecture.is_dense_chain].append(i)
    return positions


def initial_network(architecture: Architecture, seed: int) -> nn.Sequential:
    """Return a network with the initial weights that a seed gives; other users of PyTorch's generator see nothing."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        return build_network(architecture)


def dropout_seed(seed: int) -> int:
    """Return what decides a network's dropout."""
    return derive_seed(seed, "dropout")


def _train_alone(
    results: Sequence[TrainingResult], samples: Sequence[Jets], recipe: Recipe, machine: Machine, watch: Watch
) -> None:
    (x, y, weights), validation = samples
    if any(result.architecture.is_dense_chain for result in results):
        # Here once, not by every thread for its first network.
        load_library()

    def train_one(index: int) -> Iterator[Record]:
        result = results[index]
        batch = min(recipe.batch_size, len(x))
        settings = (result.network, result.architecture, dropout_seed(result.seed), batch, recipe.loss)
        fast = result.architecture.is_dense_chain
        network = NativeNetwork(*settings) if fast else AutogradNetwork(*settings, machine.device)
        for epoch in range(1, recipe.epochs + 1):
            train_loss = network.train(x, y, jet_order(len(x), result.seed, epoch), weights)
            record = result.add_epoch(train_loss, *network.evaluate(*validation), result.architecture.learning_rate)
            if result.failure:
                break
            yield record
        network.store()

    costs = [multiply_accumulates(result.architecture.graph.matrices) for result in results]
    train_in_threads(results, costs, machine.threads, train_one, watch)


def _train_stacked(
    results: Sequence[TrainingResult], samples: Sequence[Jets], recipe: Recipe, machine: Machine, watch: Watch
) -> None:
    start, device = perf_counter(), machine.device
    (x, y, weights), validation = (on_device(sample, device) for sample in samples)
    members = [(result.network, result.architecture, dropout_seed(result.seed)) for result in results]
    stack = Stack(*zip(*members, strict=True), device=device, loss=recipe.loss)
    learning_rates = [result.architecture.learning_rate for result in results]
    for epoch in range(1, recipe.epochs + 1):
        orders = torch.stack([jet_order(len(x), result.seed, epoch) for result in results])
        losses = stack.train(x, y, orders.to(device), recipe.batch_size, weights=weights)
        scores, seconds = stack.evaluate(*validation), (perf_counter() - start) / len(results)
        record_stack(results, losses, scores, learning_rates, seconds, watch)
    stack.store()
    for index, result in enumerate(results):
        if not result.failure:
            watch.on_result(index, result)

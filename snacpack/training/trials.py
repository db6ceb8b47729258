"""Training many networks: Adam on a loss with an L1 penalty, as in the SNAC-Pack paper.

On a CPU the networks are trained one by one in each thread, in compiled code; on a GPU they are stacked and take
each step together. Networks that are not dense layers one behind the other are trained one by one by autograd.
The result for a network depends neither on the others nor on the number of threads.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from time import perf_counter
from typing import Any

import torch
from torch import nn

from snacpack.core.native_library import load_library
from snacpack.core.seeds import derive_seed
from snacpack.networks.architecture import Architecture
from snacpack.networks.bops import multiply_accumulates
from snacpack.training.autograd import AutogradNetwork
from snacpack.training.fit import Jets, jet_order
from snacpack.training.losses import CROSS_ENTROPY, Loss
from snacpack.training.native import NativeNetwork
from snacpack.training.network import build_network
from snacpack.training.outcome import (
    Outcome,
    Record,
    check_jets,
    choose_device,
    on_device,
    record_stack,
    train_in_threads,
)
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
    epochs: int,
    batch_size: int,
    device: str = "cpu",
    threads: int = 1,
    on_epoch: Callable[[int, Record], object] = lambda position, record: None,
    on_result: Callable[[int, TrainingResult], object] = lambda position, result: None,
    loss: Loss = CROSS_ENTROPY,
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
    epochs, batch_size
        Passes over the training jets, and jets per step.
    device
        ``cpu``, ``cuda``, or ``auto``, a GPU if PyTorch sees one.
    threads
        Networks that a CPU trains at a time.
    on_epoch, on_result
        Called with a network's position and the record of each of its epochs, or its result as soon as
        it is trained or has failed; by one thread at a time.
    loss
        The loss that is made small.

    Raises
    ------
    ValueError
        If the jets do not fit the networks, are too few or not finite, or there is no such device.
    NativeUnavailable
        If a CPU is to train and there is no compiler.
    MemoryError
        If a network does not fit into memory: that is the machine's doing, not the network's.
    """
    device = choose_device(device)
    samples = [check_jets(sample, architectures, batch_size, loss) for sample in (training, validation)]
    results = [
        TrainingResult(architecture, seed, initial_network(architecture, seed))
        for architecture, seed in zip(architectures, seeds, strict=True)
    ]
    if not results:
        return []
    chains, others = split_chains([result.architecture for result in results])
    if device == "cpu":
        chains, others = [], chains + others
    if chains:
        stacked = [results[i] for i in chains]
        _train_stacked(stacked, *samples, epochs, batch_size, loss, device, *by_position(chains, on_epoch, on_result))
    if others:
        alone = [results[i] for i in others]
        callbacks = by_position(others, on_epoch, on_result)
        threads = threads if device == "cpu" else 1
        _train_alone(alone, *samples, epochs, batch_size, loss, device, threads, *callbacks)
    return results


def split_chains(architectures: Sequence[Architecture]) -> tuple[list[int], list[int]]:
    """Return the positions of dense layers one behind the other, which every trainer knows, and those of the rest."""
    positions: tuple[list[int], list[int]] = ([], [])
    for i, architecture in enumerate(architectures):
        positions[not architecture.is_dense_chain].append(i)
    return positions


def by_position(
    positions: Sequence[int], *callbacks: Callable[[int, Any], object]
) -> list[Callable[[int, Any], object]]:
    """Return callbacks that are told the position among all networks, not among those at ``positions``."""
    return [lambda index, entry, callback=callback: callback(positions[index], entry) for callback in callbacks]


def initial_network(architecture: Architecture, seed: int) -> nn.Sequential:
    """Return a network with the initial weights that a seed gives; other users of PyTorch's generator see nothing."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        return build_network(architecture)


def dropout_seed(seed: int) -> int:
    """Return what decides a network's dropout."""
    return derive_seed(seed, "dropout")


def _train_alone(results, training, validation, epochs, batch_size, loss, device, threads, on_epoch, on_result) -> None:
    x, y, weights = training
    if any(result.architecture.is_dense_chain for result in results):
        # Here once, not by every thread for its first network.
        load_library()

    def train_one(index: int) -> Iterator[Record]:
        result = results[index]
        batch = min(batch_size, len(x))
        settings = (result.network, result.architecture, dropout_seed(result.seed), batch, loss)
        fast = result.architecture.is_dense_chain
        network = NativeNetwork(*settings) if fast else AutogradNetwork(*settings, device)
        for epoch in range(1, epochs + 1):
            train_loss = network.train(x, y, jet_order(len(x), result.seed, epoch), weights)
            record = result.add_epoch(train_loss, *network.evaluate(*validation), result.architecture.learning_rate)
            if result.failure:
                break
            yield record
        network.store()

    costs = [multiply_accumulates(result.architecture.graph.matrices) for result in results]
    train_in_threads(results, costs, threads, train_one, on_epoch, on_result)


def _train_stacked(results, training, validation, epochs, batch_size, loss, device, on_epoch, on_result) -> None:
    start = perf_counter()
    (x, y, weights), validation = (on_device(sample, device) for sample in (training, validation))
    members = [(result.network, result.architecture, dropout_seed(result.seed)) for result in results]
    stack = Stack(*zip(*members, strict=True), device=device, loss=loss)
    learning_rates = [result.architecture.learning_rate for result in results]
    for epoch in range(1, epochs + 1):
        orders = torch.stack([jet_order(len(x), result.seed, epoch) for result in results])
        losses = stack.train(x, y, orders.to(device), batch_size, weights=weights)
        scores, seconds = stack.evaluate(*validation), (perf_counter() - start) / len(results)
        record_stack(results, losses, scores, learning_rates, seconds, on_epoch, on_result)
    stack.store()
    for index, result in enumerate(results):
        if not result.failure:
            on_result(index, result)

"""Training quantised networks further, some of them while they are pruned: many at a time.

On a CPU the networks are trained one by one in each thread, in compiled code; on a GPU they are stacked and take
each step together. Networks that are not dense layers one behind the other are trained one by one by autograd.
The result for a network depends neither on the others nor on the number of threads.
"""

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from time import perf_counter

import torch

from snacpack.core.native_library import load_library
from snacpack.networks.architecture import Architecture
from snacpack.networks.bops import multiply_accumulates
from snacpack.training.autograd import AutogradQuantizedNetwork
from snacpack.training.fit import Jets, jet_order
from snacpack.training.native import NativeQuantizedNetwork
from snacpack.training.outcome import (
    Outcome,
    Record,
    check_jets,
    choose_machine,
    on_device,
    record_stack,
    train_in_threads,
)
from snacpack.training.pruning import gradual_target, shrink_masks
from snacpack.training.quantized import QuantizedNetwork
from snacpack.training.recipe import CPU, UNWATCHED, Machine, Recipe, Watch
from snacpack.training.trials import dropout_seed, split_chains

PIECES = 10
"""Pieces of an epoch, between which learning rate and masks change."""
PRUNING_SHARE = 0.6
"""Share of a training's steps after which as many weights are left as shall be."""


@dataclass
class FineTuning:
    """A quantised network that is to be trained on.

    Parameters
    ----------
    network
        Trained in place.
    architecture
        Its widths, learning rate, L1 and dropout.
    seed
        Decides the order of its jets and its dropout.
    weights_left
        Prune gradually down to so many weights; None keeps the masks as they are.
    decay
        Whether the learning rate falls to zero along a cosine, rather than to stay.
    """

    network: QuantizedNetwork
    architecture: Architecture
    seed: int
    weights_left: int | None = None
    decay: bool = False


@dataclass
class FineTuned(Outcome):
    """A quantised network and what became of its training."""

    network: QuantizedNetwork

    @property
    def density(self) -> float:
        """The fraction of weights that are left."""
        masks = [layer.mask for layer in self.network.layers]
        return sum(int(mask.sum()) for mask in masks) / sum(mask.numel() for mask in masks)


def fine_tune(
    tasks: Sequence[FineTuning],
    training: Jets,
    validation: Jets,
    recipe: Recipe,
    machine: Machine = CPU,
    watch: Watch = UNWATCHED,
) -> list[FineTuned]:
    """Train quantised networks in place; one that diverges is returned with its reason, not raised.

    Parameters
    ----------
    tasks
        The networks; no two share a tensor.
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
    architectures = [task.architecture for task in tasks]
    samples = [check_jets(sample, architectures, recipe.batch_size, recipe.loss) for sample in (training, validation)]
    results = [FineTuned(network=task.network) for task in tasks]
    if not tasks:
        return []
    chains, others = split_chains(architectures)
    if machine.device == "cpu":
        chains, others = [], chains + others
    for positions, tune in ((chains, _tune_stacked), (others, _tune_alone)):
        if positions:
            chosen = [tasks[i] for i in positions], [results[i] for i in positions]
            tune(*chosen, samples, recipe, machine, watch.of(positions))
    return results


@dataclass(frozen=True)
class _Piece:
    """Some batches of an epoch: jets ``start`` to ``end`` of its order.

    ``before`` and ``after`` say how much of the training is gone before and after it, ``pruned`` how much of the
    way to the last mask.
    """

    start: int
    end: int
    n_batches: int
    before: float
    after: float
    pruned: float


def _pieces(n_jets: int, batch_size: int, epochs: int) -> list[list[_Piece]]:
    """Return the pieces of each epoch, of whole batches; a last batch of one jet is left out."""
    n_batches = n_jets // batch_size + (n_jets % batch_size > 1)
    n_pieces = min(PIECES, n_batches)
    bounds = [n_batches * i // n_pieces for i in range(n_pieces + 1)]
    steps = epochs * n_batches

    def piece(epoch: int, i: int) -> _Piece:
        first, end = bounds[i], bounds[i + 1]
        before = (epoch * n_batches + first) / steps
        is_last = epoch == epochs - 1 and end == n_batches
        return _Piece(
            first * batch_size,
            min(end * batch_size, n_jets),
            end - first,
            before,
            (epoch * n_batches + end) / steps,
            1.0 if is_last else before / PRUNING_SHARE,
        )

    return [[piece(epoch, i) for i in range(n_pieces)] for epoch in range(epochs)]


def _learning_rate(task: FineTuning, piece: _Piece) -> float:
    rate = task.architecture.learning_rate
    return rate * (1 + math.cos(math.pi * (piece.before + piece.after) / 2)) / 2 if task.decay else rate


class _Pruning:
    """The masks of a network from piece to piece."""

    def __init__(self, task: FineTuning) -> None:
        self._layers = task.network.layers
        self._n_weights = sum(int(layer.mask.sum()) for layer in self._layers)
        self._left = self._n_weights
        self._weights_left = task.weights_left

    def next_masks(self, piece: _Piece, store: Callable[[], None]) -> list[torch.Tensor] | None:
        """Shrink the network's masks for a piece and return them, or None if they stay; ``store`` gets the weights."""
        if self._weights_left is None:
            return None
        left = gradual_target(self._n_weights, self._weights_left, piece.pruned)
        if left >= self._left:
            return None
        store()
        masks = shrink_masks([layer.weight for layer in self._layers], [layer.mask for layer in self._layers], left)
        for layer, mask in zip(self._layers, masks, strict=True):
            layer.mask.copy_(mask)
        self._left = left
        return masks


def _tune_alone(
    tasks: Sequence[FineTuning],
    results: Sequence[FineTuned],
    samples: Sequence[Jets],
    recipe: Recipe,
    machine: Machine,
    watch: Watch,
) -> None:
    if any(task.architecture.is_dense_chain for task in tasks):
        # Here once, not by every thread for its first network.
        load_library()
    (x, y, weights), validation = samples
    n_jets = len(x)
    batch_size = min(recipe.batch_size, n_jets)
    schedule = _pieces(n_jets, batch_size, recipe.epochs)

    def tune_one(index: int) -> Iterator[Record]:
        task, result = tasks[index], results[index]
        settings = (task.network, task.architecture, dropout_seed(task.seed), batch_size, recipe.loss)
        fast = task.architecture.is_dense_chain
        network = NativeQuantizedNetwork(*settings) if fast else AutogradQuantizedNetwork(*settings, machine.device)
        pruning = _Pruning(task)
        for epoch, pieces in enumerate(schedule, start=1):
            order, losses = jet_order(n_jets, task.seed, epoch), []
            for piece in pieces:
                masks = pruning.next_masks(piece, network.store)
                if masks is not None:
                    network.set_masks(masks)
                jets = order[piece.start : piece.end]
                losses.append(network.train(x, y, jets, _learning_rate(task, piece), weights))
                if not math.isfinite(losses[-1]):
                    break
            train_loss = _mean(losses, pieces)
            record = result.add_epoch(train_loss, *network.evaluate(*validation), task.architecture.learning_rate)
            if result.failure:
                break
            yield record
        network.store()

    costs = [multiply_accumulates(task.architecture.graph.matrices) for task in tasks]
    train_in_threads(results, costs, machine.threads, tune_one, watch)


def _tune_stacked(
    tasks: Sequence[FineTuning],
    results: Sequence[FineTuned],
    samples: Sequence[Jets],
    recipe: Recipe,
    machine: Machine,
    watch: Watch,
) -> None:
    # The stack is needed with a GPU only.
    from snacpack.training.quantized_stack import QuantizedStack

    start, device = perf_counter(), machine.device
    (x, y, weights), validation = (on_device(sample, device) for sample in samples)
    n_jets = len(x)
    batch_size = min(recipe.batch_size, n_jets)
    members = [(task.network, task.architecture, dropout_seed(task.seed)) for task in tasks]
    stack = QuantizedStack(*map(list, zip(*members, strict=True)), device, recipe.loss)
    prunings = [_Pruning(task) for task in tasks]
    base_rates = [task.architecture.learning_rate for task in tasks]
    for epoch, pieces in enumerate(_pieces(n_jets, batch_size, recipe.epochs), start=1):
        orders = torch.stack([jet_order(n_jets, task.seed, epoch) for task in tasks]).to(device)
        losses = []
        for piece in pieces:
            _shrink_stacks_masks(stack, tasks, prunings, piece)
            rates = [_learning_rate(task, piece) for task in tasks]
            losses.append(stack.train(x, y, orders[:, piece.start : piece.end], batch_size, rates, weights))
        means = [_mean(of_network, pieces) for of_network in zip(*losses, strict=True)]
        scores, seconds = stack.evaluate(*validation), (perf_counter() - start) / len(tasks)
        record_stack(results, means, scores, base_rates, seconds, watch)
    stack.store()
    for index, result in enumerate(results):
        if not result.failure:
            watch.on_result(index, result)


def _shrink_stacks_masks(stack, tasks: Sequence[FineTuning], prunings: Sequence[_Pruning], piece: _Piece) -> None:
    stored = False

    def store_once() -> None:
        nonlocal stored
        if not stored:
            stack.store()
        stored = True

    shrunk = [pruning.next_masks(piece, store_once) is not None for pruning in prunings]
    if any(shrunk):
        stack.set_masks([[layer.mask for layer in task.network.layers] for task in tasks])


def _mean(losses: Sequence[float], pieces: Sequence[_Piece]) -> float:
    """Return the mean over batches; not a number if a piece failed, after which there may be no others."""
    if len(losses) < len(pieces):
        return math.nan
    return sum(loss * piece.n_batches for loss, piece in zip(losses, pieces, strict=True)) / sum(
        piece.n_batches for piece in pieces
    )

"""Training many networks: Adam on cross-entropy with an L1 penalty, as in the SNAC-Pack paper.

On a CPU the networks are trained one by one in each thread, in compiled code; on a GPU they are stacked and take
each step together. What becomes of a network depends on neither the others nor on the number of threads.
"""

import math
import warnings
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from dataclasses import dataclass, field
from threading import Event, Lock
from time import perf_counter

import torch
from torch import nn

from snacpack.architecture import Architecture
from snacpack.hardware.bops import multiply_accumulates
from snacpack.seeds import derive_seed
from snacpack.training.fit import Jets, jet_order
from snacpack.training.native import NativeNetwork, NativeUnavailable, load_library
from snacpack.training.network import build_network
from snacpack.training.stack import Stack

Record = dict[str, float]
LARGEST_BATCH = 65536
"""The hash that decides which units are dropped tells so many jets apart; batch normalisation needs two."""


@dataclass
class TrainingResult:
    """A training's outcome.

    ``accuracy`` and ``loss`` are those of the validation jets after the last
    epoch, ``history`` has a record per epoch, ``seconds`` is the wall time of its
    training, in a stack an equal share of the stack's. Of a training that failed,
    ``failure`` says why and accuracy and loss are None.
    """

    architecture: Architecture
    seed: int
    network: nn.Sequential
    history: list[Record] = field(default_factory=list)
    seconds: float = 0.0
    failure: str | None = None

    @property
    def epochs(self) -> int:
        """Epochs after which the loss was a number."""
        return len(self.history)

    @property
    def accuracy(self) -> float | None:
        """Accuracy of the validation jets, a fraction."""
        return None if self.failure else self.history[-1]["validation_accuracy"]

    @property
    def loss(self) -> float | None:
        """Cross-entropy of the validation jets."""
        return None if self.failure else self.history[-1]["validation_loss"]

    def add_epoch(self, train_loss: float, validation_loss: float, accuracy: float) -> Record:
        """Record an epoch; a loss that is no number is the training's failure."""
        record = {"epoch": len(self.history) + 1, "train_loss": train_loss}
        record |= {"validation_loss": validation_loss, "validation_accuracy": accuracy}
        if math.isfinite(train_loss) and math.isfinite(validation_loss):
            self.history.append(record)
        else:
            self.failure = (
                f"Diverged: the loss is {train_loss} after epoch {record['epoch']} with learning rate "
                f"{self.architecture.learning_rate}; a smaller learning rate may help"
            )
        return record


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
) -> list[TrainingResult]:
    """Train float networks; one that diverges is returned with its reason, not raised.

    Parameters
    ----------
    architectures
        The networks, each with its learning rate, L1 and dropout.
    seeds
        For each network what decides its initial weights, the order of its jets and its dropout.
    training, validation
        Jets ``(x, y)``: (n, n_inputs) float32 and (n,) class numbers.
    epochs, batch_size
        Passes over the training jets, and jets per step.
    device
        ``cpu``, ``cuda``, or ``auto``, a GPU if PyTorch sees one.
    threads
        Networks that a CPU trains at a time.
    on_epoch, on_result
        Called with a network's position and the record of each of its epochs, or its result as soon as
        it is trained or has failed; by one thread at a time.

    Raises
    ------
    ValueError
        If the jets do not fit the networks, are too few or not finite, or there is no such device.
    """
    if device == "auto":
        device = "cuda" if torch.cuda.is_available() else "cpu"
    elif device != "cpu" and not torch.cuda.is_available():
        raise ValueError(f"training.device is {device}, but PyTorch sees no GPU here; take cpu or auto")
    samples = [_checked(*sample, architectures, batch_size) for sample in (training, validation)]
    results = [
        TrainingResult(architecture, seed, initial_network(architecture, seed))
        for architecture, seed in zip(architectures, seeds, strict=True)
    ]
    if not results:
        return []
    if device == "cpu":
        try:
            load_library()
        except NativeUnavailable as error:
            warnings.warn(f"training in PyTorch, several times slower: {error}", stacklevel=2)
        else:
            _train_natively(results, *samples, epochs, batch_size, threads, on_epoch, on_result)
            return results
    _train_stacked(results, *samples, epochs, batch_size, device, on_epoch, on_result)
    return results


def initial_network(architecture: Architecture, seed: int) -> nn.Sequential:
    """Return a network with the initial weights that a seed gives; other users of PyTorch's generator see nothing."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        return build_network(architecture)


def dropout_seed(seed: int) -> int:
    """Return what decides a network's dropout."""
    return derive_seed(seed, "dropout")


def _checked(x, y, architectures: Sequence[Architecture], batch_size: int) -> tuple[torch.Tensor, torch.Tensor]:
    x = torch.as_tensor(x, dtype=torch.float32, device="cpu").contiguous()
    y = torch.as_tensor(y, dtype=torch.int64, device="cpu").contiguous()
    if x.ndim != 2 or y.shape != x.shape[:1] or len(x) < 2:
        raise ValueError(
            f"jets must be (n, n_inputs) with n classes, n at least 2; got {(*x.shape,)} and {(*y.shape,)}"
        )
    if not torch.isfinite(x).all():
        raise ValueError("a feature of the jets is not a finite number; prepare them again (preprocess_jets)")
    if not 2 <= batch_size <= LARGEST_BATCH:
        raise ValueError(f"training.batch_size is {batch_size}; it must be between 2 and {LARGEST_BATCH}")
    for architecture in architectures:
        if architecture.n_inputs != x.shape[1]:
            raise ValueError(f"the jets have {x.shape[1]} features, {architecture.label} takes {architecture.n_inputs}")
        if y.min() < 0 or y.max() >= architecture.n_outputs:
            raise ValueError(f"the jets have classes {y.min()} to {y.max()}, {architecture.label} has no such output")
    return x, y


def _train_natively(results, training, validation, epochs, batch_size, threads, on_epoch, on_result) -> None:
    lock, stop = Lock(), Event()

    def train_epochs(index: int) -> None:
        result, start = results[index], perf_counter()
        batch = min(batch_size, len(training[0]))
        network = NativeNetwork(result.network, result.architecture, dropout_seed(result.seed), batch)
        for epoch in range(1, epochs + 1):
            train_loss = network.train(*training, jet_order(len(training[0]), result.seed, epoch))
            record = result.add_epoch(train_loss, *network.evaluate(*validation))
            result.seconds = perf_counter() - start
            if result.failure or stop.is_set():
                break
            with lock:
                on_epoch(index, record)
        network.store()

    def train_one(index: int) -> None:
        try:
            train_epochs(index)
        except MemoryError as error:
            results[index].failure = f"MemoryError: {error}"
        if not stop.is_set():
            with lock:
                on_result(index, results[index])

    # The costliest first, so that no thread is left alone with one of them.
    costs = [multiply_accumulates(result.architecture.layer_widths) for result in results]
    order = sorted(range(len(results)), key=lambda index: -costs[index])
    with ThreadPoolExecutor(threads) as pool:
        try:
            for future in as_completed([pool.submit(train_one, index) for index in order]):
                future.result()
        except BaseException:
            # Nobody waits for the networks that are left.
            stop.set()
            pool.shutdown(wait=False, cancel_futures=True)
            raise


def _train_stacked(results, training, validation, epochs, batch_size, device, on_epoch, on_result) -> None:
    start = perf_counter()
    training, validation = ([tensor.to(device) for tensor in sample] for sample in (training, validation))
    members = [(result.network, result.architecture, dropout_seed(result.seed)) for result in results]
    stack = Stack(*zip(*members, strict=True), device=device)
    for epoch in range(1, epochs + 1):
        orders = torch.stack([jet_order(len(training[0]), result.seed, epoch) for result in results])
        losses = stack.train(*training, orders.to(device), batch_size)
        scores = stack.evaluate(*validation)
        for index, (result, loss, score) in enumerate(zip(results, losses, zip(*scores, strict=True), strict=True)):
            if result.failure:
                continue
            record = result.add_epoch(loss, *score)
            result.seconds = (perf_counter() - start) / len(results)
            if result.failure:
                on_result(index, result)
            else:
                on_epoch(index, record)
    stack.store()
    for index, result in enumerate(results):
        if not result.failure:
            on_result(index, result)

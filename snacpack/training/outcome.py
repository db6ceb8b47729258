"""The outcome of a training, and many trainings in threads, for the trainers of float and quantised networks."""

import math
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from dataclasses import dataclass, field
from threading import Event, Lock
from time import perf_counter

import torch

from snacpack.networks.architecture import Architecture
from snacpack.training.fit import Jets, as_tensors
from snacpack.training.losses import Loss, check_weights
from snacpack.training.recipe import Machine, Watch

Record = dict[str, float]
LARGEST_BATCH = 65536
"""The hash that decides which units are dropped tells so many jets apart; batch normalisation needs two."""


@dataclass(kw_only=True)
class Outcome:
    """A training's outcome.

    ``accuracy``, which is the score, and ``loss`` are those of the validation jets after the last
    epoch, ``history`` has a record per epoch, ``seconds`` is the wall time of its
    training, in a stack an equal share of the stack's. If a training failed,
    ``failure`` says why, and accuracy and loss are None.
    """

    history: list[Record] = field(default_factory=list)
    seconds: float = 0.0
    failure: str | None = None

    @property
    def epochs(self) -> int:
        """Epochs after which the loss was a number."""
        return len(self.history)

    @property
    def accuracy(self) -> float | None:
        """Score of the validation jets: of classes the accuracy, a fraction, of numbers R^2."""
        return None if self.failure else self.history[-1]["validation_accuracy"]

    @property
    def loss(self) -> float | None:
        """Loss of the validation jets."""
        return None if self.failure else self.history[-1]["validation_loss"]

    def add_epoch(self, train_loss: float, validation_loss: float, accuracy: float, learning_rate: float) -> Record:
        """Record an epoch; a loss that is no number is the training's failure."""
        record = {"epoch": len(self.history) + 1, "train_loss": train_loss}
        record |= {"validation_loss": validation_loss, "validation_accuracy": accuracy}
        if math.isfinite(train_loss) and math.isfinite(validation_loss):
            self.history.append(record)
        else:
            self.failure = (
                f"Diverged: the loss is {train_loss} after epoch {record['epoch']} with learning rate "
                f"{learning_rate}; a smaller learning rate may help"
            )
        return record


def choose_machine(machine: Machine) -> Machine:
    """Return a machine whose device is ``cpu`` or ``cuda``; a GPU trains one network, or one stack, at a time.

    Raises
    ------
    ValueError
        If there is no such device.
    """
    device = machine.device
    if device == "auto":
        device = "cuda" if torch.cuda.is_available() else "cpu"
    if device != "cpu" and not torch.cuda.is_available():
        raise ValueError(f"training.device is {device}, but PyTorch sees no GPU here; choose cpu or auto")
    return Machine(device, machine.threads if device == "cpu" else 1)


def check_jets(
    jets: Jets, architectures: Sequence[Architecture], batch_size: int, loss: Loss
) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor | None]:
    """Return jets as contiguous tensors on the CPU: features, targets of the loss's type, and weights or None.

    Raises
    ------
    ValueError
        If they do not fit the networks or the batch size, are too few or not finite.
    """
    x, y, weights = as_tensors(jets)
    x = x.to("cpu", torch.float32).contiguous()
    if x.ndim != 2 or len(x) < 2 or len(y) != len(x):
        raise ValueError(
            f"examples must be (n, n_inputs) with n targets, n at least 2; got {(*x.shape,)} and {(*y.shape,)}"
        )
    y, weights = loss.targets(y, len(x)), check_weights(weights, len(x))
    if not torch.isfinite(x).all():
        raise ValueError("a feature of the examples is not a finite number; prepare the data set again")
    if not 2 <= batch_size <= LARGEST_BATCH:
        raise ValueError(f"training.batch_size is {batch_size}; it must be between 2 and {LARGEST_BATCH}")
    for architecture in architectures:
        if architecture.n_inputs != x.shape[1]:
            raise ValueError(
                f"the examples have {x.shape[1]} features, {architecture.label} takes {architecture.n_inputs}"
            )
        if not loss.of_classes and y.shape[1] != architecture.n_outputs:
            raise ValueError(
                f"the examples have {y.shape[1]} targets, {architecture.label} gives {architecture.n_outputs}"
            )
        if loss.of_classes and (y.min() < 0 or y.max() >= architecture.n_outputs):
            raise ValueError(
                f"the examples have classes {y.min()} to {y.max()}, {architecture.label} has no such output"
            )
    return x, y, weights


def on_device(
    jets: tuple[torch.Tensor, torch.Tensor, torch.Tensor | None], device: str
) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor | None]:
    """Return the tensors of :func:`check_jets` on a device."""
    x, y, weights = jets
    return x.to(device), y.to(device), None if weights is None else weights.to(device)


def train_in_threads(
    outcomes: Sequence[Outcome],
    costs: Sequence[float],
    threads: int,
    train: Callable[[int], Iterator[Record]],
    watch: Watch,
) -> None:
    """Train networks in threads, the costliest first, so that no thread is left alone with one of them.

    Parameters
    ----------
    outcomes
        The outcome of each network; seconds are entered here.
    costs
        The cost of each network's training, in any unit.
    threads
        Networks trained at a time.
    train
        Trains the network of a position and yields a record after each epoch; records and failures are entered in
        its outcome by itself.
    watch
        Told of every epoch and outcome, by one thread at a time.
    """
    lock, stop = Lock(), Event()

    def report(callback: Callable, *arguments: object) -> None:
        with lock:
            if stop.is_set():
                return
            try:
                callback(*arguments)
            except BaseException:
                # Nobody waits for the networks that are left.
                stop.set()
                raise

    def train_one(index: int) -> None:
        outcome, start = outcomes[index], perf_counter()
        for record in train(index):
            outcome.seconds = perf_counter() - start
            report(watch.on_epoch, index, record)
            if stop.is_set():
                return
        outcome.seconds = perf_counter() - start
        report(watch.on_result, index, outcome)

    order = sorted(range(len(outcomes)), key=lambda index: -costs[index])
    with ThreadPoolExecutor(threads) as pool:
        try:
            for future in as_completed([pool.submit(train_one, index) for index in order]):
                future.result()
        except BaseException:
            stop.set()
            pool.shutdown(wait=False, cancel_futures=True)
            raise


def record_stack(
    outcomes: Sequence[Outcome],
    losses: Sequence[float],
    scores: tuple[Sequence[float], Sequence[float]],
    learning_rates: Sequence[float],
    seconds: float,
    watch: Watch,
) -> None:
    """Enter an epoch of a stack's networks; those that failed before are left as they are.

    Parameters
    ----------
    outcomes
        The outcome of each network.
    losses, scores
        Training losses, then validation losses and scores of the networks.
    learning_rates
        Those of the networks, for the message of a failure.
    seconds
        A network's share of the time since the training began.
    watch
        Told of a network's epoch, or of its outcome if it failed.
    """
    epoch = zip(outcomes, losses, *scores, learning_rates, strict=True)
    for index, (outcome, loss, validation_loss, accuracy, learning_rate) in enumerate(epoch):
        if outcome.failure:
            continue
        record = outcome.add_epoch(loss, validation_loss, accuracy, learning_rate)
        outcome.seconds = seconds
        if outcome.failure:
            watch.on_result(index, outcome)
        else:
            watch.on_epoch(index, record)

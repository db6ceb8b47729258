"""The ways of a training: how long and on which loss, on which machine, and who is told of it."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from snacpack.training.losses import CROSS_ENTROPY, Loss


@dataclass(frozen=True)
class Recipe:
    """The length and the loss of a training; learning rate, L1 and dropout belong to the architecture.

    Parameters
    ----------
    epochs
        Passes over the training examples.
    batch_size
        Examples per step.
    loss
        The loss that is made small.
    """

    epochs: int
    batch_size: int
    loss: Loss = CROSS_ENTROPY


@dataclass(frozen=True)
class Machine:
    """The processors of a training.

    Parameters
    ----------
    device
        ``cpu``, ``cuda``, or ``auto``, a GPU if PyTorch sees one.
    threads
        Networks that a CPU trains at a time.
    """

    device: str = "cpu"
    threads: int = 1


def _nothing(position: int, told: Any) -> None:
    pass


@dataclass(frozen=True)
class Watch:
    """The callbacks of a training of many networks, called by one thread at a time.

    Parameters
    ----------
    on_epoch
        Called with a network's position and the record of each of its epochs.
    on_result
        Called with a network's position and its result as soon as it is trained or has failed.
    """

    on_epoch: Callable[[int, dict[str, float]], object] = _nothing
    on_result: Callable[[int, Any], object] = _nothing

    def of(self, positions: list[int]) -> "Watch":
        """Return the callbacks of some of the networks, which are told the position among all."""
        return Watch(
            lambda index, record: self.on_epoch(positions[index], record),
            lambda index, result: self.on_result(positions[index], result),
        )


CPU = Machine()
UNWATCHED = Watch()

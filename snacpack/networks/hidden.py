"""Hidden layers, as every family has them."""

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from snacpack.networks.layer import Layer
from snacpack.networks.operations.activation import ActivationLayer
from snacpack.networks.operations.batch_norm import BatchNormLayer
from snacpack.networks.operations.dense import DenseLayer
from snacpack.networks.operations.dropout import DropoutLayer

if TYPE_CHECKING:
    from snacpack.networks.architecture import Architecture


def hidden_layers(architecture: "Architecture", units: Sequence[int]) -> Iterator[Layer]:
    """Yield the layers of dense hidden layers.

    Each is a dense layer, batch normalisation if the architecture has it, the activation, and dropout if its
    probability is not zero.

    Parameters
    ----------
    architecture
        Gives batch normalisation, activation and dropout.
    units
        Hidden units of each layer, on the last axis.
    """
    for width in units:
        yield DenseLayer(width)
        if architecture.batch_norm:
            yield BatchNormLayer()
        yield ActivationLayer(architecture.activation)
        if architecture.dropout > 0:
            yield DropoutLayer(architecture.dropout)

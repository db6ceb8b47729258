"""Dense layers one behind the other, on all numbers of an example."""

from typing import TYPE_CHECKING

from snacpack.networks.family import Family
from snacpack.networks.graph import Graph
from snacpack.networks.hidden import hidden_layers
from snacpack.networks.operations.dense import DenseLayer

if TYPE_CHECKING:
    from snacpack.networks.architecture import Architecture


def build(architecture: "Architecture") -> Graph:
    """Return the hidden layers of an architecture and the layer of its outputs."""
    return Graph(
        (architecture.n_inputs,),
        (*hidden_layers(architecture, architecture.units), DenseLayer(architecture.n_outputs)),
    )


FAMILY = Family("dense", "dense layers one behind the other", build)

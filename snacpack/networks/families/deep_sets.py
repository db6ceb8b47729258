"""Deep Sets: the same dense layers on every constituent, their sum, and dense layers on that.

M. Zaheer et al., "Deep Sets", NeurIPS 2017, arXiv:1703.06114; P. T. Komiske, E. M. Metodiev, J. Thaler, "Energy flow
networks: deep sets for particle jets", JHEP 01 (2019) 121.
"""

from typing import TYPE_CHECKING

from snacpack.networks.family import Family, Option, Units
from snacpack.networks.graph import Graph
from snacpack.networks.hidden import hidden_layers
from snacpack.networks.layer import ExactLayer
from snacpack.networks.operations.dense import DenseLayer
from snacpack.networks.operations.sum import Sum

if TYPE_CHECKING:
    from snacpack.networks.architecture import Architecture


def build(architecture: "Architecture") -> Graph:
    """Return the graph of an architecture.

    The sum over n constituents is divided by n or the next power of two above it: it is exact and about as large as
    the numbers of a constituent.
    """
    n = architecture.options["constituents"]
    n_features, rest = divmod(architecture.n_inputs, n)
    if rest:
        raise ValueError(
            f"options.constituents is {n}, but the {architecture.n_inputs} numbers of an example are no multiple of it"
        )
    layers = (
        *hidden_layers(architecture, architecture.options["shared_units"]),
        ExactLayer(Sum(axis=0, shift=(n - 1).bit_length())),
        *hidden_layers(architecture, architecture.units),
        DenseLayer(architecture.n_outputs),
    )
    return Graph((n, n_features), layers)


FAMILY = Family(
    "deep_sets",
    "dense layers that all constituents share, their sum, and dense layers on that",
    build,
    options={
        "constituents": Option(
            {
                "description": "constituents of an example, equal parts of its numbers, from 1",
                "type": "integer",
                "minimum": 1,
            }
        ),
        "shared_units": Units.of("layer that the constituents share"),
    },
)

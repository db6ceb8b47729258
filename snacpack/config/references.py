"""The configuration's section ``references``: architectures that go through every stage beside the candidates."""

from collections.abc import Iterable
from typing import Annotated, Any, Literal

from pydantic import Field

from snacpack.config.keys import Entry, Says, Section, key
from snacpack.config.types import Share
from snacpack.config.wording import listed
from snacpack.networks.architecture import ACTIVATIONS, Architecture
from snacpack.networks.family import MOST_LAYERS, WIDEST

LearningRate = Annotated[float, Field(gt=0, le=1)]
L1 = Annotated[float, Field(ge=0, le=1)]
Width = Annotated[int, Field(ge=1, le=WIDEST)]
Activation = Literal[*ACTIVATIONS]


def _families() -> Iterable[str]:
    from snacpack.networks.registry import REGISTRY

    return REGISTRY.known()


Family = Annotated[str, Entry(_families, lambda: listed(_families()))]


class Reference(Section):
    """An architecture with what it is trained with."""

    units: Annotated[list[Width], Field(min_length=1, max_length=MOST_LAYERS)] = key(..., "hidden units of each layer")
    activation: Activation = key(Architecture.activation, "activation of all hidden layers")
    batch_norm: bool = key(Architecture.batch_norm, "whether hidden layers are batch normalised")
    learning_rate: LearningRate = key(Architecture.learning_rate, "step size of Adam")
    l1: L1 = key(Architecture.l1, "weight of the sum of absolute weights in the loss")
    dropout: Share = key(Architecture.dropout, "probability that a hidden unit is dropped in training")
    family: Family = key(
        Architecture.family,
        "family of networks",
        "`units` are the hidden units of its last layers. [Families](#families) are listed below.",
    )
    options: Annotated[dict[str, Any], Says("a section with options of the family")] = key({}, "options of the family")


References = Annotated[
    dict[
        Annotated[
            str,
            Field(pattern=r"^(?!(snac|nac)-)(?!(nan|null)$)[a-z0-9][a-z0-9_-]{0,59}$"),
            Says(
                "a name of small letters, digits, _ and -, at most 60; snac-... and nac-... are the candidates' "
                "names, and nan and null are no names in a table"
            ),
        ],
        Reference | None,
    ],
    Field(min_length=1),
    Says("a section with a section for each name, or null, which takes a reference out"),
]

BASELINE = {
    "units": [120, 60, 32, 64, 64, 64, 32, 44],
    "activation": "relu",
    "batch_norm": False,
    "learning_rate": 0.0013,
    "l1": 1.31e-5,
    "dropout": 0.0,
}
"""The jet classifier of Odagiu et al. 2024 for 8 constituents."""

"""The networks this project is about, and the hyper-parameters that they are trained with."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING, Any

from snacpack.networks.operations.activation import FUNCTIONS

if TYPE_CHECKING:
    from snacpack.networks.graph import Graph

ACTIVATIONS = tuple(FUNCTIONS)
DENSE = "dense"
"""The family of a network that names none."""


@dataclass(frozen=True)
class Architecture:
    """A network and the hyper-parameters that it is trained with.

    Each hidden layer is a dense layer, batch normalisation if asked for, the
    activation and, in training only, dropout. The last layer gives one logit
    per class. A family may have other layers in front of these.

    Parameters
    ----------
    units
        Hidden units of each layer, e.g. ``(64, 32, 16, 32)``; of a family's own layers, its options tell.
    activation
        ``relu``, ``tanh`` or ``sigmoid``.
    batch_norm
        Whether every hidden layer is batch normalised.
    learning_rate
        Step size of Adam.
    l1
        Weight of the sum of absolute weights (biases excluded) in the loss.
    dropout
        Probability that a hidden unit is dropped in training.
    n_inputs, n_outputs
        Numbers of an example, and classes: see :class:`snacpack.data.info.DataInfo`.
    family
        The name of one of :data:`snacpack.networks.registry.REGISTRY`.
    options
        The family's own choices: numbers, words and tuples of them.

    Raises
    ------
    ValueError
        If a value is outside its range.
    """

    units: tuple[int, ...]
    activation: str = "relu"
    batch_norm: bool = False
    learning_rate: float = 0.001
    l1: float = 0.0
    dropout: float = 0.0
    n_inputs: int = 24
    n_outputs: int = 5
    family: str = DENSE
    options: Mapping[str, Any] = field(default_factory=dict, hash=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "units", tuple(int(width) for width in self.units))
        options = {name: tuple(value) if isinstance(value, list) else value for name, value in self.options.items()}
        object.__setattr__(self, "options", options)
        if not self.units or min(self.layer_widths) < 1:
            raise ValueError(f"every layer needs at least one unit, got {self.layer_widths}")
        if self.activation not in ACTIVATIONS:
            raise ValueError(f"activation {self.activation!r} is not one of {', '.join(ACTIVATIONS)}")
        if not self.learning_rate > 0:
            raise ValueError(f"learning_rate must be positive, got {self.learning_rate}")
        if not self.l1 >= 0:
            raise ValueError(f"l1 must not be negative, got {self.l1}")
        if not 0 <= self.dropout < 1:
            raise ValueError(f"dropout must be in [0, 1), got {self.dropout}")
        self._check_family()

    def _check_family(self) -> None:
        from snacpack.networks.registry import find_family

        try:
            wanted = set(find_family(self.family).options)
        except ValueError as error:
            raise ValueError(f"family: {error}") from None
        if wanted != set(self.options):
            given, taken = (", ".join(sorted(names)) or "none" for names in (self.options, wanted))
            raise ValueError(f"options: the family {self.family} takes {taken}, got {given}")
        # A family refuses options that do not fit.
        _ = self.graph.output_shape

    @property
    def graph(self) -> "Graph":
        """The layers of the network, as its family builds them."""
        from snacpack.networks.registry import build_graph

        return build_graph(self)

    @property
    def is_dense_chain(self) -> bool:
        """Whether the network is dense layers one behind the other, whatever its family."""
        from snacpack.networks.registry import find_family

        return self.graph == find_family(DENSE).build(self)

    @property
    def layer_widths(self) -> tuple[int, ...]:
        """Inputs, hidden units and outputs in order, of dense layers one behind the other."""
        return (self.n_inputs, *self.units, self.n_outputs)

    @property
    def label(self) -> str:
        """The widths of the layers as one word, e.g. ``24-64-32-5`` or ``8x3-8x16-32-5``."""
        return self.graph.label

    def to_dict(self) -> dict[str, Any]:
        """Return the fields as JSON knows them; those of a family are left out of dense layers one behind the other."""
        fields = {**asdict(self), "units": list(self.units)}
        options = {name: list(v) if isinstance(v, tuple) else v for name, v in fields.pop("options").items()}
        family = fields.pop("family")
        return fields if family == DENSE else {**fields, "family": family, "options": options}

    @classmethod
    def from_dict(cls, fields: Mapping[str, Any]) -> "Architecture":
        """Build from :meth:`to_dict`'s fields; a hyper-parameter that is left out takes its default.

        Raises
        ------
        ValueError
            If a field is unknown, a number of units, inputs or outputs is missing, or a value is outside its range.
        """
        unknown = set(fields) - set(cls.__dataclass_fields__)
        if unknown:
            raise ValueError(f"unknown architecture field: {', '.join(sorted(unknown))}")
        for name in ("units", "n_inputs", "n_outputs"):
            if name not in fields:
                raise ValueError(f"an architecture needs the field {name!r}")
        return cls(**fields)

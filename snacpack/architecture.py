"""The networks this project is about: dense classifiers with one activation."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

ACTIVATIONS = ("relu", "tanh", "sigmoid")


@dataclass(frozen=True)
class Architecture:
    """A dense classifier and the hyper-parameters that it is trained with.

    Each hidden layer is a dense layer, batch normalisation if asked for, the
    activation and, in training only, dropout. The last layer gives one logit
    per class.

    Parameters
    ----------
    units
        Hidden units of each layer, e.g. ``(64, 32, 16, 32)``.
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

    def __post_init__(self) -> None:
        object.__setattr__(self, "units", tuple(int(width) for width in self.units))
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

    @property
    def layer_widths(self) -> tuple[int, ...]:
        """Inputs, hidden units and outputs in order."""
        return (self.n_inputs, *self.units, self.n_outputs)

    @property
    def label(self) -> str:
        """The layer widths as one word, e.g. ``24-64-32-5``."""
        return "-".join(map(str, self.layer_widths))

    def to_dict(self) -> dict[str, Any]:
        """Return the fields as JSON knows them."""
        return {**asdict(self), "units": list(self.units)}

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

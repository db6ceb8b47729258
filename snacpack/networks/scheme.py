"""How many bits weights, activations and inputs get: the same in all layers, or each layer its own."""

import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

BITS = range(2, 13)

# Brevitas computes in float32, whose 24 bits must hold a sum of some hundred products exactly.
MAX_PRODUCT_BITS = 20

# In place of a scheme's name, for a network whose layers each have their own bits.
MIXED = "mixed"


@dataclass(frozen=True)
class Precision:
    """Bits of the numbers of a network, layer by layer.

    Parameters
    ----------
    weight_bits
        Bits of each dense layer's weights, from the input on.
    activation_bits
        Bits of each hidden layer's outputs.
    input_bits
        Bits of each feature.

    Raises
    ------
    ValueError
        If a number of bits is not between 2 and 12, or a product has more than 20 bits.
    """

    weight_bits: tuple[int, ...]
    activation_bits: tuple[int, ...]
    input_bits: int

    def __post_init__(self) -> None:
        object.__setattr__(self, "weight_bits", tuple(map(int, self.weight_bits)))
        object.__setattr__(self, "activation_bits", tuple(map(int, self.activation_bits)))
        if len(self.activation_bits) != len(self.weight_bits) - 1:
            raise ValueError(
                f"{len(self.weight_bits)} dense layers have one hidden layer's outputs fewer between them, got bits of "
                f"{len(self.activation_bits)}"
            )
        all_bits = {
            "weight_bits": self.weight_bits,
            "activation_bits": self.activation_bits,
            "input_bits": (self.input_bits,),
        }
        for kind, values in all_bits.items():
            for bits in values:
                if bits not in BITS:
                    raise ValueError(f"{kind} is {bits}, but must be {BITS.start} to {BITS.stop - 1}")
        if max(map(sum, zip(self.weight_bits, self.sum_input_bits, strict=True))) > MAX_PRODUCT_BITS:
            raise ValueError(
                f"a product of weight and input at {self} has more than {MAX_PRODUCT_BITS} bits, so that sums would "
                "not be exact in training; choose fewer bits"
            )

    @property
    def sum_input_bits(self) -> tuple[int, ...]:
        """Bits of what each dense layer gets: the features', then the activations'."""
        return (self.input_bits, *self.activation_bits)

    @property
    def bias_bits(self) -> tuple[int, ...]:
        """Bits of each dense layer's biases: never fewer than 8, since a circuit hardly notices a wide constant."""
        return tuple(max(8, bits) for bits in (*self.activation_bits, self.activation_bits[-1]))

    def __str__(self) -> str:
        weights, activations = (" ".join(map(str, bits)) for bits in (self.weight_bits, self.activation_bits))
        return f"weights {weights}, activations {activations}, inputs {self.input_bits}"

    def to_dict(self) -> dict[str, Any]:
        """Return the fields as JSON knows them."""
        return {name: list(bits) if isinstance(bits, tuple) else bits for name, bits in asdict(self).items()}

    @classmethod
    def from_dict(cls, fields: Mapping[str, Any]) -> "Precision":
        """Build from :meth:`to_dict`'s fields.

        Raises
        ------
        TypeError, ValueError
            If a field is missing or unknown, or its bits are not allowed.
        """
        return cls(**fields)


@dataclass(frozen=True)
class Compression:
    """A compression of a network, as a search decides it.

    Parameters
    ----------
    precision
        Bits, layer by layer.
    sparsity
        Fraction of all weights that is pruned.

    Raises
    ------
    ValueError
        If the sparsity is not in [0, 1).
    """

    precision: Precision
    sparsity: float

    def __post_init__(self) -> None:
        if not 0 <= self.sparsity < 1:
            raise ValueError(f"sparsity is {self.sparsity}, but must be at least 0 and below 1")

    def to_dict(self) -> dict[str, Any]:
        """Return the fields as JSON knows them."""
        return {"precision": self.precision.to_dict(), "sparsity": self.sparsity}

    @classmethod
    def from_dict(cls, fields: Mapping[str, Any]) -> "Compression":
        """Build from :meth:`to_dict`'s fields."""
        return cls(Precision.from_dict(fields["precision"]), fields["sparsity"])


@dataclass(frozen=True)
class Scheme:
    """The same bits in all layers of a network.

    Parameters
    ----------
    weight_bits, activation_bits, input_bits
        Bits of each weight, of each hidden layer's outputs and of each feature.

    Raises
    ------
    ValueError
        If a number of bits is not between 2 and 12, or a product has more than 20 bits.
    """

    weight_bits: int
    activation_bits: int
    input_bits: int

    def __post_init__(self) -> None:
        self.precision(2)

    def precision(self, n_layers: int) -> Precision:
        """Return the bits of a network of ``n_layers`` dense layers, all alike."""
        return Precision((self.weight_bits,) * n_layers, (self.activation_bits,) * (n_layers - 1), self.input_bits)

    @classmethod
    def parse(cls, text: str) -> "Scheme":
        """Read ``w8a6`` or, with the input's own bits, ``w8a6i10``.

        Raises
        ------
        ValueError
            If the text is not a scheme or asks for a number of bits that is not supported.
        """
        match = re.fullmatch(r"w(\d+)a(\d+)(?:i(\d+))?", text)
        if match is None:
            raise ValueError(
                f"{text!r} is not a precision; write the bits of weights, activations and, if they differ, inputs, "
                "such as w8a8 or w6a8i10"
            )
        weight_bits, activation_bits, input_bits = match.groups()
        return cls(int(weight_bits), int(activation_bits), int(input_bits or activation_bits))

    def __str__(self) -> str:
        own_input = f"i{self.input_bits}" if self.input_bits != self.activation_bits else ""
        return f"w{self.weight_bits}a{self.activation_bits}{own_input}"

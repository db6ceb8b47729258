"""Precision schemes: how many bits weights, activations and inputs get."""

import re
from dataclasses import dataclass

BITS = range(2, 13)

# Brevitas computes in float32, whose 24 bits must hold a sum of some hundred products exactly.
MAX_PRODUCT_BITS = 20


@dataclass(frozen=True)
class Scheme:
    """Bits of a quantised network's numbers.

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
        for kind, bits in vars(self).items():
            if bits not in BITS:
                raise ValueError(f"{kind} is {bits}, but must be {BITS.start} to {BITS.stop - 1}")
        if self.weight_bits + max(self.activation_bits, self.input_bits) > MAX_PRODUCT_BITS:
            raise ValueError(
                f"a product of weight and input at {self} has more than {MAX_PRODUCT_BITS} bits, so that sums would "
                "not be exact in training; take fewer bits"
            )

    @property
    def bias_bits(self) -> int:
        """Bits of the biases: never fewer than 8, since a circuit hardly notices a wide constant."""
        return max(8, self.activation_bits)

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
                f"compression.schemes holds {text!r}; write the bits of weights, activations and, where they "
                "differ, inputs, such as w8a8 or w6a8i10"
            )
        weight_bits, activation_bits, input_bits = match.groups()
        try:
            return cls(int(weight_bits), int(activation_bits), int(input_bits or activation_bits))
        except ValueError as error:
            raise ValueError(f"compression.schemes holds {text!r}: {error}") from None

    def __str__(self) -> str:
        own_input = f"i{self.input_bits}" if self.input_bits != self.activation_bits else ""
        return f"w{self.weight_bits}a{self.activation_bits}{own_input}"

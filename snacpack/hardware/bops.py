"""Costs that need no model of a board: multiply-accumulates and bit operations."""

import math
from collections.abc import Sequence
from itertools import pairwise


def multiply_accumulates(layer_widths: Sequence[int]) -> int:
    """Count the multiply-accumulates of one inference of a dense network.

    Parameters
    ----------
    layer_widths
        Inputs, hidden units and outputs in order, e.g. ``(24, 64, 32, 5)``.

    Raises
    ------
    ValueError
        If fewer than two widths are given, or one is not positive.

    Notes
    -----
    Table 2 of the SNAC-Pack paper lists this number as "BOPs".
    """
    return sum(n_in * n_out for n_in, n_out in _layers(layer_widths))


def bit_operations(
    layer_widths: Sequence[int],
    weight_bits: int,
    activation_bits: int,
    input_bits: int | None = None,
    densities: Sequence[float] | None = None,
) -> float:
    r"""Count the bit operations (BOPs) of one inference of a pruned, quantised dense network.

    Parameters
    ----------
    layer_widths
        Inputs, hidden units and outputs in order.
    weight_bits, activation_bits
        Bits of each weight and of each hidden layer's outputs.
    input_bits
        Bits of each feature; ``activation_bits`` if left out.
    densities
        Fraction of each layer's weights that are left; all of them if left out.

    Raises
    ------
    ValueError
        If the widths, bits or densities make no network.

    Notes
    -----
    A layer of n inputs and m outputs with density d counts

    .. math:: m n (d\,b_a b_w + b_a + b_w + \log_2 n),

    where the inputs have :math:`b_a` bits. The dense form is by Baskin et al.,
    "UNIQ: Uniform Noise Injection for Non-Uniform Quantization of Neural Networks",
    ACM TOCS 37 (2021), arXiv:1804.10969; density enters as in Hawks et al., "Ps and Qs:
    Quantization-Aware Pruning for Efficient Low Latency Neural Network Inference",
    Front. Artif. Intell. 4 (2021) 676564, whose pruned weights save the multiplication
    but not the accumulator's bits.
    """
    layers = _layers(layer_widths)
    bits = [activation_bits if input_bits is None else input_bits, *[activation_bits] * (len(layers) - 1)]
    densities = [1.0] * len(layers) if densities is None else densities
    if min(weight_bits, *bits) < 1:
        raise ValueError(f"every number needs at least one bit, got {weight_bits} for weights and {bits} for inputs")
    if len(densities) != len(layers) or not all(0 <= density <= 1 for density in densities):
        raise ValueError(f"{len(layers)} layers need as many densities between 0 and 1, got {list(densities)}")
    return sum(
        n_in * n_out * (density * b_a * weight_bits + b_a + weight_bits + math.log2(n_in))
        for (n_in, n_out), b_a, density in zip(layers, bits, densities, strict=True)
    )


def _layers(layer_widths: Sequence[int]) -> list[tuple[int, int]]:
    if len(layer_widths) < 2 or min(layer_widths) < 1:
        raise ValueError(f"a network needs at least inputs and outputs, one or more of each, got {layer_widths}")
    return list(pairwise(layer_widths))

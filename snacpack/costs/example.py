"""A small compressed network, on which the functions of plugins are tried before the first job."""

from itertools import pairwise

import numpy as np

from snacpack.compression.scheme import Precision
from snacpack.costs.objective import CompressedNetwork
from snacpack.fixed_point import DenseLayer, FixedPointNetwork, Quantizer

_WIDTHS = (6, 5, 4, 3)
_PRECISION = Precision(weight_bits=(4, 4, 4), activation_bits=(6, 6), input_bits=8)


def example_network() -> CompressedNetwork:
    """Return a network with two hidden layers, whose weights are the same at every call and in part zero."""
    last = len(_WIDTHS) - 2
    layers = tuple(_layer(*sizes, number, number == last) for number, sizes in enumerate(pairwise(_WIDTHS)))
    integers = FixedPointNetwork(Quantizer(_PRECISION.input_bits, 5, signed=True), layers)
    densities = tuple(float(np.mean(layer.weight != 0)) for layer in layers)
    return CompressedNetwork(integers, _PRECISION, densities)


def _layer(n_in: int, n_out: int, number: int, last: bool) -> DenseLayer:
    top = 2 ** (_PRECISION.weight_bits[number] - 1) - 1
    # The first weight is zero, and neighbours differ.
    weight = ((np.arange(n_in * n_out, dtype=np.int64) * 4 + top) % (2 * top + 1) - top).reshape(n_out, n_in)
    constants = (weight, top.bit_length(), np.arange(n_out, dtype=np.int64) - 1, 4)
    if last:
        return DenseLayer(*constants, "linear")
    bits = _PRECISION.activation_bits[number]
    return DenseLayer(*constants, "relu", output=Quantizer(bits, bits - 2, signed=False))

"""A small compressed network, on which the functions of plugins are tried before the first job."""

from itertools import pairwise

import numpy as np

from snacpack.costs.objective import CompressedNetwork
from snacpack.networks.grid import Quantizer, smallest_grid
from snacpack.networks.integers import FixedPointNetwork
from snacpack.networks.operation import Operation
from snacpack.networks.operations.dense import Dense
from snacpack.networks.operations.quantize import Quantize
from snacpack.networks.operations.relu import Relu
from snacpack.networks.scheme import Precision

_WIDTHS = (6, 5, 4, 3)
_PRECISION = Precision(weight_bits=(4, 4, 4), activation_bits=(6, 6), input_bits=8)


def example_network() -> CompressedNetwork:
    """Return a network with two hidden layers, whose weights are the same at every call and in part zero."""
    operations = [entry for number, sizes in enumerate(pairwise(_WIDTHS)) for entry in _layer(*sizes, number)]
    grid = Quantizer(_PRECISION.input_bits, 5, signed=True)
    integers = FixedPointNetwork.chain(grid, _WIDTHS[:1], operations)
    densities = tuple(float(np.mean(weight != 0)) for weight in integers.weights)
    return CompressedNetwork(integers, _PRECISION, densities)


def _layer(n_in: int, n_out: int, number: int) -> list[Operation]:
    bits = _PRECISION.weight_bits[number]
    top = 2 ** (bits - 1) - 1
    # The first weight is zero, and neighbours differ.
    weight = ((np.arange(n_in * n_out, dtype=np.int64) * 4 + top) % (2 * top + 1) - top).reshape(n_out, n_in)
    bias = np.arange(n_out, dtype=np.int64) - 1
    dense = Dense(weight, Quantizer(bits, bits - 1, signed=True, narrow=True), bias, smallest_grid(bias, 4))
    if number == len(_PRECISION.activation_bits):
        return [dense]
    bits = _PRECISION.activation_bits[number]
    return [dense, Relu(), Quantize(Quantizer(bits, bits - 2, signed=False))]

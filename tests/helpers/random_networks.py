"""Networks in integers, drawn at random, and what to ask them."""

from itertools import pairwise

import numpy as np

from snacpack.networks.grid import Quantizer, smallest_grid
from snacpack.networks.integers import FixedPointNetwork
from snacpack.networks.operations.dense import Dense
from snacpack.networks.operations.quantize import Quantize
from snacpack.networks.operations.relu import Relu
from snacpack.networks.operations.table import Table

PART = "xcvu13p-flga2577-2-e"


def dense(weight, weight_fraction_bits, bias, bias_fraction_bits):
    """Return a dense layer on the smallest grids of its constants."""
    weight, bias = np.array(weight), np.array(bias)
    return Dense(weight, smallest_grid(weight, weight_fraction_bits), bias, smallest_grid(bias, bias_fraction_bits))


def chain(grid, *operations):
    """Return the network of operations of which the first is a dense layer on a vector."""
    return FixedPointNetwork.chain(grid, operations[0].weight.shape[1:], operations)


def random_network(widths, activation="relu", bits=8, density=0.6, seed=0):
    rng = np.random.default_rng(seed)
    layers = [_random_layer(rng, n_in, n_out, activation, bits, density) for n_in, n_out in pairwise(widths[:-1])]
    layers.append(_random_layer(rng, *widths[-2:], "linear", bits, 1.0))
    return chain(Quantizer(bits, bits - 3, True), *(operation for layer in layers for operation in layer))


def _random_layer(rng, n_in, n_out, activation, bits, density):
    top = 2 ** (bits - 1) - 1
    weight = rng.integers(-top, top + 1, (n_out, n_in)) * (rng.random((n_out, n_in)) < density)
    bias = rng.integers(-top, top + 1, n_out)
    sums = Dense(weight, Quantizer(bits, bits, True, True), bias, Quantizer(bits, bits - 1, True))
    if activation == "linear":
        return [sums]
    if activation == "relu":
        return [sums, Relu(), Quantize(Quantizer(bits, bits - 2, False))]
    integer_bits, function = (3, np.tanh) if activation == "tanh" else (4, lambda x: 1 / (1 + np.exp(-x)))
    table_bits = min(bits + 2, 10)
    table_input = Quantizer(table_bits, table_bits - integer_bits, True)
    output = Quantizer(bits, bits - 1, True) if activation == "tanh" else Quantizer(bits, bits, False)
    grid = np.arange(table_input.minimum, table_input.maximum + 1) / 2.0**table_input.fraction_bits
    table = Table(activation, table_input, output, output.quantize(function(grid)))
    return [sums, Quantize(table_input), table]


def jets(network, n, seed=1):
    return np.random.default_rng(seed).normal(0, 2.5, (n, *network.shape))

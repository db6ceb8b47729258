"""Networks in integers, drawn at random, and what to ask them."""

from itertools import pairwise

import numpy as np

from snacpack.fixed_point import DenseLayer, FixedPointNetwork, Quantizer

PART = "xcvu13p-flga2577-2-e"


def random_network(widths, activation="relu", bits=8, density=0.6, seed=0):
    rng = np.random.default_rng(seed)
    layers = [_random_layer(rng, n_in, n_out, activation, bits, density) for n_in, n_out in pairwise(widths[:-1])]
    layers.append(_random_layer(rng, *widths[-2:], "linear", bits, 1.0))
    return FixedPointNetwork(Quantizer(bits, bits - 3, True), tuple(layers))


def _random_layer(rng, n_in, n_out, activation, bits, density):
    top = 2 ** (bits - 1) - 1
    weight = rng.integers(-top, top + 1, (n_out, n_in)) * (rng.random((n_out, n_in)) < density)
    bias = rng.integers(-top, top + 1, n_out)
    constants = (weight, bits, bias, bits - 1, activation)
    if activation == "linear":
        return DenseLayer(*constants)
    if activation == "relu":
        return DenseLayer(*constants, output=Quantizer(bits, bits - 2, False))
    integer_bits, function = (3, np.tanh) if activation == "tanh" else (4, lambda x: 1 / (1 + np.exp(-x)))
    table_bits = min(bits + 2, 10)
    table_input = Quantizer(table_bits, table_bits - integer_bits, True)
    output = Quantizer(bits, bits - 1, True) if activation == "tanh" else Quantizer(bits, bits, False)
    grid = np.arange(table_input.minimum, table_input.maximum + 1) / 2.0**table_input.fraction_bits
    return DenseLayer(*constants, output, table_input, output.quantize(function(grid)))


def jets(network, n, seed=1):
    return np.random.default_rng(seed).normal(0, 2.5, (n, network.layer_widths[0]))

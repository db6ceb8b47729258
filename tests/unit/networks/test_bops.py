"""Multiply-accumulates, bit operations and effective bit operations against numbers worked out by hand."""

import math
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from helpers.random_networks import chain, dense, random_network
from snacpack.networks.bops import bit_operations, bops_of, effective_bit_operations, multiply_accumulates
from snacpack.networks.grid import Quantizer
from snacpack.networks.layer import Matrix
from snacpack.networks.operations.quantize import Quantize
from snacpack.networks.operations.relu import Relu

BASELINE = (24, 120, 60, 32, 64, 64, 64, 32, 44, 5)
networks = st.lists(st.integers(1, 200), min_size=2, max_size=8).map(lambda widths: matrices(*widths))


def matrices(*widths):
    """Return the matrices of dense layers of these widths one behind the other."""
    return [Matrix(n_in, n_out) for n_in, n_out in pairwise(widths)]


def test_multiply_accumulates_of_the_baseline():
    assert multiply_accumulates(matrices(*BASELINE)) == 25_916


def test_a_layer_that_vectors_share_counts_once_for_each():
    shared, alone = [Matrix(3, 16, uses=8), Matrix(16, 5)], [Matrix(3, 16)]
    assert multiply_accumulates(shared) == 8 * multiply_accumulates(alone) + 80
    rest = bit_operations(shared[1:], 6, 6)
    assert bit_operations(shared, 6, 6) == 8 * bit_operations(alone, 6, 6) + rest


def test_bit_operations_of_one_layer_by_hand():
    # 4 x 3 weights; each 8 * 6 for the product, 8 + 6 + log2(4) for the accumulator.
    assert bit_operations(matrices(4, 3), weight_bits=6, activation_bits=8) == 12 * (48 + 8 + 6 + 2)


def test_bit_operations_of_a_pruned_network_by_hand():
    # First layer: 10-bit inputs, half the weights left. Second: 4-bit inputs, a quarter left.
    first = 16 * 8 * (0.5 * 10 * 6 + 10 + 6 + 4)
    second = 8 * 2 * (0.25 * 4 * 6 + 4 + 6 + 3)
    assert bit_operations(matrices(16, 8, 2), 6, 4, input_bits=10, densities=(0.5, 0.25)) == first + second


def test_bit_operations_of_layers_with_their_own_bits_by_hand():
    first = 16 * 8 * (10 * 6 + 10 + 6 + 4)
    second = 8 * 2 * (3 * 5 + 3 + 5 + 3)
    assert bit_operations(matrices(16, 8, 2), [6, 5], [3], input_bits=10) == first + second


@given(networks, st.integers(1, 16), st.integers(1, 16))
def test_equal_bits_may_be_given_one_by_one(network, weight_bits, activation_bits):
    n = len(network)
    each = bit_operations(network, [weight_bits] * n, [activation_bits] * (n - 1), activation_bits)
    assert each == bit_operations(network, weight_bits, activation_bits)


@given(networks, st.integers(1, 16), st.integers(1, 16))
def test_an_empty_network_still_pays_for_its_accumulators(network, weight_bits, activation_bits):
    dense = bit_operations(network, weight_bits, activation_bits)
    empty = bit_operations(network, weight_bits, activation_bits, densities=[0] * len(network))
    products = multiply_accumulates(network) * weight_bits * activation_bits
    assert math.isclose(dense - empty, products)


@pytest.mark.parametrize(
    ("arguments", "word"),
    [
        ((matrices(24, 5), 0, 8), "at least one bit"),
        ((matrices(24, 5), 8, 8, None, (0.5, 0.5)), "densities"),
        ((matrices(24, 5), 8, 8, None, (1.5,)), "densities"),
        ((matrices(24, 8, 5), (8, 8, 8), 8), "layers' weights"),
        ((matrices(24, 8, 5), 8, (8, 8), 8), "hidden layers"),
        ((matrices(24, 8, 5), 8, (8,)), "input_bits"),
        ((matrices(24, 8, 5), 8, (0,), 8), "at least one bit"),
    ],
)
def test_impossible_networks_are_refused(arguments, word):
    with pytest.raises(ValueError, match=word):
        bit_operations(*arguments)


def two_layers():
    """5-bit features and 3-bit activations; largest weights of 5 and 3 bits; 5 of 6 and 2 of 4 weights are left."""
    first, second = dense([[1, -6, 8], [0, 15, -12]], 3, [1, 2], 3), dense([[0, 2], [-3, 0]], 2, [0, 1], 2)
    return chain(Quantizer(5, 2, True), first, Relu(), Quantize(Quantizer(3, 1, False)), second)


def test_bit_operations_of_a_compressed_network_by_hand():
    first = 6 * (5 / 6 * 5 * 5 + 5 + 5 + math.log2(3))
    second = 4 * (1 / 2 * 3 * 3 + 3 + 3 + 1)
    assert math.isclose(bops_of(two_layers()), first + second)


def test_effective_bit_operations_by_hand():
    # 1, 110, 1000, 1111, 1100 in binary enclose 1, 2, 1, 4 and 2 bits; 10 and 11 enclose 1 and 2.
    assert effective_bit_operations(two_layers()) == 5 * (1 + 2 + 1 + 4 + 2) + 3 * (1 + 2)


@given(st.lists(st.integers(1, 8), min_size=3, max_size=5), st.integers(2, 10), st.floats(0, 1), st.integers(0, 2**31))
def test_effective_bit_operations_count_no_more_than_the_products(layer_widths, bits, density, seed):
    network = random_network(tuple(layer_widths), bits=bits, density=density, seed=seed)
    products = sum(bits * (bits - 1) * np.count_nonzero(weight) for weight in network.weights)
    assert effective_bit_operations(network) <= products


def finer(operation, shift):
    """Return an operation whose weights, if it has any, are the same numbers on a finer grid."""
    if not operation.weights:
        return operation
    bias = operation.bias, operation.bias_grid.fraction_bits
    return dense(operation.weight << shift, operation.weight_grid.fraction_bits + shift, *bias)


@given(st.integers(0, 2**31), st.integers(0, 6))
def test_a_power_of_two_costs_no_effective_bits(seed, shift):
    network = random_network((5, 4, 3), seed=seed)
    shifted = chain(network.input, *(finer(operation, shift) for operation in network.operations))
    np.testing.assert_array_equal(shifted.predict(np.eye(5)), network.predict(np.eye(5)))
    assert effective_bit_operations(shifted) == effective_bit_operations(network)

"""Multiply-accumulates and bit operations against numbers worked out by hand."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from snacpack.hardware.bops import bit_operations, multiply_accumulates

BASELINE = (24, 120, 60, 32, 64, 64, 64, 32, 44, 5)
widths = st.lists(st.integers(1, 200), min_size=2, max_size=8)


def test_multiply_accumulates_of_the_baseline():
    assert multiply_accumulates(BASELINE) == 25_916


def test_bit_operations_of_one_layer_by_hand():
    # 4 x 3 weights; each 8 * 6 for the product, 8 + 6 + log2(4) for the accumulator.
    assert bit_operations((4, 3), weight_bits=6, activation_bits=8) == 12 * (48 + 8 + 6 + 2)


def test_bit_operations_of_a_pruned_network_by_hand():
    # First layer: 10-bit inputs, half the weights left. Second: 4-bit inputs, a quarter left.
    first = 16 * 8 * (0.5 * 10 * 6 + 10 + 6 + 4)
    second = 8 * 2 * (0.25 * 4 * 6 + 4 + 6 + 3)
    assert bit_operations((16, 8, 2), 6, 4, input_bits=10, densities=(0.5, 0.25)) == first + second


@given(widths, st.integers(1, 16), st.integers(1, 16))
def test_an_empty_network_still_pays_for_its_accumulators(layer_widths, weight_bits, activation_bits):
    dense = bit_operations(layer_widths, weight_bits, activation_bits)
    empty = bit_operations(layer_widths, weight_bits, activation_bits, densities=[0] * (len(layer_widths) - 1))
    products = multiply_accumulates(layer_widths) * weight_bits * activation_bits
    assert math.isclose(dense - empty, products)


@pytest.mark.parametrize(
    ("arguments", "word"),
    [
        (((24,), 8, 8), "inputs and outputs"),
        (((24, 0, 5), 8, 8), "inputs and outputs"),
        (((24, 5), 0, 8), "at least one bit"),
        (((24, 5), 8, 8, None, (0.5, 0.5)), "densities"),
        (((24, 5), 8, 8, None, (1.5,)), "densities"),
    ],
)
def test_impossible_networks_are_refused(arguments, word):
    with pytest.raises(ValueError, match=word):
        bit_operations(*arguments)

"""The integers of a network: as Python's own, Brevitas' and da4ml's, however far scales are apart."""

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from helpers.exact_networks import draws, make
from helpers.random_networks import chain, dense
from snacpack.compression.network import freeze
from snacpack.networks.grid import Quantizer
from snacpack.networks.integers import FLOAT64_BITS, NoCircuit
from snacpack.synthesis.rtl import build_rtl, run_interpreted
from snacpack.synthesis.verification import run_brevitas


@settings(max_examples=40)
@given(draws())
def test_brevitas_and_da4ml_compute_the_networks_integers(tmp_path_factory, draw):
    network, x = make(draw)
    frozen = freeze(network)
    assume(max(frozen.sum_bits) <= FLOAT64_BITS)
    expected = run_brevitas(network, x, frozen.float_type)
    np.testing.assert_array_equal(frozen.predict(x), expected)
    folder = tmp_path_factory.mktemp("rtl")
    try:
        build_rtl(frozen, folder, "xcvu13p-flga2577-2-e", 5.0)
    except NoCircuit:
        # Refused, and rightly: the logits are the same for all jets.
        np.testing.assert_array_equal(np.ptp(expected, axis=0), 0)
        return
    np.testing.assert_array_equal(run_interpreted(folder, frozen, x), expected)


quantizers = st.builds(Quantizer, st.integers(2, 12), st.integers(-20, 40), st.booleans())


@given(quantizers, st.integers(-20, 60), st.lists(st.integers(-(2**62), 2**62), min_size=1, max_size=5))
def test_requantising_is_exact_at_any_distance_of_scales(grid, fraction_bits, integers):
    shift = fraction_bits - grid.fraction_bits
    moved = [value >> shift if shift >= 0 else value << -shift for value in integers]
    expected = [min(max(value, grid.minimum), grid.maximum) for value in moved]
    assert grid.requantize(np.array(integers, dtype=np.int64), fraction_bits).tolist() == expected


def one_layer(weight, weight_fraction_bits, bias, bias_fraction_bits, grid):
    return chain(grid, dense(weight, weight_fraction_bits, bias, bias_fraction_bits))


def test_a_dead_layer_gives_its_biases_whatever_its_scales():
    network = one_layer([[0, 0]], 40, [100], -3, Quantizer(8, 28, True))
    np.testing.assert_array_equal(network.predict(np.ones((2, 2))), 800.0)
    assert network.sum_bits == (7,)


def test_scales_too_far_apart_for_integers_are_refused():
    network = one_layer([[1, 0]], 40, [100], -3, Quantizer(8, 28, True))
    with pytest.raises(OverflowError, match="78"):
        network.predict(np.ones((2, 2)))


@given(
    st.integers(2, 5).flatmap(lambda n: st.lists(st.integers(-127, 127), min_size=n, max_size=n)),
    st.integers(-127, 127),
    st.integers(-4, 8),
    st.integers(-4, 8),
)
def test_no_jet_outgrows_the_bits_of_a_sum(weight, bias, fraction_bits, bias_fraction_bits):
    network = one_layer([weight], fraction_bits, [bias], bias_fraction_bits, Quantizer(5, 2, True))
    extremes = np.sign(weight) * np.where(np.arange(2) == 0, 100.0, -100.0)[:, None]
    logits, _ = network.run(extremes)
    assert np.abs(logits).max() < 2 ** network.sum_bits[0]
    # Nor is it a bound that is far off: the largest sum has the bits, but for the grid being longer on one side.
    largest = sum(map(abs, weight)) * 15 * 2.0**-2 * 2.0**-fraction_bits + abs(bias) * 2.0**-bias_fraction_bits
    unit = 2.0 ** -max(bias_fraction_bits, fraction_bits + 2 if any(weight) else bias_fraction_bits)
    assert network.sum_bits[0] <= int(largest / unit).bit_length() + 1

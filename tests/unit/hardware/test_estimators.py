"""Estimates against counts: rank correlation and errors with known answers, and what a run's files say."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import kendalltau

from helpers.random_networks import random_network
from snacpack.hardware.estimators import estimate_quality, kendall_tau, network_estimates
from snacpack.hardware.surrogate import Surrogate
from snacpack.networks.bops import bops_of, effective_bit_operations

numbers = st.lists(st.integers(1, 12), min_size=2, max_size=20)


@given(st.data(), numbers)
def test_tau_is_scipys(data, counts):
    estimates = data.draw(st.lists(st.integers(0, 12), min_size=len(counts), max_size=len(counts)))
    expected = kendalltau(estimates, counts).statistic
    tau = kendall_tau(estimates, counts)
    assert (tau is None and np.isnan(expected)) or tau == pytest.approx(expected)


@given(numbers, st.floats(0.01, 100))
def test_a_proportional_estimate_is_perfect_after_its_scale(counts, scale):
    quality = estimate_quality([scale * count for count in counts], counts, fit_scale=True)
    assert quality.scale == pytest.approx(1 / scale)
    assert quality.median_factor == pytest.approx(1)
    assert quality.p90_factor == pytest.approx(1)
    assert quality.rank.tau == (pytest.approx(1) if len(set(counts)) > 1 else None)


def test_errors_by_hand():
    # Off by factors of 2, 4, 1, 2 and 8, to either side.
    estimates, counts = [20, 25, 7, 5, 80], [10, 100, 7, 10, 10]
    as_is = estimate_quality(estimates, counts, fit_scale=False)
    assert (as_is.n, as_is.scale) == (5, 1)
    assert as_is.median_factor == pytest.approx(2)
    assert as_is.p90_factor == pytest.approx(8)
    # The ratios are 2, 1/4, 1, 1/2 and 8: the middle one is 1 already.
    assert estimate_quality(estimates, counts, fit_scale=True).scale == pytest.approx(1)


def test_an_estimate_of_nothing_is_infinitely_wrong():
    quality = estimate_quality([0, 0, 0], [1, 2, 3], fit_scale=True)
    assert quality.rank.tau is None
    assert quality.median_factor is None


@pytest.mark.parametrize(("estimates", "counts"), [([1], [0]), ([-1], [1]), ([1, 2], [1]), ([], [])])
def test_what_cannot_be_compared_is_refused(estimates, counts):
    with pytest.raises(ValueError, match="positive count"):
        estimate_quality(estimates, counts, fit_scale=True)


def test_within_groups_only_their_own_pairs_count():
    # The estimate knows which group is the larger, and within each orders everything the wrong way round.
    groups = ["small"] * 3 + ["large"] * 3 + ["huge"] * 3
    counts = [1, 2, 3, 10, 20, 30, 100, 200, 300]
    estimates = [3, 2, 1, 30, 20, 10, 300, 200, 100]
    quality = estimate_quality(estimates, counts, True, groups)
    assert quality.within.tau == -1
    assert quality.rank.tau == pytest.approx((27 - 9) / 36)
    blind = estimate_quality([1, 1, 1, 2, 2, 2, 3, 3, 3], counts, True, groups)
    assert blind.within.tau is None
    assert blind.rank.tau > 0


def test_the_interval_narrows_with_more_groups_and_holds_the_estimate():
    rng = np.random.default_rng(3)
    counts = np.exp(rng.normal(0, 1, 200))
    estimates = counts * np.exp(rng.normal(0, 1, 200))
    few, many = (estimate_quality(estimates[:n], counts[:n], True, range(n)) for n in (20, 200))
    assert few.rank.low < few.rank.tau < few.rank.high
    assert many.rank.low < many.rank.tau < many.rank.high
    assert many.rank.high - many.rank.low < 0.6 * (few.rank.high - few.rank.low)
    # Ten networks of each of twenty groups tell less than 200 networks of their own.
    grouped = estimate_quality(
        np.repeat(estimates[:20], 10), np.repeat(counts[:20], 10), True, np.repeat(range(20), 10)
    )
    assert grouped.rank.high - grouped.rank.low > many.rank.high - many.rank.low


def test_network_estimates_are_the_integers_own():
    network = random_network((6, 5, 3))
    assert network_estimates(network, {"lut": 123}) == {
        "da4ml": 123,
        "ebops": effective_bit_operations(network),
        "bops": round(bops_of(network)),
    }


def test_percent_of_a_board_becomes_units():
    surrogate = Surrogate(board="zcu102")
    assert surrogate.units("lut", 10.0) == pytest.approx(27_408)
    assert surrogate.units("dsp", 100.0) == 2520

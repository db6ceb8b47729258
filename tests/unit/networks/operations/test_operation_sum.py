"""The sum over an axis."""

import numpy as np
import pytest
from hypothesis import strategies as st

from helpers.operation_tests import OperationTests, grids, shapes
from snacpack.networks.grid import Quantizer
from snacpack.networks.integers import FixedPointNetwork
from snacpack.networks.operations.sum import Sum


@st.composite
def sum_networks(draw):
    shape = draw(shapes.filter(lambda shape: len(shape) > 1))
    operation = Sum(draw(st.integers(0, len(shape) - 1)), draw(st.integers(0, 4)))
    return FixedPointNetwork.chain(draw(grids), shape, [operation])


class TestSum(OperationTests):
    @staticmethod
    def networks():
        return sum_networks()

    @staticmethod
    def compute(operation, values):
        return values.sum(axis=1 + operation.axis) / 2**operation.shift, 0


def test_the_mean_of_a_power_of_two_is_exact():
    network = FixedPointNetwork.chain(Quantizer(6, 3, True), (8, 3), [Sum(axis=0, shift=3)])
    x = np.random.default_rng(0).normal(size=(50, 8, 3))
    on_grid = np.ldexp(network.quantize(x).astype(np.float64), -3)
    np.testing.assert_array_equal(network.predict(x), on_grid.mean(axis=1))


def test_an_axis_that_is_not_there_is_refused():
    with pytest.raises(ValueError, match=r"axis 2 gets a tensor of shape \(8, 3\)"):
        _ = FixedPointNetwork.chain(Quantizer(6, 3, True), (8, 3), [Sum(2)]).output

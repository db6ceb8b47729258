"""The dense layer on the last axis."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import strategies as st

from helpers.operation_tests import OperationTests, grids, integers_on, shapes
from snacpack.networks.grid import Quantizer
from snacpack.networks.integers import FixedPointNetwork
from snacpack.networks.operations.dense import Dense


@st.composite
def dense_networks(draw):
    shape, n_out = draw(shapes), draw(st.integers(1, 4))
    weight_grid = replace(draw(grids), signed=True, narrow=True)
    bias_grid = replace(draw(grids), signed=True)
    weight = draw(integers_on(weight_grid, (n_out, shape[-1])))
    dense = Dense(weight, weight_grid, draw(integers_on(bias_grid, (n_out,))), bias_grid)
    return FixedPointNetwork.chain(draw(grids), shape, [dense])


class TestDense(OperationTests):
    @staticmethod
    def networks():
        return dense_networks()

    @staticmethod
    def compute(operation, values):
        weight = operation.weight * 2.0**-operation.weight_grid.fraction_bits
        bias = operation.bias * 2.0**-operation.bias_grid.fraction_bits
        return np.einsum("...i,oi->...o", values, weight) + bias, 1e-9


def layer(n_in, n_out):
    grid = Quantizer(4, 2, True)
    weight = np.arange(n_in * n_out).reshape(n_out, n_in) % 8
    return Dense(weight, grid, np.zeros(n_out, dtype=np.int64), grid)


def test_a_layer_shared_by_constituents_is_the_layer_of_each():
    dense = layer(3, 2)
    shared = FixedPointNetwork.chain(Quantizer(6, 3, True), (4, 3), [dense])
    alone = FixedPointNetwork.chain(Quantizer(6, 3, True), (3,), [dense])
    x = np.random.default_rng(0).normal(size=(10, 4, 3))
    np.testing.assert_array_equal(shared.predict(x), np.stack([alone.predict(x[:, i]) for i in range(4)], axis=1))
    # The circuit has it once for each constituent.
    assert shared.label == "4x3-4x2"
    (of_shared,), (of_alone,) = shared.described(), alone.described()
    for count in (dense.bit_operations, dense.effective_bit_operations):
        assert count(*of_shared[1]) == 4 * count(*of_alone[1])


def test_examples_may_come_in_rows():
    network = FixedPointNetwork.chain(Quantizer(6, 3, True), (4, 3), [layer(3, 2)])
    x = np.random.default_rng(0).normal(size=(10, 4, 3))
    np.testing.assert_array_equal(network.predict(x.reshape(10, 12)), network.predict(x))


def test_another_number_of_inputs_is_refused():
    network = FixedPointNetwork.chain(Quantizer(6, 3, True), (4, 3), [layer(3, 2), layer(3, 2)])
    with pytest.raises(ValueError, match=r"3 inputs gets a tensor of shape \(4, 2\)"):
        _ = network.output

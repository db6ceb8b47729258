"""tanh and sigmoid as tables."""

import numpy as np
import pytest
from hypothesis import strategies as st

from helpers.operation_tests import OperationTests, grids, shapes
from snacpack.networks.grid import Quantizer
from snacpack.networks.integers import FixedPointNetwork
from snacpack.networks.operations.quantize import Quantize
from snacpack.networks.operations.table import Table

FUNCTIONS = {"tanh": np.tanh, "sigmoid": lambda x: 1 / (1 + np.exp(-x))}


@st.composite
def table_networks(draw):
    function = draw(st.sampled_from(sorted(FUNCTIONS)))
    grid = Quantizer(draw(st.integers(3, 7)), draw(st.integers(0, 3)), True)
    bits = draw(st.integers(2, 7))
    output = Quantizer(bits, bits - (function == "tanh"), function == "tanh")
    inputs = np.arange(grid.minimum, grid.maximum + 1) * 2.0**-grid.fraction_bits
    table = Table(function, grid, output, output.quantize(FUNCTIONS[function](inputs.astype(np.float32))))
    return FixedPointNetwork.chain(draw(grids), draw(shapes), [Quantize(grid), table])


class TestTable(OperationTests):
    @staticmethod
    def networks():
        return table_networks()

    @staticmethod
    def compute(operation, values):
        return FUNCTIONS[operation.function](values), 2.0**-operation.output.fraction_bits


def test_a_table_of_another_grid_is_refused():
    grid = Quantizer(3, 1, True)
    table = Table("tanh", grid, grid, np.arange(8) - 4)
    with pytest.raises(ValueError, match="a table of tanh on the grid"):
        _ = FixedPointNetwork.chain(Quantizer(4, 1, True), (2,), [table]).output

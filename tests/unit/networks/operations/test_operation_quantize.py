"""Putting numbers on another grid."""

import numpy as np
from hypothesis import strategies as st

from helpers.operation_tests import OperationTests, grids, shapes
from snacpack.networks.integers import FixedPointNetwork
from snacpack.networks.operations.quantize import Quantize


class TestQuantize(OperationTests):
    @staticmethod
    def networks():
        operations = st.builds(Quantize, grids).map(lambda operation: [operation])
        return st.builds(FixedPointNetwork.chain, grids, shapes, operations)

    @staticmethod
    def compute(operation, values):
        step = 2.0**-operation.grid.fraction_bits
        rounded = np.floor(values / step) * step
        return np.clip(rounded, operation.grid.minimum * step, operation.grid.maximum * step), 0

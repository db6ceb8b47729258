"""The rectified linear unit."""

import numpy as np
from hypothesis import strategies as st

from helpers.operation_tests import OperationTests, grids, shapes
from snacpack.networks.integers import FixedPointNetwork
from snacpack.networks.operations.relu import Relu


class TestRelu(OperationTests):
    @staticmethod
    def networks():
        return st.builds(FixedPointNetwork.chain, grids, shapes, st.just([Relu()]))

    @staticmethod
    def compute(operation, values):
        return np.where(values > 0, values, 0), 0

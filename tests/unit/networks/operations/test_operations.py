"""Operations as files name them."""

import importlib
from pathlib import Path

import pytest

from helpers.operation_tests import OperationTests
from snacpack.networks.operation import all_operations, read_operation


@pytest.mark.parametrize("name", all_operations())
def test_every_operation_inherits_the_tests_of_operations(name):
    module = importlib.import_module(f"test_operation_{name}")
    classes = [value for value in vars(module).values() if isinstance(value, type) and value is not OperationTests]
    assert any(issubclass(kind, OperationTests) for kind in classes), f"{Path(module.__file__)} tests nothing"


@pytest.mark.parametrize(
    ("record", "word"),
    [
        ({"operation": "dens"}, "'dens' is not one of dense, "),
        ({"operation": "relu", "axis": 1}, "relu has no field axis"),
        ({"operation": "sum"}, "axis"),
        ({}, "operation"),
    ],
)
def test_a_record_that_is_no_operation_is_refused(record, word):
    with pytest.raises((KeyError, TypeError, ValueError), match=word):
        read_operation(record)

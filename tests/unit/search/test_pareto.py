import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from snacpack.search.pareto import non_dominated


def dominates(a, b):
    return all(x <= y for x, y in zip(a, b, strict=True)) and any(x < y for x, y in zip(a, b, strict=True))


@given(arrays(float, st.tuples(st.integers(1, 30), st.integers(1, 4)), elements=st.integers(0, 5)))
def test_marks_what_no_other_point_dominates(values):
    expected = [not any(dominates(other, point) for other in values) for point in values]
    assert non_dominated(values).tolist() == expected


def test_equal_points_are_all_kept():
    assert non_dominated(np.array([[1.0, 2.0], [1.0, 2.0]])).all()


def test_not_a_number_is_refused():
    with pytest.raises(ValueError, match="not a number"):
        non_dominated(np.array([[1.0], [np.nan]]))

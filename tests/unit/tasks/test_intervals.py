"""Wilson's interval: known answers and what every interval must be."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from snacpack.tasks.intervals import wilson_interval


@pytest.mark.parametrize(
    ("n_correct", "n", "z", "low", "high"),
    [
        # Newcombe, Stat. Med. 17 (1998) 857, table I, method 3.
        (81, 263, 1.959964, 0.2553, 0.3662),
        (15, 148, 1.959964, 0.0624, 0.1605),
        (0, 20, 1.959964, 0.0, 0.1611),
        (1, 29, 1.959964, 0.0061, 0.1718),
        # One standard deviation, solved by hand: (p - f)^2 = p (1 - p) / n.
        (50, 100, 1.0, 0.5 - 0.5 / 101**0.5, 0.5 + 0.5 / 101**0.5),
        (0, 4, 1.0, 0.0, 0.2),
        (4, 4, 1.0, 0.8, 1.0),
    ],
)
def test_known_answers(n_correct: int, n: int, z: float, low: float, high: float) -> None:
    assert wilson_interval(n_correct, n, z) == pytest.approx((low, high), abs=6e-5)


@given(st.integers(1, 10**6).flatmap(lambda n: st.tuples(st.integers(0, n), st.just(n))))
def test_interval_holds_the_fraction_and_mirrors(counts: tuple[int, int]) -> None:
    n_correct, n = counts
    low, high = wilson_interval(n_correct, n)
    assert 0 <= low <= n_correct / n <= high <= 1
    assert low < high
    assert wilson_interval(n - n_correct, n) == pytest.approx((1 - high, 1 - low))


@pytest.mark.parametrize(("n_correct", "n"), [(1, 0), (-1, 5), (6, 5)])
def test_counts_that_make_no_fraction_are_refused(n_correct: int, n: int) -> None:
    with pytest.raises(ValueError, match="is not a fraction"):
        wilson_interval(n_correct, n)

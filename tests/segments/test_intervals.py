"""Intervals against scipy."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from segments import intervals


@given(people=st.integers(1, 10_000), part=st.floats(0, 1))
def test_the_interval_of_a_share_is_wilsons(people, part) -> None:
    count = round(part * people)
    low, high = stats.binomtest(count, people).proportion_ci(method="wilson")
    assert intervals.of_share(count / people, people) == pytest.approx((low, high), abs=1e-9)


@given(values=st.lists(st.floats(-1e4, 1e4), min_size=2, max_size=50))
def test_the_interval_of_a_mean_is_that_of_the_normal_distribution(values) -> None:
    mean, error = sum(values) / len(values), stats.sem(values)
    spread = float(error * len(values) ** 0.5)
    expected = stats.norm.interval(0.95, loc=mean, scale=error) if error else (mean, mean)
    assert intervals.of_mean(mean, spread, len(values)) == pytest.approx(expected, rel=1e-9, abs=1e-9)


def test_one_person_tells_nothing_of_a_mean() -> None:
    low, high = intervals.of_mean(5, 0, 1)
    assert low < -1e300 and high > 1e300

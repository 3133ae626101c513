"""The letter of a segment: each check against a case that has it and one that has not, sample sizes against scipy."""

from dataclasses import replace

import numpy as np
import pytest
from scipy import stats

from segments import grading
from segments.grading import Facts

SOUND = Facts(size=5_000, everyone=20_000, least=864)
AILING = {
    "stale": {"trouble": "Its refresh fails"},
    "too_small": {"size": 863},
    "too_broad": {"size": 12_001},
    "overlap": {"like": "Lapsed", "likeness": 0.7},
    "sensitive": {"sensitive": ("Religion",)},
    "proxy": {"proxies": ("Postal code",)},
    "thin_data": {"thin": ("Income",)},
    "old_data": {"old": ("Household",)},
    "no_owner": {"has_owner": False},
    "review_overdue": {"days_overdue": 1},
    "demographics_only": {"is_demographic": True},
}


def test_every_check_has_a_case_here() -> None:
    assert set(AILING) == {check.key for check in grading.CHECKS}


@pytest.mark.parametrize("key", AILING)
def test_each_check_finds_its_own_ailment_and_nothing_else(key) -> None:
    assert grading.findings(SOUND) == ()
    assert [one.key for one in grading.findings(replace(SOUND, **AILING[key]))] == [key]


def test_a_segment_whose_size_is_not_known_yet_is_not_called_small() -> None:
    assert grading.health(Facts(size=0, least=864, is_usable=False)).grade == "A"


def test_the_letter_falls_with_every_further_ailment_and_the_worst_stands_first() -> None:
    facts, letters = SOUND, []
    for more in reversed(AILING.values()):
        facts = replace(facts, **more)
        letters.append(grading.health(facts).grade)
    assert letters == sorted(letters) and letters[0] == "B" and letters[-1] == "E"
    weights = [one.weight for one in grading.findings(facts)]
    assert weights == sorted(weights, reverse=True)


@pytest.mark.parametrize(("rate", "effect"), [(0.05, 0.05), (0.1, 0.05), (0.02, 0.02)])
def test_a_test_of_the_least_testable_size_finds_the_effect_four_times_in_five(rate, effect) -> None:
    people = grading.least_testable(rate, effect) // 2
    one, other = (np.arange(stats.binom(people, p).ppf(1 - 1e-9) + 1) for p in (rate, rate + effect))
    first, second = one[:, None] / people, other[None, :] / people
    spread = np.sqrt((first * (1 - first) + second * (1 - second)) / people)
    found = np.abs(second - first) > 1.959964 * np.where(spread > 0, spread, np.inf)
    chances = stats.binom(people, rate).pmf(one)[:, None] * stats.binom(people, rate + effect).pmf(other)[None, :]
    assert (chances * found).sum() == pytest.approx(0.8, abs=0.02)


def test_advice_begins_with_a_few_and_names_what_nobody_uses_among_many() -> None:
    assert "Three to five" in grading.advice(2)
    assert grading.advice(5) == ""
    assert "Seniors" in grading.advice(12, ["Seniors"]) and "five to ten" in grading.advice(12)

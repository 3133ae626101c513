"""Answers are kept while the version of what they rest on stays, for each row by itself, and never beyond patience."""

from collections.abc import Sequence
from typing import Any

import pytest

from crm.answers import (
    NotAtHand,
    begin,
    done_so_far,
    ended,
    going_on,
    kept,
    kept_of_each,
    only_at_hand,
)


@pytest.fixture
def asked() -> list[Any]:
    return []


def test_an_answer_is_made_once_per_version_and_name(asked: list[Any]) -> None:
    def make() -> int:
        asked.append(1)
        return len(asked)

    assert [kept("a", 1, make), kept("a", 1, make), kept("a", 2, make), kept("b", 2, make)] == [1, 1, 2, 3]


def test_an_answer_of_nothing_is_kept_too(asked: list[Any]) -> None:
    assert kept("none", 1, lambda: asked.append(1)) is None
    kept("none", 1, lambda: asked.append(1))
    assert asked == [1]


def test_a_dear_answer_outlives_its_version_for_a_while(asked: list[Any], settings: Any, monkeypatch: Any) -> None:
    times = iter([0.0, 2.0, 100.0, 101.0])
    monkeypatch.setattr("crm.answers.time.monotonic", lambda: next(times))
    now = [1000.0]
    monkeypatch.setattr("crm.answers.time.time", lambda: now[0])
    settings.ANSWER_PATIENCE = 10
    assert kept("dear", 1, lambda: "old") == "old"  # took two seconds: good for twenty
    now[0] = 1019.0
    assert kept("dear", 2, lambda: "new") == "old"
    now[0] = 1021.0
    assert kept("dear", 2, lambda: "new") == "new"


def test_of_several_rows_only_the_changed_are_made_again(asked: list[Any]) -> None:
    def make(missing: Sequence[int]) -> dict[int, int]:
        asked.append(list(missing))
        return {pk: 10 * pk for pk in missing}

    assert kept_of_each("rows", {1: "x", 2: "x"}, make) == {1: 10, 2: 20}
    assert kept_of_each("rows", {2: "y", 3: "x", 1: "x"}, make) == {2: 20, 3: 30, 1: 10}
    assert asked == [[1, 2], [2, 3]]
    assert kept_of_each("rows", {}, make) == {}


def test_who_does_not_wait_gets_what_is_at_hand_only() -> None:
    with only_at_hand(), pytest.raises(NotAtHand):
        kept("dear", 1, lambda: 7)
    with only_at_hand(), pytest.raises(NotAtHand):
        kept_of_each("rows", {1: "x"}, lambda missing: dict.fromkeys(missing, 7))
    kept("dear", 1, lambda: 7)
    with only_at_hand():
        assert kept("dear", 1, lambda: 8) == 7
    with only_at_hand(), pytest.raises(NotAtHand):
        kept("dear", 2, lambda: 8)
    assert kept("dear", 2, lambda: 8) == 8


def test_a_work_is_begun_once_until_it_ends() -> None:
    assert begin("count") and not begin("count")
    going_on("count", 500)
    assert done_so_far("count") == 500 and not begin("count")
    ended("count")
    assert done_so_far("count") == 0 and begin("count")

"""A page comes at once: with its figures where they are few or at hand, else with the address that waits for them."""

from collections.abc import Callable
from typing import Any

from django.http import HttpRequest
from django.test import RequestFactory

from crm import answers, later


def asked(address: str) -> HttpRequest:
    return RequestFactory().get(address)


def made(log: list[int]) -> Callable[[], dict[str, Any]]:
    return lambda: {"size": answers.kept("size", 1, lambda: log.append(1) or 5)}


def test_few_are_counted_while_one_waits() -> None:
    assert later.figures(asked("/x/"), made([]), rows=10) == {"size": 5}


def test_many_are_fetched_after_and_then_at_hand() -> None:
    log: list[int] = []
    told = later.figures(asked("/x/?s=a&s=b"), made(log), rows=answers.MANY)
    assert told == {"later": "?s=a&s=b&figures=now"} and not log
    assert later.figures(asked("/x/" + told["later"]), made(log), rows=answers.MANY) == {"size": 5}
    assert later.figures(asked("/x/?s=a&s=b"), made(log), rows=answers.MANY) == {"size": 5}
    assert log == [1]

"""What rests on a feature, told by the floors above: segments by their rules, campaigns by their segments."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

from crm.rights import Actor


@dataclass(frozen=True)
class Use:
    """One thing that rests on a feature: what it is, its name and its page."""

    feature: str
    kind: Any
    name: str
    url: str


# A source says what uses features and may be seen by the actor: one question, however many features.
Source = Callable[[Actor], Iterable[Use]]
SOURCES: list[Source] = []


def register(source: Source) -> None:
    """Add a source; called once, from the AppConfig.ready of the floor that brings it."""
    SOURCES.append(source)


def by_feature(actor: Actor) -> dict[str, list[Use]]:
    """The uses of each feature by its key."""
    found: dict[str, list[Use]] = {}
    for source in SOURCES:
        for use in source(actor):
            found.setdefault(use.feature, []).append(use)
    return found

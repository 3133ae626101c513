"""Personas: the written picture of a segment's typical member, and how far the data moved away from it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from segments.clusters import Distinction

WORDS: Final = ("name", "goals", "challenges", "criteria", "motives", "tone", "channels")
KEPT: Final = 30  # distinctions stored with the words
SHOWN: Final = 8
MOVED: Final = 0.2  # standard deviations: a small effect (Cohen 1988)


@dataclass(frozen=True)
class Drift:
    """One distinction that moved: `then` and `now` are the members' figures, None where it set nobody apart."""

    feature: str
    value: str | None
    then: float | None
    now: float | None


def drift(stored: Sequence[Mapping[str, Any]], now: Sequence[Distinction]) -> tuple[Drift, ...]:
    """What moved since the words were written: those that led then or lead now, by a small effect or more.

    `now` holds all distinctions, the telling first; one that is not among them no longer sets anybody apart.
    """
    then = [Distinction(**row) for row in stored]
    before, after = ({(one.feature, one.value): one for one in rows} for rows in (then, now))
    leading = dict.fromkeys((one.feature, one.value) for one in [*then[:SHOWN], *now[:SHOWN]])
    return tuple(
        Drift(*key, _figure(before.get(key)), _figure(after.get(key)))
        for key in leading
        if abs(_strength(before.get(key)) - _strength(after.get(key))) >= MOVED
    )


def _strength(one: Distinction | None) -> float:
    return one.strength if one else 0.0


def _figure(one: Distinction | None) -> float | None:
    return one.inside if one else None

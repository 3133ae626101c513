"""Answers that are costly to work out, kept until what they rest on has changed: for pages that must not wait."""

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

from django.conf import settings
from django.core.cache import caches

T = TypeVar("T")


@dataclass(frozen=True)
class Kept:
    """An answer with the version of what it rests on, when it was made (seconds since 1970) and how long that took."""

    version: str
    made_at: float
    seconds: float
    value: Any


def kept(name: str, version: Any, make: Callable[[], T]) -> T:
    """The answer of `make`, which is not asked again while the version stays the same.

    An answer that took a second stays good for settings.ANSWER_PATIENCE seconds even when the version changes, so that
    something that never stops changing costs a small share of the time only. The name says everything else the answer
    depends on, its language too.
    """
    store = caches["answers"]
    key, wanted = f"{settings.VERSION}:{name}", repr(version)
    found = store.get(key)
    if isinstance(found, Kept) and is_good(found, wanted):
        return found.value
    began = time.monotonic()
    value = make()
    store.set(key, Kept(wanted, time.time(), time.monotonic() - began, value))
    return value


def kept_of_each(
    name: str, versions: Mapping[int, Any], make: Callable[[Sequence[int]], Mapping[int, T]]
) -> dict[int, T]:
    """The same for several rows by id, those that must be made anew made together."""
    store = caches["answers"]
    keys = {pk: f"{settings.VERSION}:{name}:{pk}" for pk in versions}
    found = store.get_many(keys.values())
    good = {pk: one.value for pk, key in keys.items() if (one := found.get(key)) and is_good(one, repr(versions[pk]))}
    missing = [pk for pk in versions if pk not in good]
    if not missing:
        return good
    began = time.monotonic()
    made = make(missing)
    now, seconds = time.time(), (time.monotonic() - began) / len(missing)
    store.set_many({keys[pk]: Kept(repr(versions[pk]), now, seconds, made[pk]) for pk in missing})
    return {pk: good[pk] if pk in good else made[pk] for pk in versions}


def is_good(one: Kept, version: str) -> bool:
    return one.version == version or time.time() - one.made_at < one.seconds * settings.ANSWER_PATIENCE

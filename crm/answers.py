"""Answers that are costly to work out, kept until what they rest on has changed: for pages that must not wait."""

import hashlib
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from typing import Any, TypeVar

from django.conf import settings
from django.core.cache import caches
from django.db import connection
from django.db.models import Model

T = TypeVar("T")
MANY = 50_000  # rows; what rests on fewer is worked out while somebody waits for the page
TOLD = 60  # seconds after which nobody seems to work on what was begun
_may_make: ContextVar[bool] = ContextVar("may_make", default=True)


class NotAtHand(Exception):
    """An answer would have to be worked out first, and the asker does not wait for that."""


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
    key, wanted = key_of(name), written(version)
    found = store.get(key)
    if isinstance(found, Kept) and is_good(found, wanted):
        return found.value
    must_be_made()
    began = time.monotonic()
    value = make()
    store.set(key, Kept(wanted, time.time(), time.monotonic() - began, value))
    return value


def kept_of_each(
    name: str, versions: Mapping[int, Any], make: Callable[[Sequence[int]], Mapping[int, T]]
) -> dict[int, T]:
    """The same for several rows by id, those that must be made anew made together."""
    store = caches["answers"]
    keys = {pk: key_of(f"{name}:{pk}") for pk in versions}
    wanted = {pk: written(version) for pk, version in versions.items()}
    found = store.get_many(keys.values())
    good = {pk: one.value for pk, key in keys.items() if (one := found.get(key)) and is_good(one, wanted[pk])}
    missing = [pk for pk in versions if pk not in good]
    if not missing:
        return good
    must_be_made()
    began = time.monotonic()
    made = make(missing)
    now, seconds = time.time(), (time.monotonic() - began) / len(missing)
    store.set_many({keys[pk]: Kept(wanted[pk], now, seconds, made[pk]) for pk in missing})
    return {pk: good[pk] if pk in good else made[pk] for pk in versions}


@contextmanager
def only_at_hand() -> Iterator[None]:
    """Within the block nothing dear is worked out: `kept` answers what is still good, and else raises NotAtHand."""
    token = _may_make.set(False)
    try:
        yield
    finally:
        _may_make.reset(token)


def must_be_made() -> None:
    if not _may_make.get():
        raise NotAtHand


def begin(name: str) -> bool:
    """Whether nobody works on what this names; from then on somebody does, for a while or while it is `going_on`."""
    return caches["answers"].add(key_of(f"begun:{name}"), 0, TOLD)


def going_on(name: str, done: int) -> None:
    """Say that it is being worked on still, and how much is done."""
    caches["answers"].set(key_of(f"begun:{name}"), done, TOLD)


def ended(name: str) -> None:
    caches["answers"].delete(key_of(f"begun:{name}"))


def done_so_far(name: str) -> int:
    """How much of it is done; 0 where nobody began."""
    return caches["answers"].get(key_of(f"begun:{name}"), 0)


def newest(*marks: tuple[type[Model], str]) -> tuple[Any, ...]:
    """The largest value of each of these columns, in one question: a version for what rests on the rows of a table.

    Each is read off the end of an index, so it costs the same whatever the size.
    """
    name = connection.ops.quote_name
    largest = (f"(SELECT MAX({name(column)}) FROM {name(model._meta.db_table)})" for model, column in marks)
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT {', '.join(largest)}")
        return tuple(cursor.fetchone())


def key_of(name: str) -> str:
    return hashlib.sha256(f"{settings.VERSION}:{name}".encode()).hexdigest()


def written(version: Any) -> str:
    return hashlib.sha256(repr(version).encode()).hexdigest()


def is_good(one: Kept, version: str) -> bool:
    return one.version == version or time.time() - one.made_at < one.seconds * settings.ANSWER_PATIENCE

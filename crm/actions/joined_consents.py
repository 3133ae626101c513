"""Consents of two records of one person: what neither withdrew and somebody granted holds, and nothing else."""

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any, NamedTuple

from crm.models import Channel, ConsentState

ANY = Channel.ANY.value


class State(NamedTuple):
    """What is said for one purpose and channel, with the row's id so that it can be put back."""

    id: int  # 0 while there is no row
    purpose: str
    channel: str
    is_granted: bool
    since_at: datetime
    expires_at: datetime | None

    @property
    def place(self) -> tuple[str, str]:
        return self.purpose, self.channel

    @property
    def said(self) -> tuple[Any, ...]:
        return self.is_granted, self.since_at, self.expires_at

    @classmethod
    def of(cls, told: list[Any]) -> "State":
        """From plain values."""
        number, purpose, channel, is_granted, since, expires = told
        return cls(number, purpose, channel, is_granted, _read(since), expires and _read(expires))


def _read(text: str) -> datetime:
    return datetime.fromisoformat(text)


def read(customer_id: int) -> list[State]:
    """What the rows of a customer say."""
    rows = ConsentState.objects.filter(customer_id=customer_id).order_by("purpose", "channel")
    return [State(*row) for row in rows.values_list("id", "purpose", "channel", "is_granted", "since_at", "expires_at")]


def write(customer_id: int, states: Iterable[State] | Mapping[Any, State], *, at: datetime) -> None:
    """Make the rows of a customer say exactly this; rows that stay keep their ids."""
    wanted = list(states.values() if isinstance(states, Mapping) else states)
    kept = {one.place: one for one in read(customer_id)}
    gone = [one.id for place, one in kept.items() if place not in {state.place for state in wanted}]
    ConsentState.objects.filter(pk__in=gone).delete()
    for one in wanted:
        said = {"is_granted": one.is_granted, "since_at": one.since_at, "expires_at": one.expires_at}
        there = kept.get(one.place)
        if there is None:
            fresh = {"customer_id": customer_id, "purpose": one.purpose, "channel": one.channel, "updated_at": at}
            taken = not one.id or ConsentState.objects.filter(pk=one.id).exists()
            ConsentState.objects.create(**({} if taken else {"id": one.id}), **fresh, **said)
        elif there.said != one.said:
            ConsentState.objects.filter(pk=there.id).update(**said, updated_at=at)


def combined(first: Iterable[State], second: Iterable[State], *, at: datetime) -> list[State]:
    """Most restrictive: a channel may be used when a side allows it and the other does not refuse it.

    The first side's rows are kept where both say something. A refusal that must win over a grant is dated `at`.
    """
    one, two = ({state.place: state for state in side} for side in (first, second))
    union = {place: _stricter(one.get(place), two.get(place)) for place in {**two, **one}}
    for purpose in sorted({purpose for purpose, _channel in union}):
        for channel in Channel.values:
            sides = [allows(side.values(), purpose, channel, at=at) for side in (one, two)]
            may_be = True in sides and False not in sides
            if allows(union.values(), purpose, channel, at=at) and not may_be:
                known = union.get((purpose, channel)) or State(0, purpose, channel, False, at, None)
                union[purpose, channel] = known._replace(is_granted=False, since_at=at, expires_at=None)
    return [union[place] for place in sorted(union)]


def _stricter(one: State | None, two: State | None) -> State:
    if one is None or two is None:
        found = one or two
        assert found is not None
        return found if one else found._replace(id=0)
    if one.is_granted and two.is_granted:
        expiries = [state.expires_at for state in (one, two) if state.expires_at]
        return one._replace(since_at=max(one.since_at, two.since_at), expires_at=min(expiries, default=None))
    if one.is_granted != two.is_granted:
        refusal = two if one.is_granted else one
        return one._replace(is_granted=False, since_at=refusal.since_at, expires_at=None)
    return one._replace(since_at=max(one.since_at, two.since_at), expires_at=None)


def allows(states: Iterable[State], purpose: str, channel: str, *, at: datetime) -> bool | None:
    """Whether what is said allows a channel now: yes, no, or nothing said. The same reading as queries.consenting."""
    said = [one for one in states if one.purpose == purpose and one.channel in (channel, ANY)]
    for grant in said:
        is_lasting = grant.is_granted and grant.since_at <= at and (grant.expires_at is None or grant.expires_at > at)
        if is_lasting and not any(not no.is_granted and no.since_at >= grant.since_at for no in said):
            return True
    return False if any(not one.is_granted for one in said) else None

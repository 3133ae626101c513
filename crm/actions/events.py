"""Events: recorded once per source and source id, however often they are sent."""

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

from django.core.serializers.json import DjangoJSONEncoder
from django.db import transaction
from django.db.models import Q
from django.utils.translation import gettext as _

from crm.actions.identity import held
from crm.actions.touches import touch, touching
from crm.actions.verdicts import DUPLICATE, REFUSED, STORED, Verdict
from crm.models import Event, Import
from crm.models.order import LARGEST_AMOUNT
from crm.rights import Actor, require
from crm.statements import Call, insertion

LARGEST_PROPERTIES = 32 * 1024
FUTURE = timedelta(days=1)
CHUNK = 500


@dataclass(frozen=True)
class NewEvent:
    """Something that happened to a customer, or to a visitor known by `anonymous_id` only."""

    source: str
    source_id: str
    type: str
    occurred_at: datetime
    customer_id: int | None = None
    anonymous_id: str = ""
    value: Decimal | None = None
    channel: str = ""
    category: str = ""
    properties: dict[str, Any] = field(default_factory=dict)


def record_events(
    events: Sequence[NewEvent], *, by: Actor, at: datetime, import_run: Import | None = None
) -> list[Verdict]:
    """Keep many events, one verdict each in the same order: stored, duplicate or refused.

    An event seen before is a duplicate even if it differs: what happened is not rewritten.
    """
    require(by, "events.record")
    verdicts: list[Verdict] = []
    for start in range(0, len(events), CHUNK):
        verdicts += _recorded(events[start : start + CHUNK], at=at, import_run=import_run, first=start)
    return verdicts


def own_event(event: NewEvent, *, by: Actor, at: datetime) -> list[Call]:
    """What the house itself saw a customer do, as calls to run with the row that says so: kept once, like any other."""
    require(by, "events.record")
    row = insertion(
        Event,
        source=event.source,
        source_id=event.source_id,
        type=event.type,
        customer=event.customer_id,
        anonymous_id="",
        occurred_at=event.occurred_at,
        received_at=at,
        value=event.value,
        channel=event.channel,
        category=event.category,
        properties=event.properties,
    )
    return [row, touching(event.customer_id, at=at)]


@transaction.atomic
def _recorded(events: Sequence[NewEvent], *, at: datetime, import_run: Import | None, first: int) -> list[Verdict]:
    led = held(event.customer_id for event in events)
    events = [replace(event, customer_id=led.get(event.customer_id, event.customer_id)) for event in events]
    known = _known(events)
    verdicts, fresh = [], []
    for index, event in enumerate(events, start=first):
        verdict = _judged(event, known, index, at)
        verdicts.append(verdict)
        if verdict.status == STORED:
            known.add((event.source, event.source_id))
            fresh.append(Event(**vars(event), received_at=at, import_run=import_run))
    Event.objects.bulk_create(fresh, ignore_conflicts=True, batch_size=CHUNK)
    if import_run is None:
        touch((event.customer_id for event in fresh), at=at)
    return verdicts


def _judged(event: NewEvent, known: set[tuple[str, str]], index: int, at: datetime) -> Verdict:
    for path, code, message in _faults(event, at):
        return Verdict(index, REFUSED, event.source_id, code, message, path)
    status = DUPLICATE if (event.source, event.source_id) in known else STORED
    return Verdict(index, status, event.source_id)


def _faults(event: NewEvent, at: datetime) -> Iterable[tuple[str, str, str]]:
    if event.type == "order":
        yield "type", "type_reserved", _("Orders are recorded as orders.")
    if event.customer_id is None and not event.anonymous_id:
        yield "customer", "nobody", _("A customer or an anonymous id is needed.")
    if event.occurred_at > at + FUTURE:
        yield "occurred_at", "in_the_future", _("The time lies in the future.")
    if event.value is not None and abs(event.value) >= LARGEST_AMOUNT:
        yield "value", "too_large", _("The amount is too large.")
    if len(json.dumps(event.properties, cls=DjangoJSONEncoder)) > LARGEST_PROPERTIES:
        yield "properties", "too_large", _("More than 32 KB.")


def _known(events: Sequence[NewEvent]) -> set[tuple[str, str]]:
    same = Q(pk__in=[])
    for source in {event.source for event in events}:
        same |= Q(source=source, source_id__in=[event.source_id for event in events if event.source == source])
    return set(Event.objects.filter(same).values_list("source", "source_id"))

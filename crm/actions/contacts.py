"""Calls and meetings: written down as events of the customer; they satisfy the tasks that asked for them.

Whoever wrote one down may take it back within a day: a slip is not a thing that happened. Later it stays, for models,
reports and memberships of past days rest on it.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.db import transaction
from django.db.models import QuerySet
from django.utils.translation import gettext as _

from crm import due, queries
from crm.actions.audit import audit
from crm.actions.events import NewEvent, record_events
from crm.actions.rows import ValueRefused
from crm.actions.tasks import (
    OUTCOMES,
    ChangedSince,
    MoveNotAllowed,
    create_task,
    finish_task,
    refuse_frozen,
    remove_untouched,
    reopen_untouched,
)
from crm.actions.touches import touch
from crm.actions.verdicts import STORED
from crm.models import Customer, Event, Task, TaskKind, TaskSource, TaskStatus
from crm.rights import Actor, machine, may, require

SOURCE = "kohde"
LONGEST_NOTE = 4000
TAKEN_BACK_WITHIN = timedelta(days=1)
CHANNELS = {TaskKind.CALL: "phone", TaskKind.MEETING: "meeting"}


@dataclass(frozen=True)
class Contact:
    """A call or meeting as it was written down: its event, the tasks it satisfied, and the one that follows."""

    event: Event
    satisfied: tuple[Task, ...]
    follow_up: Task | None


@dataclass(frozen=True)
class TakenBack:
    """What taking a call or meeting back did: the tasks open again, and the planned one if it stays as it changed."""

    reopened: tuple[Task, ...]
    kept: Task | None


@transaction.atomic
def log_contact(
    customer: Customer,
    *,
    kind: str,
    outcome: str,
    by: Actor,
    at: datetime,
    note: str = "",
    task: Task | None = None,
    follow_up: Mapping[str, Any] | None = None,
) -> Contact:
    """A call or meeting that took place at `at`. `follow_up` maps columns of the task to plan next.

    It satisfies the task named; without one, the actor's own open tasks of its kind that were due by that day.
    """
    require(by, "tasks.change")
    _refuse(customer, kind, outcome, note, by)
    event, is_new = _event(customer, kind, outcome, note, by=by, at=at)
    if not is_new:
        return Contact(event, (), None)
    found = [task] if task else _asked_for(customer, kind, by, at)
    done = tuple(finish_task(one, outcome=outcome, note=note, by=by, at=at) for one in found)
    planned = _planned(customer, follow_up, event, done, by=by, at=at) if follow_up else None
    return Contact(event, done, planned)


def contacts_of(events: QuerySet[Event]) -> QuerySet[Event]:
    """Those of the events that were written down here as calls and meetings."""
    return events.filter(source=SOURCE, type__in=CHANNELS)


def may_take_back(event: Event, *, by: Actor, at: datetime) -> bool:
    """Whether the event is a call or meeting that the actor wrote down, so lately that it can be taken back."""
    is_contact = event.source == SOURCE and event.type in CHANNELS
    is_own = is_contact and by.user is not None and _author_of(event) == by.user.pk
    return is_own and may(by, "tasks.change") and at - event.occurred_at <= TAKEN_BACK_WITHIN


@transaction.atomic
def take_back_contact(event: Event, *, by: Actor, at: datetime) -> TakenBack:
    """Remove a call or meeting that the actor wrote down by mistake, and the task planned with it; open again the tasks
    it satisfied. A task that somebody changed since stays as it is; the audit keeps the writing and the taking back.
    """
    require(by, "tasks.change")
    customer = Customer.objects.select_for_update(of=("self",)).get(pk=event.customer_id)  # type: ignore[misc]
    row = contacts_of(Event.objects.select_for_update(of=("self",))).filter(pk=event.pk).first()
    if row is None or row.customer_id != customer.pk:
        raise ChangedSince(_("It was taken back already."))
    if not by.user or _author_of(row) != by.user.pk:
        raise MoveNotAllowed(_("Only whoever wrote it down takes it back."))
    if at - row.occurred_at > TAKEN_BACK_WITHIN:
        raise ChangedSince(_("It was written down more than a day ago; now it stays."))
    refuse_frozen(customer, by)
    satisfied = Task.objects.filter(customer=customer, status=TaskStatus.DONE, done_at=row.occurred_at)
    reopened = tuple(one for one in satisfied.order_by("pk") if reopen_untouched(one, by=by, at=at))
    planned = Task.objects.filter(source=TaskSource.FOLLOW_UP, source_ref=f"event-{row.pk}").first()
    kept = planned if planned and not remove_untouched(planned, by=by, at=at) else None
    row.delete()
    touch([customer.pk], at=at)
    changes = {"outcome": [row.category, None]}
    audit(kind="customer", object_id=customer.pk, verb=f"{row.type} taken back", changes=changes, by=by, at=at)
    return TakenBack(reopened, kept)


def _author_of(event: Event) -> int:
    """The user in the id under which `_event` wrote it down."""
    return int(event.source_id.split("-")[2])


def _refuse(customer: Customer, kind: str, outcome: str, note: str, by: Actor) -> None:
    if kind not in CHANNELS:
        raise ValueRefused(_("No such kind."), path="kind", choices=[str(one) for one in CHANNELS])
    allowed = [str(one) for one in OUTCOMES[TaskKind(kind)]]
    if outcome not in allowed:
        raise ValueRefused(_("Choose what came of it."), path="outcome", choices=allowed)
    if len(note) > LONGEST_NOTE:
        raise ValueRefused(_("At most %(most)s characters.") % {"most": LONGEST_NOTE}, path="note")
    if not queries.customers(by).filter(pk=customer.pk).exists():
        raise ValueRefused(_("Not found."), path="customer")
    refuse_frozen(customer, by)


def _event(customer: Customer, kind: str, outcome: str, note: str, *, by: Actor, at: datetime) -> tuple[Event, bool]:
    """The event, and whether it is new: the same button pressed twice within a second is one call."""
    who = by.user.pk if by.user else 0
    told = {"outcome": outcome, "note": note, "by": by.user.username if by.user else ""}
    new = NewEvent(
        source=SOURCE,
        source_id=f"{kind}-{customer.pk}-{who}-{outcome}-{at:%Y%m%dT%H%M%S}",
        type=kind,
        occurred_at=at,
        customer_id=customer.pk,
        channel=CHANNELS[TaskKind(kind)],
        category=outcome,
        properties={name: value for name, value in told.items() if value},
    )
    (verdict,) = record_events([new], by=machine("page"), at=at)
    if is_new := verdict.status == STORED:
        changes = {"outcome": [None, outcome]}
        audit(kind="customer", object_id=customer.pk, verb=f"{kind} logged", changes=changes, by=by, at=at)
    return Event.objects.get(source=SOURCE, source_id=new.source_id), is_new


def _asked_for(customer: Customer, kind: str, by: Actor, at: datetime) -> list[Task]:
    own = Task.objects.filter(customer=customer, kind=kind, status=TaskStatus.OPEN, owner=by.user)
    return list(own.filter(due.within("now", at)).order_by("due_at")) if by.user else []


def _planned(
    customer: Customer, values: Mapping[str, Any], event: Event, done: tuple[Task, ...], *, by: Actor, at: datetime
) -> Task:
    deal = {"deal": done[0].deal} if done and done[0].deal else {}
    about = {"customer": customer, **deal, **values}
    return create_task(values=about, source=TaskSource.FOLLOW_UP, source_ref=f"event-{event.pk}", by=by, at=at)

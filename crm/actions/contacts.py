"""Calls and meetings: written down as events of the customer; they satisfy the tasks that asked for them."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db import transaction
from django.utils.translation import gettext as _

from crm import due, queries
from crm.actions.audit import audit
from crm.actions.events import NewEvent, record_events
from crm.actions.rows import ValueRefused
from crm.actions.tasks import OUTCOMES, create_task, finish_task, refuse_frozen
from crm.actions.verdicts import STORED
from crm.models import Customer, Event, Task, TaskKind, TaskSource, TaskStatus
from crm.rights import Actor, machine, require

SOURCE = "kohde"
LONGEST_NOTE = 4000
CHANNELS = {TaskKind.CALL: "phone", TaskKind.MEETING: "meeting"}


@dataclass(frozen=True)
class Contact:
    """A call or meeting as it was written down: its event, the tasks it satisfied, and the one that follows."""

    event: Event
    satisfied: tuple[Task, ...]
    follow_up: Task | None


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

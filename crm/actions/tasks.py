"""Tasks: planned by hand, by the worklist or by a campaign; done, cancelled, reopened, put off, and taken back."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from django.db import transaction
from django.utils.translation import gettext as _

from crm import due, queries
from crm.actions.audit import audit, created, difference
from crm.actions.customers import CustomerFrozen
from crm.actions.rows import ValueRefused, cleaned
from crm.models import AuditLine, Outcome, Task, TaskKind, TaskSource, TaskStatus, Team
from crm.refusals import NotPossibleNow
from crm.rights import Actor, may, require

COLUMNS = (
    "title", "note", "script", "kind", "customer", "company", "deal", "owner", "due_at", "has_time",
    "duration_minutes", "place", "priority", "remind_at",
)  # fmt: skip
REQUIRED = ("title", "due_at")
LINKS = {"customer": queries.customers, "company": queries.companies, "deal": queries.deals}
RESTORED = ("status", "outcome", "outcome_note", "done_at", "due_at", "has_time", "remind_at")


@dataclass(frozen=True)
class Move:
    """A step of the lifecycle: from which statuses it leads to which."""

    begins: tuple[str, ...]
    end: str


MOVES = {
    "finish": Move((TaskStatus.OPEN,), TaskStatus.DONE),
    "cancel": Move((TaskStatus.OPEN,), TaskStatus.CANCELLED),
    "reopen": Move((TaskStatus.DONE, TaskStatus.CANCELLED), TaskStatus.OPEN),
}
OUTCOMES = {
    TaskKind.CALL: (
        Outcome.REACHED,
        Outcome.AGREED,
        Outcome.DECLINED,
        Outcome.NO_ANSWER,
        Outcome.CALL_BACK,
        Outcome.WRONG_NUMBER,
    ),
    TaskKind.MEETING: (Outcome.HELD, Outcome.NOT_COME, Outcome.MOVED),
}


class MoveNotAllowed(NotPossibleNow):
    """The row does not stand where this step begins."""

    code = "move_not_allowed"


class ChangedSince(NotPossibleNow):
    """Somebody changed the row after what was to be taken back."""

    code = "changed_since"


@dataclass(frozen=True)
class NewTask:
    """A task that a floor above asks for; `source_ref` makes a repeat harmless. Owner, customer by their ids."""

    title: str
    due_at: datetime
    source_ref: str
    kind: str = TaskKind.CALL
    customer_id: int | None = None
    owner_id: int | None = None
    note: str = ""
    script: str = ""
    has_time: bool = False
    priority: int = 2


@transaction.atomic
def create_task(
    *, values: Mapping[str, Any], by: Actor, at: datetime, source: str = TaskSource.HAND, source_ref: str = ""
) -> Task:
    """A new task. `values` maps COLUMNS; the owner is the actor unless named. Raises ManyRefused with every fault."""
    require(by, "tasks.change")
    read = cleaned(Task, {**dict.fromkeys(REQUIRED, ""), "owner": by.user, **values}, COLUMNS)
    _check_links(read, by)
    row = Task(
        **read,
        team=None if read.get("customer") or read.get("company") else _team_of(read.get("owner"), by),
        source=source,
        source_ref=source_ref,
        created_by=by.user,
        created_at=at,
        updated_at=at,
    )
    row.save(force_insert=True)
    audit(kind="task", object_id=row.pk, verb="created", changes=created(read), by=by, at=at)
    return row


@transaction.atomic
def record_tasks(tasks: Iterable[NewTask], *, source: str, by: Actor, at: datetime) -> int:
    """Keep many tasks of one source at once, for floors above; returns how many are new. What is known stays as it is.

    Who they are about is the caller's to check: they come from an audience, not from a form.
    """
    require(by, "tasks.change")
    rows = [Task(**vars(one), source=source, created_by=by.user, created_at=at, updated_at=at) for one in tasks]
    refs = [row.source_ref for row in rows]
    known = set(Task.objects.filter(source=source, source_ref__in=refs).values_list("source_ref", flat=True))
    fresh = {row.source_ref: row for row in rows if row.source_ref not in known}
    Task.objects.bulk_create(fresh.values(), ignore_conflicts=True, batch_size=500)
    return len(fresh)


@transaction.atomic
def change_task(task: Task, *, values: Mapping[str, Any], by: Actor, at: datetime) -> Task:
    """Set the given columns; no difference, no line."""
    row = _held(task, by)
    read = cleaned(Task, values, COLUMNS)
    _check_links(read, by, owner_id=row.owner_id)
    changes = difference(row, read)
    if "remind_at" in changes:
        changes["reminded_at"] = [row.reminded_at, None]
    return _written(row, changes, "changed", by=by, at=at)


def finish_task(task: Task, *, by: Actor, at: datetime, outcome: str = "", note: str = "") -> Task:
    """It is done; for calls and meetings with what came of it."""
    return _move(task, "finish", {"outcome": outcome, "outcome_note": note, "done_at": at}, by=by, at=at)


def cancel_task(task: Task, *, by: Actor, at: datetime) -> Task:
    """It need not be done any more."""
    return _move(task, "cancel", {}, by=by, at=at)


def reopen_task(task: Task, *, by: Actor, at: datetime) -> Task:
    """It is to be done after all."""
    return _move(task, "reopen", {"outcome": "", "outcome_note": "", "done_at": None}, by=by, at=at)


@transaction.atomic
def snooze_task(task: Task, *, until: date, by: Actor, at: datetime) -> Task:
    """Put an open task off to another day of the firm; its time of day stays."""
    row = _held(task, by)
    _refuse_move(row, "finish")
    later = due.on_day(until, row.due_at, has_time=row.has_time)
    shift = later - row.due_at
    changes: dict[str, list[Any]] = {"due_at": [row.due_at, later]}
    if row.remind_at:
        changes |= {"remind_at": [row.remind_at, row.remind_at + shift], "reminded_at": [row.reminded_at, None]}
    return _written(row, changes, "snoozed", by=by, at=at)


@transaction.atomic
def undo_task(task: Task, line_id: int, *, by: Actor, at: datetime) -> Task:
    """Take back the last change of a task, named by its audit line. Raises ChangedSince when it is not the last."""
    row = _held(task, by)
    last = AuditLine.objects.filter(kind="task", object_id=row.pk).order_by("-id").first()
    if last is None or last.pk != line_id:
        raise ChangedSince(_("Somebody changed this since; look at it as it is now."))
    back = {name: pair[0] for name, pair in last.changes.items() if name in RESTORED}
    if not back:
        raise MoveNotAllowed(_("There is nothing to take back."))
    values = {name: Task._meta.get_field(name).to_python(value) for name, value in back.items()}  # type: ignore[union-attr]
    return _written(row, difference(row, values), "taken back", by=by, at=at)


def reopen_untouched(task: Task, *, by: Actor, at: datetime) -> bool:
    """Open a finished task again as it was, unless somebody changed it since."""
    last = AuditLine.objects.filter(kind="task", object_id=task.pk).order_by("-id").first()
    if last is None or last.verb != PAST["finish"]:
        return False
    undo_task(task, last.pk, by=by, at=at)
    return True


def remove_untouched(task: Task, *, by: Actor, at: datetime) -> bool:
    """Remove a task that was planned by mistake, unless somebody changed it since."""
    row = _held(task, by)
    lines = AuditLine.objects.filter(kind="task", object_id=row.pk)
    if lines.exclude(verb="created").exists():
        return False
    changes: dict[str, list[Any]] = {"title": [row.title, None], "due_at": [row.due_at, None]}
    audit(kind="task", object_id=row.pk, verb="removed", changes=changes, by=by, at=at)
    row.delete()
    return True


def last_change(kind: str, object_id: int) -> int:
    """The number of the newest audit line of a row, by which it can be taken back."""
    return AuditLine.objects.filter(kind=kind, object_id=object_id).order_by("-id").values_list("pk", flat=True)[0]


@transaction.atomic
def _move(task: Task, verb: str, values: dict[str, Any], *, by: Actor, at: datetime) -> Task:
    row = _held(task, by)
    _refuse_move(row, verb)
    _refuse_outcome(row, values.get("outcome", ""))
    changes = difference(row, {"status": str(MOVES[verb].end), **values})
    return _written(row, changes, PAST[verb], by=by, at=at)


PAST = {"finish": "done", "cancel": "cancelled", "reopen": "reopened"}


def _refuse_move(row: Task, verb: str) -> None:
    if row.status not in MOVES[verb].begins:
        raise MoveNotAllowed(_("This task is %(status)s.") % {"status": row.get_status_display().lower()})


def _refuse_outcome(row: Task, outcome: str) -> None:
    allowed = [str(one) for one in OUTCOMES.get(row.kind, ())]  # type: ignore[call-overload]
    if outcome and outcome not in allowed:
        raise ValueRefused(_("Not an outcome of this kind of task."), path="outcome", choices=allowed)


def _held(task: Task, by: Actor) -> Task:
    require(by, "tasks.change")
    row = Task.objects.select_for_update(of=("self",)).select_related("customer").get(pk=task.pk)
    refuse_frozen(row.customer, by)
    return row


def refuse_frozen(customer: Any, by: Actor) -> None:
    """Nothing is planned or noted for those whose processing is restricted."""
    if customer and (customer.erased_at or (customer.restricted_at and not may(by, "privacy.execute"))):
        raise CustomerFrozen(_("This customer was erased, merged or restricted and can not be changed."))


def _written(row: Task, changes: dict[str, list[Any]], verb: str, *, by: Actor, at: datetime) -> Task:
    if not changes:
        return row
    for name, (_before, after) in changes.items():
        setattr(row, name, after)
    row.updated_at = at
    row.save(update_fields=[*changes, "updated_at"])
    audit(kind="task", object_id=row.pk, verb=verb, changes=changes, by=by, at=at)
    return row


def _check_links(read: Mapping[str, Any], by: Actor, owner_id: int | None = None) -> None:
    """Whom it is about, and who does it, must be in the actor's scope; both must be able to meet."""
    for name, rows in LINKS.items():
        if (row := read.get(name)) and not rows(by).filter(pk=row.pk).exists():
            raise ValueRefused(_("Not found."), path=name)
    refuse_frozen(read.get("customer"), by)
    owner = read.get("owner")
    if owner and not queries.colleagues(by, present=owner_id).filter(pk=owner.pk).exists():
        raise ValueRefused(_("Not somebody who can do this."), path="owner")


def _team_of(owner: Any, by: Actor) -> Team | None:
    """The team that a task about nobody belongs to: the first that its owner shares with the actor."""
    teams = queries.teams(by)
    return teams.filter(members=owner).first() if owner else teams.first() if by.team_ids else None

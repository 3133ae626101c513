"""What users are told of: a registry of kinds, each of which finds its own news in the rows and names them again.

A kind looks at the rows of the last day; what was told is known by its reference, so looking twice tells nothing twice.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db.models import F
from django.urls import reverse
from django.utils.translation import gettext_lazy as _

from crm import due, queries
from crm.models import AuditLine, Deal, DealStatus, Import, ImportStatus, Mention, Notification, Task, TaskStatus, User
from crm.rights import RIGHTS, SALES, Actor, may

MOST = 500  # of one kind in one look


@dataclass(frozen=True)
class News:
    """One thing to tell one user: `ref` makes it one, `by_id` is who did it."""

    user_id: int
    object_id: int
    ref: str
    at: datetime
    by_id: int | None = None


@dataclass(frozen=True)
class Named:
    """What a row is called for this user, and its page."""

    name: str
    url: str


@dataclass(frozen=True)
class Kind:
    """`words` has %(who)s and %(what)s. `found` gives the news between two moments; `named` names rows for an actor.

    It takes one question for all rows; what it leaves out is out of reach. `way` holds until a wish says otherwise.
    """

    key: str
    label: Any
    words: Any
    right: str
    found: Callable[[datetime, datetime], Iterable[News]]
    named: Callable[[Actor, Sequence[int]], Mapping[int, Named]]
    way: str = "app"
    icon: str = "bell"


def _mentions(since: datetime, at: datetime) -> Iterable[News]:
    rows = Mention.objects.filter(note__deleted_at__isnull=True, seen_at__isnull=True).exclude(
        user=F("note__created_by")
    )
    changed = rows.filter(note__created_at__gte=since) | rows.filter(note__edited_at__gte=since)
    for one in changed.select_related("note")[:MOST]:
        yield News(one.user_id, one.pk, str(one.pk), one.note.edited_at or one.note.created_at, one.note.created_by_id)


def _named_mentions(actor: Actor, ids: Sequence[int]) -> Mapping[int, Named]:
    rows = queries.mentions(actor).filter(pk__in=ids).select_related("note__customer", "note__company")
    return {one.pk: Named(str(one.note.customer or one.note.company), _note_url(one.note)) for one in rows}


def _note_url(note: Any) -> str:
    if note.customer_id:
        return reverse("customer-notes", args=[note.customer_id])
    return reverse("company", args=[note.company_id])


def _assigned(since: datetime, at: datetime) -> Iterable[News]:
    """Tasks that somebody else gave to their owner."""
    lines = AuditLine.objects.filter(kind="task", at__gte=since, by__isnull=False, changes__has_key="owner")
    latest = {line.object_id: line for line in lines.order_by("id")[:MOST]}
    owners = Task.objects.filter(pk__in=latest, status=TaskStatus.OPEN, owner__isnull=False).values_list("pk", "owner")
    for pk, owner in owners:
        line = latest[pk]
        if owner != line.by_id:
            yield News(owner, pk, str(line.pk), line.at, line.by_id)


def _due(since: datetime, at: datetime) -> Iterable[News]:
    """Tasks that fall due today, told once from the morning on."""
    rows = Task.objects.filter(status=TaskStatus.OPEN, owner__isnull=False, due_at__gte=since)
    for one in rows.filter(due_at__lte=due.end_of(due.day_of(at))).order_by("due_at")[:MOST]:
        yield News(one.owner_id, one.pk, f"{one.pk} {one.due_at:%Y-%m-%d}", at)  # type: ignore[arg-type]


def _named_tasks(actor: Actor, ids: Sequence[int]) -> Mapping[int, Named]:
    rows = queries.tasks(actor).filter(pk__in=ids)
    return {one.pk: Named(one.title, reverse("task", args=[one.pk])) for one in rows}


def _won(since: datetime, at: datetime) -> Iterable[News]:
    """Deals that a colleague of the team won."""
    rows = Deal.objects.filter(status=DealStatus.WON, closed_at__gte=since).select_related("customer", "company")
    deals = [(one, subject.team_id) for one in rows[:MOST] if (subject := one.customer or one.company)]
    people = User.objects.filter(is_active=True, role=SALES, teams__in={team for _one, team in deals if team})
    members = set(people.values_list("pk", "teams"))
    for one, team in deals:
        for user_id in sorted(pk for pk, own in members if own == team and pk != one.owner_id):
            yield News(user_id, one.pk, f"{one.pk} {one.closed_at:%Y-%m-%d}", one.closed_at, one.owner_id)  # type: ignore[arg-type]


def _named_deals(actor: Actor, ids: Sequence[int]) -> Mapping[int, Named]:
    rows = queries.deals(actor).filter(pk__in=ids)
    return {one.pk: Named(one.title, reverse("deal", args=[one.pk])) for one in rows}


def _imports(status: str) -> Callable[[datetime, datetime], Iterable[News]]:
    def found(since: datetime, at: datetime) -> Iterable[News]:
        rows = Import.objects.filter(status=status, finished_at__gte=since, created_by__isnull=False)[:MOST]
        return (News(one.created_by_id, one.pk, str(one.pk), one.finished_at) for one in rows)  # type: ignore[arg-type]

    return found


def _named_imports(actor: Actor, ids: Sequence[int]) -> Mapping[int, Named]:
    rows = queries.imports(actor).filter(pk__in=ids)
    return {one.pk: Named(one.file_name, reverse("import", args=[one.pk])) for one in rows}


KINDS: list[Kind] = [
    Kind("mention", _("Somebody mentions me in a note"), _("%(who)s mentioned you: %(what)s"), "notes.view",
         _mentions, _named_mentions, icon="at-symbol"),
    Kind("assigned", _("Somebody gives me a task"), _("%(who)s gave you a task: %(what)s"), "tasks.view",
         _assigned, _named_tasks, icon="check-circle"),
    Kind("due", _("A task of mine is due today"), _("Due today: %(what)s"), "tasks.view",
         _due, _named_tasks, icon="clock"),
    Kind("won", _("A colleague wins a deal"), _("%(who)s won a deal: %(what)s"), "deals.view",
         _won, _named_deals, way="off", icon="trophy"),
    Kind("imported", _("My import is finished"), _("Import finished: %(what)s"), "imports.view",
         _imports(ImportStatus.FINISHED), _named_imports, icon="arrow-up-tray"),
    Kind("import-failed", _("My import stopped"), _("Import stopped: %(what)s"), "imports.view",
         _imports(ImportStatus.FAILED), _named_imports, icon="exclamation-triangle"),
]  # fmt: skip


def register(*kinds: Kind) -> None:
    """Add kinds; called once, from the AppConfig.ready of the floor that brings them."""
    KINDS.extend(kinds)


def holders(right: str) -> list[int]:
    """Everybody whose role holds the right."""
    return list(User.objects.filter(is_active=True, role__in=RIGHTS[right].roles).values_list("pk", flat=True))


def told_of(kind: str, since: datetime) -> set[int]:
    """Rows that somebody was told of already: for kinds that find out at some cost whether there is news."""
    return set(Notification.objects.filter(kind=kind, at__gte=since).values_list("object_id", flat=True))


def open_to(actor: Actor) -> list[Kind]:
    """The kinds that the actor may hear of."""
    return [one for one in KINDS if may(actor, one.right)]


@dataclass(frozen=True)
class Told:
    """One notification as its user reads it."""

    row: Notification
    sentence: str
    url: str
    icon: str


def told(actor: Actor, rows: Sequence[Notification]) -> list[Told]:
    """The rows in words; those whose subject is out of reach by now are left out. One question per kind."""
    found = []
    kinds = {one.key: one for one in open_to(actor)}
    for key in dict.fromkeys(row.kind for row in rows):
        if kind := kinds.get(key):
            mine = [row for row in rows if row.kind == key]
            names = kind.named(actor, [row.object_id for row in mine])
            found += [_told(kind, row, names[row.object_id]) for row in mine if row.object_id in names]
    return sorted(found, key=lambda one: (one.row.at, one.row.pk), reverse=True)


def _told(kind: Kind, row: Notification, named: Named) -> Told:
    sentence = str(kind.words) % {"who": row.by or "–", "what": named.name}
    return Told(row, sentence, named.url, kind.icon)

"""Saved views of lists: kept, changed and deleted by whoever saved them; and what each user sees first."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any

from django.db import transaction
from django.utils.translation import gettext as _

from crm.actions.audit import audit
from crm.actions.rows import ValueRefused
from crm.models import ListChoice, ListName, SavedView, Sharing, Team
from crm.rights import Actor, NotAllowed, may

LONGEST_NAME = 80
MOST_FILTERS, MOST_COLUMNS = 20, 30
CHANGEABLE = ("name", "query", "columns", "sort", "sharing")


@transaction.atomic
def save_view(
    *, list_name: str, values: Mapping[str, Any], by: Actor, at: datetime, teams: Iterable[Team] = ()
) -> SavedView:
    """Keep filters, order and columns of a list under a name. Raises ValueRefused with the place of what is wrong."""
    if list_name not in ListName.values:
        raise ValueRefused(_("There is no such list."), path="list_name", choices=ListName.values)
    row = SavedView(list_name=list_name, owner=_person(by), created_at=at, updated_at=at)
    _set(row, {"sharing": Sharing.NOBODY, **values})
    row.save()
    _share(row, teams, by)
    audit(kind="view", object_id=row.pk, verb="created", changes={"name": [None, row.name]}, by=by, at=at)
    return row


@transaction.atomic
def change_view(
    view: SavedView, *, values: Mapping[str, Any], by: Actor, at: datetime, teams: Iterable[Team] | None = None
) -> SavedView:
    """Change the named parts of one's own view."""
    row = _own(view, by)
    before = {name: getattr(row, name) for name in CHANGEABLE}
    _set(row, values)
    changes = {name: [old, getattr(row, name)] for name, old in before.items() if getattr(row, name) != old}
    row.updated_at = at
    row.save()
    if teams is not None or row.sharing != Sharing.TEAMS or "sharing" in changes:
        _share(row, teams or (), by)
    if changes:
        audit(kind="view", object_id=row.pk, verb="changed", changes=changes, by=by, at=at)
    return row


@transaction.atomic
def delete_view(view: SavedView, *, by: Actor, at: datetime) -> SavedView:
    """Take a view away; it is kept for restore_view."""
    return _mark(view, at, "deleted", by=by, at=at)


@transaction.atomic
def restore_view(view: SavedView, *, by: Actor, at: datetime) -> SavedView:
    """Undo of deleting."""
    return _mark(view, None, "restored", by=by, at=at)


def _mark(view: SavedView, deleted_at: datetime | None, verb: str, *, by: Actor, at: datetime) -> SavedView:
    row = _own(view, by)
    if bool(row.deleted_at) != bool(deleted_at):
        audit(kind="view", object_id=row.pk, verb=verb, changes={"name": [row.name, row.name]}, by=by, at=at)
        row.deleted_at = deleted_at
        row.save()
    return row


def choose_columns(*, list_name: str, columns: Sequence[str], by: Actor) -> None:
    """The columns a user wants in a list when no view says otherwise."""
    kept = list(dict.fromkeys(_plain(one)[:80] for one in columns))[:MOST_COLUMNS]
    ListChoice.objects.update_or_create(user=_person(by), list_name=list_name, defaults={"columns": kept})


def choose_view(*, list_name: str, view: SavedView | None, by: Actor) -> None:
    """The view a list opens with for this user; None: every row."""
    ListChoice.objects.update_or_create(user=_person(by), list_name=list_name, defaults={"view": view})


def _own(view: SavedView, by: Actor) -> SavedView:
    row = SavedView.objects.select_for_update().get(pk=view.pk)
    if row.owner_id != _person(by).pk and not may(by, "users.change"):
        raise NotAllowed(_("Only whoever saved a view changes it."))
    return row


def _person(by: Actor) -> Any:
    if by.user is None:
        raise NotAllowed(_("Only a person has views."))
    return by.user


def _set(row: SavedView, values: Mapping[str, Any]) -> None:
    for name, value in values.items():
        if name not in CHANGEABLE:
            raise ValueRefused(_("No such column."), path=name, choices=CHANGEABLE)
        setattr(row, name, CHECKS[name](value))


def _plain(value: Any) -> str:
    """The text without NUL, which no database holds."""
    return str(value).replace("\0", "")


def _name(value: Any) -> str:
    text = " ".join(_plain(value).split())
    if not 1 <= len(text) <= LONGEST_NAME:
        raise ValueRefused(_("Give the view a name of at most %(most)s letters.") % {"most": LONGEST_NAME}, path="name")
    return text


def _query(value: Any) -> dict[str, list[str]]:
    is_whole = isinstance(value, dict) and all(
        isinstance(name, str) and isinstance(texts, list) and all(isinstance(one, str) for one in texts)
        for name, texts in value.items()
    )
    if not is_whole or sum(map(len, value.values())) > MOST_FILTERS or "q" in value:
        message = _("Filters are names with lists of texts, at most %(most)s; what was searched is not kept.")
        raise ValueRefused(message % {"most": MOST_FILTERS}, path="query")
    return {_plain(name): list(map(_plain, texts)) for name, texts in value.items()}


def _texts(value: Any) -> list[str]:
    if not isinstance(value, list) or len(value) > MOST_COLUMNS or not all(isinstance(one, str) for one in value):
        message = _("A list of at most %(most)s keys of columns.") % {"most": MOST_COLUMNS}
        raise ValueRefused(message, path="columns")
    return list(map(_plain, value))


def _sort(value: Any) -> str:
    return _plain(value)[:80]


def _sharing(value: Any) -> str:
    if value not in Sharing.values:
        raise ValueRefused(_("Not one of the choices."), path="sharing", choices=Sharing.values)
    return str(value)


CHECKS = {"name": _name, "query": _query, "columns": _texts, "sort": _sort, "sharing": _sharing}


def _share(row: SavedView, teams: Iterable[Team], by: Actor) -> None:
    chosen = list(teams) if row.sharing == Sharing.TEAMS else []
    if row.sharing == Sharing.TEAMS and not chosen:
        chosen = list(Team.objects.filter(pk__in=by.team_ids) if by.team_ids is not None else Team.objects.all())
    if by.team_ids is not None and any(team.pk not in by.team_ids for team in chosen):
        raise NotAllowed(_("Share with teams of your own."), path="teams")
    row.teams.set(chosen)

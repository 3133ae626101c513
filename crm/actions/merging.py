"""Two records of one person joined, and taken apart again: set-based, recorded, consent never loosened."""

from collections.abc import Collection, Iterable, Mapping
from datetime import datetime, timedelta
from typing import Any

from django.db import transaction
from django.db.models import Model
from django.utils.translation import gettext as _

from crm import holdings, queries
from crm.actions.audit import _plain, audit
from crm.actions.customers import CustomerFrozen
from crm.actions.joined_consents import State, combined, read, write
from crm.actions.touches import touch
from crm.models import Customer, Merge
from crm.refusals import NotPossibleNow, Refused
from crm.rights import Actor, NotAllowed, may, require

UNDOABLE = timedelta(days=30)
# What may be taken from the record that goes; custom fields as `attributes.<key>`. Whoever has a value wins over none.
CHOOSABLE = (
    "first_name", "last_name", "email", "phone", "language", "time_zone", "birth_date", "gender", "street",
    "postal_code", "city", "country", "stage", "company", "owner", "team", "source",
)  # fmt: skip
EARLIEST = ("created_at", "restricted_at", "objected_at")  # the older beginning, the stricter limit
LEFT_ALONE = {"id", "number", "merged_into", "updated_at", "erased_at"}


class MergeRefused(NotPossibleNow):
    """These two cannot be joined, or no longer be taken apart."""

    code = "merge_refused"


@transaction.atomic
def merge_customers(
    survivor: Customer, merged: Customer, *, take: Collection[str] = (), by: Actor, at: datetime
) -> Merge:
    """Join two customers: `merged` becomes a tombstone whose rows belong to `survivor`.

    `take` names columns (CHOOSABLE, or `attributes.<key>`) of which the value of `merged` survives; otherwise that of
    the survivor does, unless it is empty. Both must be in scope, and a person must have decided it.
    """
    require(by, "customers.merge")
    if by.user is None:
        raise NotAllowed(_("Two known people are joined by a person only."))
    kept, gone = _locked(survivor.pk, merged.pk, by)
    _refuse_unknown(take, kept, gone, by=by)
    before = {"survivor": image(kept), "merged": image(gone)}
    consents = {"survivor": read(kept.pk), "merged": read(gone.pk)}
    values = _chosen(kept, gone, take)
    moved = _moved(gone.pk, kept.pk)
    joined = combined(consents["survivor"], consents["merged"], at=at)
    write(kept.pk, joined, at=at)
    write(gone.pk, [], at=at)
    Customer.objects.filter(pk=gone.pk).update(merged_into=kept.pk, updated_at=at)
    Customer.objects.filter(pk=kept.pk).update(**values, updated_at=at)
    for follower in holdings.FOLLOWERS:
        moved[follower.key] = follower.join(survivor=kept.pk, merged=gone.pk, at=at)
    kept.refresh_from_db()
    merge = Merge.objects.create(
        survivor=kept,
        merged=gone,
        at=at,
        by=by.user,
        before=before | {"consents": {side: _told(states) for side, states in consents.items()}},
        after={"survivor": image(kept), "consents": _told(joined)},
        moved=moved,
    )
    _audit(merge, "merged", before["survivor"], image(kept), by=by, at=at)
    return merge


@transaction.atomic
def unmerge(merge: Merge, *, by: Actor, at: datetime) -> Merge:
    """Take two customers apart again, both as they were; what changed since stays with the survivor and is told in
    `kept`. Possible for UNDOABLE days, while the survivor is living, and the last merge first: what a later one
    refused would be lost with an earlier one."""
    require(by, "customers.merge")
    rows = _rows([merge.survivor_id, merge.merged_id])  # customers first, as everybody locks them
    merge = Merge.objects.select_for_update().get(pk=merge.pk)
    _refuse_too_late(merge, at)
    kept, gone = rows[merge.survivor_id], rows[merge.merged_id]
    _refuse_gone(merge, kept, gone, by)
    now = image(kept)
    told = _restored(kept, now, merge, at)
    told += _handed_back(merge)
    told += _consents_back(merge, at)
    _restrict_both(kept, gone, merge, at)
    for follower in holdings.FOLLOWERS:
        follower.part(merge.moved.get(follower.key), survivor=kept.pk, merged=gone.pk, at=at)
    Merge.objects.filter(pk=merge.pk).update(undone_at=at, undone_by=by.user, kept=told)
    merge.refresh_from_db()
    kept.refresh_from_db()
    _audit(merge, "unmerged", now, image(kept), by=by, at=at)
    return merge


def forget_merges(*, at: datetime) -> int:
    """Let go of what was kept to undo merges that can no longer be undone; returns how many."""
    old = Merge.objects.filter(at__lt=at - UNDOABLE).exclude(before={})
    return old.update(before={}, after={}, moved={}, kept=[])


# --- who ------------------------------------------------------------------------------------------


def _rows(ids: Iterable[int]) -> dict[int, Customer]:
    """Both rows, locked in the order of their ids, as everybody locks them."""
    rows = Customer.objects.select_for_update().filter(pk__in=set(ids)).order_by("pk")
    return {row.pk: row for row in rows}


def _locked(survivor: int, merged: int, by: Actor) -> tuple[Customer, Customer]:
    if survivor == merged:
        raise MergeRefused(_("Choose two different customers."), path="customer")
    rows = _rows([survivor, merged])
    in_scope = set(queries.customers(by).filter(pk__in=rows).values_list("pk", flat=True))
    if len(in_scope) < 2:
        raise MergeRefused(_("One of them is gone, or was merged already."), path="customer")
    _refuse_restricted(*rows.values(), by=by)
    return rows[survivor], rows[merged]


def _refuse_restricted(*rows: Customer, by: Actor) -> None:
    if any(row.restricted_at for row in rows) and not may(by, "privacy.execute"):
        raise CustomerFrozen(_("This customer was erased, merged or restricted and can not be changed."))


def _refuse_unknown(take: Iterable[str], *rows: Customer, by: Actor) -> None:
    """Fields that the actor may not see are no choice, and no answer tells who has a value in them."""
    special = set() if queries.sees_special(by) else queries.special_names()
    held = {f"attributes.{key}" for row in rows for key in row.attributes} - special
    known = [*CHOOSABLE, *sorted(held)]
    if unknown := next((name for name in take if name not in known), None):
        raise Refused(_("No such field."), path=f"take.{unknown}", choices=known, code="unknown_field")


def _refuse_too_late(merge: Merge, at: datetime) -> None:
    if merge.undone_at:
        raise MergeRefused(_("They were taken apart already."))
    if at > merge.at + UNDOABLE or not merge.before:
        raise MergeRefused(_("A merge can be undone for %(days)s days.") % {"days": UNDOABLE.days})


def _refuse_gone(merge: Merge, kept: Customer, gone: Customer, by: Actor) -> None:
    if kept.erased_at or gone.erased_at:
        raise MergeRefused(_("Their data were erased; there is nothing to take apart."))
    if kept.merged_into_id:
        raise MergeRefused(_("They were merged into another customer since; undo that first."))
    if Merge.objects.filter(survivor=merge.survivor_id, pk__gt=merge.pk, undone_at=None).exists():
        raise MergeRefused(_("Another record was joined with this one since; take that apart first."))
    _refuse_restricted(kept, gone, by=by)
    if not queries.customers(by).filter(pk=kept.pk).exists():
        raise MergeRefused(_("One of them is gone, or was merged already."), path="customer")
    home = merge.before["merged"]["team_id"]
    if by.team_ids is not None and home not in by.team_ids:
        raise NotAllowed(_("The other record belongs to another team."))


# --- columns --------------------------------------------------------------------------------------


def image(row: Customer) -> dict[str, Any]:
    """The columns of a customer as plain values."""
    fields = [one for one in Customer._meta.concrete_fields if one.name not in LEFT_ALONE]
    return {one.attname: _plain(one.value_from_object(row)) for one in fields}


def _chosen(kept: Customer, gone: Customer, take: Collection[str]) -> dict[str, Any]:
    """What the survivor's columns become."""
    columns = {name: Customer._meta.get_field(name).attname for name in CHOOSABLE}  # type: ignore[union-attr]
    values = {
        column: getattr(gone if name in take or not getattr(kept, column) else kept, column)
        for name, column in columns.items()
    }
    taken = {key: value for key, value in gone.attributes.items() if f"attributes.{key}" in take}
    attributes = {**gone.attributes, **kept.attributes, **taken}
    return {**values, "attributes": attributes, **{name: _earlier(kept, gone, name) for name in EARLIEST}}


def _earlier(kept: Customer, gone: Customer, name: str) -> datetime | None:
    return min(filter(None, (getattr(kept, name), getattr(gone, name))), default=None)


def _restored(kept: Customer, now: dict[str, Any], merge: Merge, at: datetime) -> list[str]:
    """Set back what the merge wrote and nobody has changed since; returns what stays."""
    before, after = merge.before["survivor"], merge.after["survivor"]
    flat_before, flat_after, flat_now = _flat(before), _flat(after), _flat(now)
    written = {name for name in {**flat_before, **flat_after} if flat_before.get(name) != flat_after.get(name)}
    stays = {name for name in written if flat_now.get(name) != flat_after.get(name)}
    wanted = {name: flat_before.get(name) for name in written - stays}
    attributes = dict(now["attributes"])
    for name in [one for one in wanted if one.startswith("attributes.")]:
        value, key = wanted.pop(name), name.removeprefix("attributes.")
        attributes = {**attributes, key: value} if key in before["attributes"] else _without(attributes, key)
    values = {name: Customer._meta.get_field(name).to_python(value) for name, value in wanted.items()}  # type: ignore[union-attr]
    Customer.objects.filter(pk=kept.pk).update(**values, attributes=attributes, updated_at=at)
    Customer.objects.filter(pk=merge.merged_id).update(merged_into=None, updated_at=at)
    return sorted(stays)


def _without(attributes: dict[str, Any], key: str) -> dict[str, Any]:
    return {name: value for name, value in attributes.items() if name != key}


def _flat(columns: Mapping[str, Any]) -> dict[str, Any]:
    single = {f"attributes.{key}": value for key, value in columns["attributes"].items()}
    return {name: value for name, value in columns.items() if name != "attributes"} | single


# --- rows ------------------------------------------------------------------------------------------


def _moved(merged: int, survivor: int) -> dict[str, Any]:
    """Hand every row over that a merge moves; the ids by table."""
    moved = {}
    for holding in holdings.every():
        if holding.moves and (ids := list(holding.movable(merged, survivor).values_list("pk", flat=True))):
            _hand_over(holding.table, holding.path, ids, {}, survivor)
            moved[holding.key] = ids
    return moved


def _handed_back(merge: Merge) -> list[str]:
    """Give back the rows that changed hands and are still there."""
    for holding in holdings.every():
        ids = merge.moved.get(holding.key, [])
        _hand_over(holding.table, holding.path, ids, {holding.path: merge.survivor_id}, merge.merged_id)
    return []


def _hand_over(table: type[Model], path: str, ids: list[int], only: dict[str, int], to: int) -> None:
    for start in range(0, len(ids), 500):
        rows = table._default_manager.filter(pk__in=ids[start : start + 500], **only)
        rows.update(**{table._meta.get_field(path).attname: to})  # type: ignore[union-attr]


# --- consents ---------------------------------------------------------------------------------------


def _told(states: Iterable[State]) -> list[list[Any]]:
    return [[_plain(value) for value in state] for state in states]


def _consents_back(merge: Merge, at: datetime) -> list[str]:
    """Both sides as they were; what was said since holds on the survivor, and what was withdrawn on both."""
    sides = {side: [State.of(one) for one in merge.before["consents"][side]] for side in ("survivor", "merged")}
    joined = {one.place: one for one in map(State.of, merge.after["consents"])}
    now = {one.place: one for one in read(merge.survivor_id)}
    since = {place: one for place, one in now.items() if one.said != (joined[place].said if place in joined else None)}
    withdrawn = {place: one for place, one in since.items() if not one.is_granted}
    write(merge.survivor_id, {one.place: one for one in sides["survivor"]} | since, at=at)
    write(merge.merged_id, {one.place: one for one in sides["merged"]} | withdrawn, at=at)
    return [f"consent.{purpose}.{channel}" for purpose, channel in sorted(since)]


def _restrict_both(kept: Customer, gone: Customer, merge: Merge, at: datetime) -> None:
    """An objection or restriction since the merge was said by one person of two records: it holds on both."""
    for column in ("restricted_at", "objected_at"):
        if getattr(kept, column) and not merge.after["survivor"][column]:
            Customer.objects.filter(pk=gone.pk, **{column: None}).update(**{column: getattr(kept, column)})


def _audit(
    merge: Merge, verb: str, before: Mapping[str, Any], after: Mapping[str, Any], *, by: Actor, at: datetime
) -> None:
    old, new = _flat(before), _flat(after)
    names = [name for name in {**old, **new} if old.get(name) != new.get(name)]
    changes = {name.removesuffix("_id"): [old.get(name), new.get(name)] for name in names}
    other = [None, merge.merged_id] if verb == "merged" else [merge.merged_id, None]
    tombstone = [None, merge.survivor_id] if verb == "merged" else [merge.survivor_id, None]
    audit(kind="customer", object_id=merge.survivor_id, verb=verb, changes=changes | {"joined": other}, by=by, at=at)
    audit(kind="customer", object_id=merge.merged_id, verb=verb, changes={"merged_into": tombstone}, by=by, at=at)
    touch([merge.survivor_id, merge.merged_id], at=at)

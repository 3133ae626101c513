"""Tags: made, changed, put on customers and companies and taken off, one or many at once."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db import transaction
from django.db.models import Model, QuerySet
from django.utils.text import slugify
from django.utils.translation import gettext as _

from crm import queries, tag_uses
from crm.actions.audit import audit, audit_many, line
from crm.actions.rows import ValueRefused, refusing_doubles
from crm.actions.touches import touch
from crm.models import AuditLine, Company, CompanyTag, Customer, CustomerTag, Tag, TagColour
from crm.refusals import NotPossibleNow, Refused
from crm.rights import Actor, may, require

BATCH = 2_000
MOST_FOLLOWED = 1_000
LONGEST = 60


class TagInUse(NotPossibleNow):
    """Something names the tag: a segment's rule, a saved view."""

    code = "in_use"


class TagTaken(NotPossibleNow):
    """Another tag has this name."""

    code = "name_taken"


@dataclass(frozen=True)
class _Kind:
    name: str
    rows: Any
    link: type[Model]


KINDS = {
    Customer: _Kind("customer", queries.customers, CustomerTag),
    Company: _Kind("company", queries.companies, CompanyTag),
}


@transaction.atomic
def create_tag(*, name: str, by: Actor, at: datetime, colour: str = TagColour.GREY) -> Tag:
    """A new tag; one of the name that was archived comes back. Raises TagTaken."""
    require(by, "tags.change")
    name, colour = _name(name), _colour(colour)
    known = Tag.objects.select_for_update().filter(name__iexact=name).first()
    if known and known.archived_at is None:
        raise TagTaken(_("There is a tag %(name)s already.") % {"name": known.name}, path="name")
    row = known or Tag(created_at=at, created_by=by.user, slug=_free_slug(name))
    row.name, row.colour, row.archived_at, row.merged_into = name, colour, None, None
    _saved(row)
    if known:
        _changed_for_all(row, at=at)
    audit(kind="tag", object_id=row.pk, verb="created", changes={"name": [None, name]}, by=by, at=at)
    return row


def _saved(row: Tag) -> None:
    """Of two who name a tag alike at the same time the second is told."""
    with refusing_doubles(TagTaken(_("There is a tag %(name)s already.") % {"name": row.name}, path="name")):
        row.save()


@transaction.atomic
def change_tag(tag: Tag, *, values: Mapping[str, str], by: Actor, at: datetime) -> Tag:
    """Another name or colour. The slug stays, so that addresses and rules keep their meaning."""
    require(by, "tags.manage")
    row = Tag.objects.select_for_update().get(pk=tag.pk)
    wanted = {name: CHECKS[name](value) for name, value in values.items() if name in CHECKS}
    if Tag.objects.filter(name__iexact=wanted.get("name", row.name)).exclude(pk=row.pk).exists():
        raise TagTaken(_("There is a tag %(name)s already.") % {"name": wanted["name"]}, path="name")
    changes = {name: [getattr(row, name), value] for name, value in wanted.items() if getattr(row, name) != value}
    for name, value in wanted.items():
        setattr(row, name, value)
    _saved(row)
    if changes:
        audit(kind="tag", object_id=row.pk, verb="changed", changes=changes, by=by, at=at)
    return row


@transaction.atomic
def archive_tag(tag: Tag, *, by: Actor, at: datetime, into: Tag | None = None) -> Tag:
    """Out of pickers and rows; who had it is kept, so that it can be brought back. Raises TagInUse."""
    require(by, "tags.manage")
    row = Tag.objects.select_for_update().get(pk=tag.pk)
    if row.archived_at is not None:
        return row
    if uses := tag_uses.by_tag(by).get(row.slug):
        names = ", ".join(f"{one.kind} “{one.name}”" for one in uses[:5])
        raise TagInUse(_("“%(tag)s” is used by %(names)s. Change that first.") % {"tag": row.name, "names": names})
    row.archived_at, row.merged_into = at, into
    row.save()
    _changed_for_all(row, at=at)
    changes = {"merged_into": [None, into.slug]} if into else {}
    audit(kind="tag", object_id=row.pk, verb="merged" if into else "archived", changes=changes, by=by, at=at)
    return row


@transaction.atomic
def merge_tags(tag: Tag, *, into: Tag, by: Actor, at: datetime) -> Tag:
    """Everything that has the first gets the second, and the first is archived. Raises TagInUse."""
    require(by, "tags.manage")
    if into.pk == tag.pk or into.archived_at is not None:
        raise Refused(_("Choose another tag to merge into."), path="into")
    for model, kind in KINDS.items():
        worn = kind.link._default_manager.filter(tag=tag).values_list(f"{kind.name}_id", flat=True)
        add_tag(into, to=model, ids=worn, by=by, at=at)
    return archive_tag(tag, by=by, at=at, into=into)


@transaction.atomic
def restore_tag(tag: Tag, *, by: Actor, at: datetime) -> Tag:
    """Back with all that had it; what a merge gave to the other tag is taken off again."""
    require(by, "tags.manage")
    row = Tag.objects.select_for_update(of=("self",)).select_related("merged_into").get(pk=tag.pk)
    if row.archived_at is None:
        return row
    if row.merged_into:
        _take_back(row, into=row.merged_into, by=by, at=at)
    row.archived_at, row.merged_into = None, None
    row.save()
    _changed_for_all(row, at=at)
    audit(kind="tag", object_id=row.pk, verb="restored", changes={}, by=by, at=at)
    return row


def _take_back(row: Tag, *, into: Tag, by: Actor, at: datetime) -> None:
    """A merge put the other tag on at the moment at which it archived this one."""
    for model, kind in KINDS.items():
        links = kind.link._default_manager
        had = links.filter(tag=row).values(f"{kind.name}_id")
        given = links.filter(tag=into, at=row.archived_at, **{f"{kind.name}__in": had})
        remove_tag(into, to=model, ids=given.values_list(f"{kind.name}_id", flat=True), by=by, at=at)


def _changed_for_all(tag: Tag, *, at: datetime) -> None:
    """Rows change with their tags, so that whoever follows rows reads them anew."""
    for model, kind in KINDS.items():
        worn = kind.link._default_manager.filter(tag=tag).values(f"{kind.name}_id")
        model._default_manager.filter(pk__in=worn).update(updated_at=at)
    few = CustomerTag.objects.filter(tag=tag).values_list("customer_id", flat=True)[: MOST_FOLLOWED + 1]
    if len(few) <= MOST_FOLLOWED:
        touch(few, at=at)


@transaction.atomic
def add_tag(tag: Tag, *, to: type[Model], ids: Iterable[int], by: Actor, at: datetime) -> list[int]:
    """Put the tag on customers or companies; returns the ids of those that had it not.

    Out of scope, and restricted: left alone.
    """
    require(by, "tags.change")
    kind, changed = KINDS[to], []
    for rows, piece in _in_scope(kind, ids, by):
        new = sorted(set(piece) - _having(kind, tag, piece))
        links = (kind.link(tag=tag, at=at, by=by.user, **{f"{kind.name}_id": pk}) for pk in new)
        kind.link._default_manager.bulk_create(links, ignore_conflicts=True)
        _note(kind, rows, new, [None, tag.slug], by=by, at=at)
        changed += new
    return changed


@transaction.atomic
def remove_tag(tag: Tag, *, to: type[Model], ids: Iterable[int], by: Actor, at: datetime) -> list[int]:
    """Take the tag off; returns the ids of those that had it."""
    require(by, "tags.change")
    kind, changed = KINDS[to], []
    for rows, piece in _in_scope(kind, ids, by):
        had = sorted(_having(kind, tag, piece))
        kind.link._default_manager.filter(tag=tag, **{f"{kind.name}__in": had}).delete()
        _note(kind, rows, had, [tag.slug, None], by=by, at=at)
        changed += had
    return changed


def _in_scope(kind: _Kind, ids: Iterable[int], by: Actor) -> Iterable[tuple[QuerySet, list[int]]]:
    wanted = sorted(set(ids))
    open_to = kind.rows(by)
    if kind.name == "customer" and not may(by, "privacy.execute"):
        open_to = open_to.filter(restricted_at=None)
    for start in range(0, len(wanted), BATCH):
        rows = open_to.filter(pk__in=wanted[start : start + BATCH]).order_by()
        yield rows, list(rows.values_list("pk", flat=True))


def _having(kind: _Kind, tag: Tag, ids: Sequence[int]) -> set[int]:
    rows = kind.link._default_manager.filter(tag=tag, **{f"{kind.name}__in": ids})
    return set(rows.values_list(f"{kind.name}_id", flat=True))


def _note(kind: _Kind, rows: QuerySet, ids: list[int], change: list[Any], *, by: Actor, at: datetime) -> None:
    rows.filter(pk__in=ids).update(updated_at=at)
    verb = "tagged" if change[1] else "untagged"
    lines = (line(kind=kind.name, object_id=pk, verb=verb, changes={"tags": change}, by=by, at=at) for pk in ids)
    audit_many((AuditLine(**one) for one in lines), at=at)
    if kind.name == "customer" and len(ids) <= MOST_FOLLOWED:
        touch(ids, at=at)


def _name(value: str) -> str:
    text = " ".join(str(value).split())
    if not 1 <= len(text) <= LONGEST:
        raise ValueRefused(_("Give the tag a name of at most %(most)s letters.") % {"most": LONGEST}, path="name")
    return text


def _colour(value: str) -> str:
    if value not in TagColour.values:
        raise ValueRefused(_("Not one of the choices."), path="colour", choices=TagColour.values)
    return value


CHECKS = {"name": _name, "colour": _colour}


def _free_slug(name: str) -> str:
    wanted = slugify(name)[:50] or "tag"
    taken = set(Tag.objects.filter(slug__startswith=wanted).values_list("slug", flat=True))
    return next(one for n in range(len(taken) + 1) if (one := f"{wanted}-{n}" if n else wanted) not in taken)

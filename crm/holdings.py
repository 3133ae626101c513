"""What is held about one person: every table keyed to a customer, on every floor, and what export and merge do with it.

A table that nobody names here is still found by its foreign key: it is exported whole and goes along in a merge. A
name gives it better words, fewer columns, or the reason why it is left out.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from django.apps import apps
from django.db.models import CASCADE, Exists, Model, OuterRef, Q, QuerySet
from django.utils.translation import gettext_lazy as _

from crm.models import Customer

SECRETS = ("token", "lease_token", "path")  # columns that are no data of the person


@dataclass(frozen=True)
class Holding:
    """Rows of `model` that belong to a customer by the lookup `path`, those that fit `only`.

    `columns` go into an export; none means that it is left out, because of `reason`. `moves` says whether a merge takes
    the rows along, `final` which of them, `once_per` the columns of which the survivor must not have the same already.
    """

    model: str
    path: str = "customer"
    label: Any = ""
    columns: tuple[str, ...] = ()
    reason: str = ""
    only: Q = field(default_factory=Q)
    moves: bool = False
    final: Q = field(default_factory=Q)
    once_per: tuple[str, ...] = ()
    is_single: bool = False

    @property
    def key(self) -> str:
        return f"{self.model}:{self.path}"

    @property
    def table(self) -> type[Model]:
        return apps.get_model(self.model)

    def rows(self, customer_ids: list[int]) -> QuerySet[Any]:
        """The rows that belong to these customers."""
        return self.table._default_manager.filter(self.only, **{f"{self.path}__in": customer_ids}).order_by("pk")

    def movable(self, merged: int, survivor: int) -> QuerySet[Any]:
        """The rows that go from one customer to another."""
        rows = self.rows([merged]).filter(self.final)
        if self.is_single and self.rows([survivor]).exists():
            return rows.none()
        if not self.once_per:
            return rows
        same = {name: OuterRef(name) for name in self.once_per}
        return rows.exclude(Exists(self.table._default_manager.filter(**{self.path: survivor}, **same)))


@dataclass(frozen=True)
class Follower:
    """What a floor above does besides when two customers are joined; `join` answers what `part` needs to undo it."""

    key: str
    join: Callable[..., Any]
    part: Callable[..., None]


# fmt: off
NAMED: list[Holding] = [
    Holding("crm.Order", label=_("Orders"), moves=True, columns=(
        "source", "number", "kind", "ordered_at", "channel", "currency", "total_amount", "country")),
    Holding("crm.OrderLine", "order__customer", _("Order lines"), (
        "order__number", "position", "sku", "description", "quantity", "unit_amount", "amount", "at")),
    Holding("crm.Event", label=_("What they did"), moves=True, columns=(
        "type", "occurred_at", "channel", "category", "value", "properties", "source", "anonymous_id")),
    Holding("crm.ConsentEntry", label=_("What they allowed and withdrew"), moves=True, columns=(
        "purpose", "channel", "act", "at", "expires_at", "source", "evidence", "recorded_at")),
    Holding("crm.ConsentState", label=_("What holds now"), columns=(
        "purpose", "channel", "is_granted", "since_at", "expires_at")),
    Holding("crm.Note", label=_("Notes"), moves=True, only=Q(deleted_at=None), columns=(
        "text", "created_by__username", "created_at", "edited_at")),
    Holding("crm.NoteFile", "note__customer", _("Files of notes"), ("name", "size", "created_at")),
    Holding("crm.Mention", "note__customer", reason="who of the staff was called to a note says nothing of the person"),
    Holding("crm.Task", label=_("Tasks"), moves=True, columns=(
        "title", "kind", "note", "script", "due_at", "status", "outcome", "outcome_note")),
    Holding("crm.Deal", label=_("Deals"), moves=True, columns=(
        "title", "note", "amount", "currency", "stage__name", "status", "expected_on")),
    Holding("crm.DealMove", "deal__customer", _("Moves of deals"), ("deal__title", "to_stage__name", "at")),
    Holding("crm.DealNote", "deal__customer", _("Notes on deals"), ("deal__title", "text", "at")),
    Holding("crm.CustomerTag", label=_("Tags"), moves=True, once_per=("tag",), columns=("tag__name", "at")),
    Holding("crm.PrivacyRequest", label=_("Requests about their data"), moves=True, columns=(
        "kind", "state", "words", "asked_on", "due_on", "decided_at", "outcome")),
    Holding("crm.AuditLine", "object_id", _("Changes of their data"), ("at", "verb", "changes", "source"),
            only=Q(kind="customer")),
    Holding("crm.Merge", "survivor", _("Records joined with theirs"), ("at", "merged__number", "undone_at")),
    Holding("crm.Merge", "merged", reason="told from the side of the record that stayed"),
    Holding("crm.Customer", "merged_into", reason="exported as part of the person", moves=True),
    Holding("crm.LikePair", "first", reason="a guess about two persons; telling it to one would tell of the other"),
    Holding("crm.LikePair", "second", reason="a guess about two persons; telling it to one would tell of the other"),
    Holding("crm.BulkChangeRow", "object_id", only=Q(change__kind="customer"),
            reason="ids and codes to undo a change of many by; what changed is among the changes of their data"),
    Holding("crm.Touch", "customer_id", reason="a note for machines that lives for seconds"),
]
# fmt: on
FOLLOWERS: list[Follower] = []
LOGIC: list[Callable[..., list[dict[str, Any]]]] = []


def register(*holdings: Holding) -> None:
    """Name tables of a floor above; called once, from its AppConfig.ready."""
    NAMED.extend(holdings)


def follow(follower: Follower) -> None:
    """Add what a floor above does at merges; called once, from its AppConfig.ready."""
    FOLLOWERS.append(follower)


def explain(logic: Callable[..., list[dict[str, Any]]]) -> None:
    """Add what explains decisions about a customer in an export: `logic(customer, language=…)` gives plain rows."""
    LOGIC.append(logic)


def every() -> list[Holding]:
    """All tables keyed to a customer: the named ones, then those found by their foreign keys alone."""
    known = {holding.key for holding in NAMED}
    found = [_automatic(model, path, is_own) for model, path, is_own in reached()]
    return [*NAMED, *(holding for holding in found if holding.key not in known)]


def reached() -> list[tuple[type[Model], str, bool]]:
    """Models keyed to a customer, and those that are parts of their rows: model, lookup, whether keyed itself."""
    direct = _keyed_to(Customer)
    parts = [
        (part, f"{name}__{path}", False)
        for model, path in direct
        if model is not Customer
        for part, name in _keyed_to(model, only_parts=True)
    ]
    return [*((model, path, True) for model, path in direct), *parts]


def _keyed_to(model: type[Model], *, only_parts: bool = False) -> list[tuple[type[Model], str]]:
    """Models and foreign keys that lead to a model; `only_parts`: those that go when it goes."""
    keys = [one for one in model._meta.get_fields(include_hidden=True) if one.one_to_many or one.one_to_one]
    keys = [one for one in keys if one.auto_created and not one.concrete]
    return [
        (one.related_model, one.field.name)  # type: ignore[union-attr,misc]
        for one in keys
        if not only_parts or one.on_delete is CASCADE  # type: ignore[union-attr]
    ]


def _automatic(model: type[Model], path: str, is_own: bool) -> Holding:
    own = model._meta.get_field(path) if is_own else None
    names = [one.attname for one in model._meta.concrete_fields if one.name not in SECRETS and one is not own]
    label, once = model._meta.verbose_name_plural, _once_per(model, path) if is_own else ()
    is_single = bool(own and own.unique)  # type: ignore[union-attr]
    return Holding(model._meta.label, path, label, tuple(names), moves=is_own, once_per=once, is_single=is_single)


def _once_per(model: type[Model], path: str) -> tuple[str, ...]:
    """The columns that are unique together with the customer."""
    groups = [tuple(getattr(constraint, "fields", ())) for constraint in model._meta.constraints]
    return tuple(name for group in groups if path in group for name in group if name != path)


def in_line(customer: Customer) -> list[int]:
    """The customer and every record that was merged into them, through any number of merges."""
    ids, fresh = [customer.pk], [customer.pk]
    while fresh:
        fresh = list(Customer.objects.filter(merged_into__in=fresh).values_list("pk", flat=True))
        ids += fresh
    return ids

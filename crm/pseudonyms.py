"""Customers without their names: rows for actors who may study customers but not know who they are."""

from collections.abc import Iterator
from typing import Any

from django.db.models import Model, QuerySet
from django.db.models.query import ModelIterable

from crm.models import Customer, Deal, DealNote, Task
from crm.rights import PERSONAL_COLUMNS, NotAllowed

EMPTY = {"birth_date": None}
# What people wrote in their own words may name anybody.
FREE_TEXTS: dict[type[Model], tuple[str, ...]] = {
    Task: ("title", "note", "script", "place", "outcome_note"),
    Deal: ("title", "note", "lost_note"),
    DealNote: ("text",),
}


class _MaskedRows(ModelIterable):
    def __iter__(self) -> Iterator[Customer]:
        return map(masked, super().__iter__())


class MaskedCustomers(QuerySet[Customer]):
    """Loads customers with every personal column emptied, and refuses to hand those columns out as plain values."""

    @classmethod
    def over(cls, rows: QuerySet[Customer]) -> "MaskedCustomers":
        """The same rows, masked."""
        result = cls(model=rows.model, query=rows.query.chain(), using=rows.db)
        result._iterable_class = _MaskedRows
        return result

    def _values(self, *fields: Any, **expressions: Any) -> Any:
        asked = {str(field).split("__")[0].lstrip("-") for field in fields} or set(PERSONAL_COLUMNS)
        if forbidden := asked.intersection(PERSONAL_COLUMNS):
            raise NotAllowed("Pseudonymised customers have no " + ", ".join(sorted(forbidden)) + ".")
        return super()._values(*fields, **expressions)  # type: ignore[misc]


def masked(customer: Customer) -> Customer:
    """The customer with personal columns emptied in memory; never save it."""
    for column in PERSONAL_COLUMNS:
        setattr(customer, column, EMPTY.get(column, ""))
    return customer


class _NamelessRows(ModelIterable):
    def __iter__(self) -> Iterator[Any]:
        return map(nameless, super().__iter__())


class NamelessRows(QuerySet[Any]):
    """Loads rows with their free texts emptied and their customer masked, and refuses the texts as plain values."""

    @classmethod
    def over(cls, rows: QuerySet[Any]) -> "NamelessRows":
        """The same rows, nameless."""
        result = cls(model=rows.model, query=rows.query.chain(), using=rows.db)
        result._iterable_class = _NamelessRows
        return result

    def _values(self, *fields: Any, **expressions: Any) -> Any:
        texts = set(FREE_TEXTS[self.model])
        asked = {str(field).lstrip("-") for field in fields} or texts
        parts = {part for name in asked for part in name.split("__")}
        if forbidden := (asked & texts) | (parts & set(PERSONAL_COLUMNS)):
            raise NotAllowed("Pseudonymised rows have no " + ", ".join(sorted(forbidden)) + ".")
        return super()._values(*fields, **expressions)  # type: ignore[misc]


def nameless(row: Any) -> Any:
    """The row with its free texts emptied and its customer masked, in memory; never save it."""
    for column in FREE_TEXTS[type(row)]:
        setattr(row, column, "")
    if customer := row._state.fields_cache.get("customer"):
        masked(customer)
    return row

"""Customers without their names: rows for actors who may study customers but not know who they are."""

from collections.abc import Iterator
from typing import Any

from django.db.models import QuerySet
from django.db.models.query import ModelIterable

from crm.models import Customer
from crm.rights import PERSONAL_COLUMNS, NotAllowed

EMPTY = {"birth_date": None}


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

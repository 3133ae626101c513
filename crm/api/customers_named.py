"""Customers that a body refers to by number, looked up together and in scope."""

from collections.abc import Sequence
from typing import Any

from django.utils.translation import gettext as _

from crm import actions
from crm.refusals import Refused
from crm.rights import Actor


class CustomerUnknown(Refused):
    """No customer of that number in scope."""

    code = "customer_unknown"


class CustomersNamed:
    """Ids of the customers that rows name under `customer`; one look-up for the whole batch."""

    def __init__(self, rows: Sequence[Any], *, by: Actor) -> None:
        named = (row.get("customer") for row in rows if isinstance(row, dict))
        numbers = [text for text in named if isinstance(text, str) and "\0" not in text and text.isprintable()]
        self.ids = actions.living_ids(numbers, by=by)

    def id_of(self, number: str | None) -> int | None:
        """The id, None for nobody. Raises CustomerUnknown."""
        if not number:
            return None
        if number not in self.ids:
            raise CustomerUnknown(_("No customer of this number."), path="customer")
        return self.ids[number]

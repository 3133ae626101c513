"""Customers found by how a name, number, address or phone begins, off an index whatever their number."""

from django.db.models import F, Q, QuerySet
from django.db.models.functions import Lower

from crm.collation import Begins, ByLetter
from crm.models import Customer

FEW = 1000  # matches that are gathered and put in order; more are met soon enough on the way through the order


def found(rows: QuerySet[Customer], text: str, *, by_name: bool) -> QuerySet[Customer]:
    """Those of the rows that the text means: a customer number's beginning and, `by_name`, who they are."""
    meant = close(text) if by_name else number(text)
    few = list(Customer.objects.filter(meant).order_by().values_list("pk", flat=True)[:FEW])
    if len(few) < FEW:
        return rows.filter(pk__in=few)
    return rows.filter(loose(text) if by_name else Q(number__startswith=text))


def close(text: str) -> Q:
    """What the indexes answer."""
    if "@" in text:
        return Q(email__in=[text, text.lower()])
    first, _blank, last = text.partition(" ")
    if last:
        return (begins("last_name", last) & Q(first_name__istartswith=first)) | begins("last_name", text)
    return number(text) | begins("last_name", text) | begins("first_name", text) | Q(phone=text)


def loose(text: str) -> Q:
    """The same in words that no index answers, so that the order of the list leads."""
    first, _blank, last = text.partition(" ")
    if last:
        return Q(first_name__istartswith=first, last_name__istartswith=last) | Q(last_name__istartswith=text)
    return Q(number__startswith=text) | Q(last_name__istartswith=text) | Q(first_name__istartswith=text)


def number(text: str) -> Q:
    return Q(Begins(F("number"), text))


def begins(column: str, text: str) -> Q:
    """SQLite folds the case of a–z alone, so Å is asked for beside å."""
    written = {text.lower(), ascii_lower(text.lower().capitalize())}
    asked = Q()
    for one in sorted(written):
        asked |= Q(Begins(ByLetter(Lower(column)), one))
    return asked


def ascii_lower(text: str) -> str:
    return "".join(letter.lower() if letter.isascii() else letter for letter in text)


def first(rows: QuerySet[Customer], text: str, *, by_name: bool, most: int) -> list[Customer]:
    """A few of the rows that the text means, in no order: indexes alone are read, whatever the number of customers.

    Somebody out of scope who is among the first thousand matches takes a place that is then left empty.
    """
    meant = close(text) if by_name else number(text)
    few = list(Customer.objects.filter(meant).order_by().values_list("pk", flat=True)[:FEW])
    return sorted(rows.filter(pk__in=few).order_by()[:most], key=lambda one: str(one).casefold())


def company(text: str) -> Q:
    """Companies by how their name or number begins."""
    return number(text) | begins("name", text)

"""Customers found by how a name, number, address, phone or company begins, off an index whatever their number.

Where nothing begins so, the nearest names are tried (crm/words.py), and it is said that they were.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import reduce
from itertools import product
from operator import or_
from typing import Any

import phonenumbers
from django.db.models import F, Q, QuerySet
from django.db.models.functions import Lower

from crm import words
from crm.addresses import REGION
from crm.among import Among
from crm.collation import Begins, ByLetter
from crm.models import Company, Customer, WordKind

FEW = 5000  # matches that are gathered and put in order; more are met soon enough on the way through the order
FEW_COMPANIES = 50
MOST_NEAR, MOST_TRIED, FEW_NEAR = 3, 24, 1000
PHONE = re.compile(r"\+?[\d\s()/-]{4,}")
APART = re.compile(r"[\s,;._@-]+")


@dataclass(frozen=True)
class Found:
    """The rows meant; `nearest` names what they were found by when nothing is written as asked.

    `counted` are the same rows in words that an index counts, when those of `rows` follow the order of a list.
    """

    rows: QuerySet[Any]
    nearest: tuple[str, ...] = ()
    counted: QuerySet[Any] | None = None


def found(rows: QuerySet[Customer], text: str, *, by_name: bool) -> QuerySet[Customer]:
    """Those of the rows that the text means: a customer number's beginning and, `by_name`, who they are."""
    return exactly(rows, text, by_name=by_name)[0]


def meant(rows: QuerySet[Customer], text: str, *, by_name: bool) -> Found:
    """As found; when that is nobody, those whose names come nearest to the text."""
    exact, many = exactly(rows, text, by_name=by_name)
    if not by_name or many is not None or exact.exists():
        return Found(exact, counted=many)
    return nearly(rows, text) or Found(exact)


def exactly(
    rows: QuerySet[Customer], text: str, *, by_name: bool
) -> tuple[QuerySet[Customer], QuerySet[Customer] | None]:
    """The rows; when they are many, also in words that an index counts."""
    text = " ".join(text.split())
    firms = companies_of(text) if by_name else []
    asked = close(text, firms) if by_name else number(text)
    few = gathered(asked)
    if len(few) < FEW:
        return rows.filter(Among(F("pk"), few)), None
    return rows.filter(loose(text, firms) if by_name else Q(number__startswith=text)), rows.filter(asked)


def gathered(meant: Q) -> list[int]:
    return list(Customer.objects.filter(meant).order_by().values_list("pk", flat=True)[:FEW])


def nearly(rows: QuerySet[Customer], text: str) -> Found | None:
    """Those of the rows whose names differ least from the text; None when none is near."""
    asked = [word for word in APART.split(text) if word][:3]
    if not asked or any(letter.isdigit() for letter in text):
        return None
    whole = words.nearest(" ".join(asked))
    persons = near_persons(asked, whole, is_address="@" in text)
    firms = [one for one in whole if one.kind == WordKind.COMPANY]
    fewest = firms[0].mistakes if firms else len(text)
    of_firms, firm_names = working(rows, [one.text for one in firms if one.mistakes == fewest])
    ids, names = borne(rows, [one for one in persons if one[0] <= fewest or not of_firms])
    if not names or fewest <= min(n for n, said, _q in persons if said in names):
        ids, names = ids | of_firms, (names + firm_names)[:MOST_NEAR]
    return Found(rows.filter(pk__in=ids), tuple(names)) if ids else None


def borne(rows: QuerySet[Customer], asked: Sequence[tuple[int, str, Q]]) -> tuple[set[int], list[str]]:
    """Whoever of the rows bears one of the names with the fewest mistakes; what only others bear is not told.

    Of two words that are both mistyped, the nearest given and the nearest family name often belong to nobody together.
    """
    ids: set[int] = set()
    names: list[str] = []
    met = 0
    for n, said, q in asked[:MOST_TRIED]:
        if names and n > met:
            break
        met = n
        if mine := list(rows.filter(q).order_by().values_list("pk", flat=True)[:FEW_NEAR]):
            ids.update(mine)
            names.append(said)
        if len(names) == MOST_NEAR:
            break
    return ids, names


def working(rows: QuerySet[Customer], names: Sequence[str]) -> tuple[set[int], list[str]]:
    """Whoever of the rows works for one of these companies."""
    firms = dict(Company.objects.filter(name__in=names[:FEW_COMPANIES]).values_list("pk", "name")) if names else {}
    if not firms:
        return set(), []
    found = rows.filter(company__in=list(firms)).order_by().values_list("pk", "company_id")[:FEW_NEAR]
    return {pk for pk, _firm in found}, sorted({firms[firm] for _pk, firm in found if firm in firms})


def near_persons(asked: Sequence[str], whole: Sequence[words.Near], *, is_address: bool) -> list[tuple[int, str, Q]]:
    """Names near what is asked: mistakes, the name as people write it, and what to ask for it; the nearest first."""
    if len(asked) == 1 or is_address:
        singles = whole if len(asked) == 1 else [one for word in asked[:2] for one in words.nearest(word)]
        found = [(one.mistakes, one.text, named(one)) for one in singles if one.kind in words.PERSONS]
    else:
        found = pairs(words.nearest(asked[0]), words.nearest(asked[1]))
    return sorted(found, key=lambda one: (one[0], one[1]))


def pairs(first: Sequence[words.Near], second: Sequence[words.Near]) -> list[tuple[int, str, Q]]:
    """A given and a family name, in either order."""
    found = []
    for one, other in product(nearest_of(first), nearest_of(second)):
        if {one.kind, other.kind} == words.PERSONS:
            given, family = (one, other) if one.kind == WordKind.FIRST_NAME else (other, one)
            q = Q(last_name=family.text, first_name__iexact=given.text)
            found.append((one.mistakes + other.mistakes, f"{given.text} {family.text}", q))
    return found


def nearest_of(found: Sequence[words.Near]) -> list[words.Near]:
    """A few of each kind."""
    return [one for kind in words.PERSONS for one in [near for near in found if near.kind == kind][:4]]


def named(one: words.Near) -> Q:
    """Whoever bears the name; given names have an index of beginnings only."""
    q = Q(**{str(one.kind): one.text})
    return q & begins("first_name", one.text) if one.kind == WordKind.FIRST_NAME else q


def companies_of(text: str) -> list[int]:
    """Companies whose name begins so."""
    if len(text) < 3 or "@" in text:
        return []
    rows = Company.objects.filter(begins("name", text)).order_by()
    return list(rows.values_list("pk", flat=True)[:FEW_COMPANIES])


def close(text: str, companies: Sequence[int] = ()) -> Q:
    """What the indexes answer."""
    if "@" in text:
        return Q(email__in=[text, text.lower()]) | Q(Begins(F("email"), text.lower()))
    first, _blank, last = text.partition(" ")
    of_companies = Q(company__in=companies) if companies else Q()
    if last and not PHONE.fullmatch(text):
        either_way = begins("last_name", first) & begins("first_name", last)
        named = (begins("last_name", last) & begins("first_name", first)) | begins("last_name", text)
        return named | either_way | begins("first_name", text) | of_companies
    asked = number(text) | begins("last_name", text) | begins("first_name", text) | phone(text)
    return asked | Q(Begins(F("email"), text.lower())) | of_companies


def loose(text: str, companies: Sequence[int] = ()) -> Q:
    """The same in words that no index answers, so that the order of the list leads."""
    if "@" in text:
        return Q(email__istartswith=text)
    first, _blank, last = text.partition(" ")
    columns = ["last_name", "first_name", *([] if last else ["number", "email"])]
    asked = [Q(**{f"{column}__istartswith": text}) for column in columns if column != "number"]
    if last:
        asked.append(Q(first_name__istartswith=first, last_name__istartswith=last))
        asked.append(Q(first_name__istartswith=last, last_name__istartswith=first))
    else:
        asked.append(Q(number__startswith=text))
    return reduce(or_, [*asked, *([Q(company__in=companies)] if companies else [])]) | phone(text)


def number(text: str) -> Q:
    return Q(Begins(F("number"), text))


def phone(text: str) -> Q:
    """A number as people type it: 040 123 begins +35840123 in the firm's own country."""
    if not PHONE.fullmatch(text):
        return Q(phone=text)
    digits = re.sub(r"[^\d+]", "", text)
    if digits.startswith("00"):
        digits = f"+{digits[2:]}"
    elif digits.startswith("0"):
        digits = f"+{phonenumbers.country_code_for_region(REGION)}{digits[1:]}"
    return Q(Begins(F("phone"), digits))


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


def companies_meant(rows: QuerySet[Company], text: str) -> Found:
    """Companies whose name, number or business id begins so; when none does, those whose name comes nearest."""
    text = " ".join(text.split())
    exact = rows.filter(begins("name", text) | number(text) | Q(business_id=text))
    if exact.exists():
        return Found(exact)
    near = [one for one in words.nearest(text) if one.kind == WordKind.COMPANY]
    names = [one.text for one in near if one.mistakes == near[0].mistakes][:FEW_COMPANIES]
    mine = list(rows.filter(name__in=names).order_by("name").values_list("name", flat=True)[:FEW_COMPANIES])
    return Found(rows.filter(name__in=mine), tuple(mine[:MOST_NEAR])) if mine else Found(exact)

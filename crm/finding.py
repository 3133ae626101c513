"""The search over everything: searchers that each floor brings, asked on behalf of an actor, answered in groups."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from django.urls import NoReverseMatch, reverse
from django.utils.http import urlencode
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from crm import queries, search
from crm.rights import Actor, may

MOST = 6  # places of one group; the rest is a link away
LONGEST = 120


@dataclass(frozen=True)
class Found:
    """One place: words with an address, and a note that tells it from others of the same name."""

    words: str
    url: str
    note: str = ""


@dataclass(frozen=True)
class Searcher:
    """Finds places of one kind. `find` takes the actor, the text (maybe empty) and how many at most.

    `list_name` names the address of the full list, which takes the text as `?q=`; empty where there is none.
    """

    label: Any
    icon: str
    right: str
    find: Callable[[Actor, str, int], Sequence[Found]]
    list_name: str = ""


@dataclass(frozen=True)
class Group:
    """What one searcher found; `more_url` leads to the rest when there may be more."""

    label: Any
    icon: str
    places: tuple[Found, ...]
    more_url: str = ""


SEARCHERS: list[Searcher] = []


def register(*searchers: Searcher) -> None:
    """Add searchers; called once, from the AppConfig.ready of the floor that brings them."""
    SEARCHERS.extend(searchers)


def groups(actor: Actor, text: str) -> list[Group]:
    """What the actor may find by the text, group by group; without a text, where searchers have something to offer."""
    meant = " ".join(text.split())[:LONGEST]
    found = [_group(one, actor, meant) for one in SEARCHERS if not one.right or may(actor, one.right)]
    return [group for group in found if group.places]


def _group(searcher: Searcher, actor: Actor, text: str) -> Group:
    places = tuple(searcher.find(actor, text, MOST + 1))
    url = address(searcher.list_name) if searcher.list_name and len(places) > MOST else ""
    return Group(searcher.label, searcher.icon, places[:MOST], f"{url}?{urlencode({'q': text})}" if url else "")


def nearest(actor: Actor, text: str) -> tuple[Group | None, tuple[str, ...]]:
    """Where nothing begins as asked: customers whose names come nearest, and these names as people write them."""
    meant = " ".join(text.split())[:LONGEST]
    if not meant or not may(actor, "customers.view") or not may(actor, "customers.identify"):
        return None, ()
    near = search.nearly(queries.customers(actor), meant)
    if near is None:
        return None, ()
    places = tuple(_place(one, named=True) for one in near.rows.order_by("last_name", "first_name", "pk")[: MOST + 1])
    more = f"{address('customers')}?{urlencode({'q': meant})}" if len(places) > MOST else ""
    return Group(OWN[0].label, OWN[0].icon, places[:MOST], more), near.nearest


def address(name: str, *args: Any) -> str:
    """The address of a page, or an empty string while no app brings it."""
    try:
        return reverse(name, args=args)
    except NoReverseMatch:
        return ""


def has_words(text: str, *told: object) -> bool:
    """Whether every word of the text begins a word of what is told.

    >>> has_words("new seg", "New segment"), has_words("segm new", "New segment"), has_words("w", "New")
    (True, True, False)
    """
    words = " ".join(str(one) for one in told).casefold().replace("-", " ").split()
    return all(any(word.startswith(part) for word in words) for part in text.casefold().replace("-", " ").split())


# --- the lowest floor's own ------------------------------------------------------------------------


def customers(actor: Actor, text: str, most: int) -> list[Found]:
    """By how number, name, address or phone begins; by number alone for those who see no names."""
    if not text:
        return []
    named = may(actor, "customers.identify")
    rows = search.first(queries.customers(actor), text, by_name=named, most=most)
    return [_place(one, named=named) for one in rows]


def _place(customer: Any, *, named: bool) -> Found:
    return Found(str(customer), reverse("customer", args=[customer.pk]), _note(customer, named))


def _note(customer: Any, named: bool) -> str:
    parts = (customer.number, customer.email if named else "", customer.city)
    return " · ".join(part for part in parts if part and part != str(customer))


def companies(actor: Actor, text: str, most: int) -> list[Found]:
    if not text or not address("company", 1):
        return []
    rows = queries.companies(actor).filter(search.company(text)).order_by()[:most]
    return [Found(one.name, address("company", one.pk), one.city or one.number) for one in rows]


def teammates(actor: Actor, text: str, most: int) -> list[Found]:
    """Users, for those who keep them."""
    if not text:
        return []
    rows = queries.users_named(actor, text)[:most]
    return [Found(str(one), address("user", one.pk), one.get_role_display()) for one in rows]


OWN = (
    Searcher(gettext_lazy("Customers"), "user", "customers.view", customers, "customers"),
    Searcher(gettext_lazy("Companies"), "building-office", "customers.view", companies, "companies"),
    Searcher(gettext_lazy("Users"), "user-group", "users.change", teammates, "users"),
)


def counted(found: Sequence[Group]) -> str:
    """How much was found, for those who hear it."""
    number = sum(len(group.places) for group in found)
    return _("%(n)s found") % {"n": number} if number else _("Nothing found")

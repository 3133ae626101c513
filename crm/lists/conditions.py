"""Filters of a list: subjects that this floor and floors above bring, each asked by an operator of its kind.

In an address a condition reads `where=customer.city:is:Oulu`. Whoever brings subjects registers a Source.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal, InvalidOperation
from functools import reduce
from typing import Any

import numpy as np
from django.db.models import Q
from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from crm import figures
from crm.refusals import Refused
from crm.rights import Actor, may

LONGEST = 200
MOST = 12  # conditions at once


@dataclass(frozen=True)
class Subject:
    """What may be asked: `key` is that of its source, a dot and its own; `group` heads it in pickers."""

    key: str
    label: str
    group: str
    kind: str
    choices: tuple[tuple[str, str], ...] = ()
    unit: str = ""


@dataclass(frozen=True)
class Operator:
    """A comparison: the kinds of subjects it fits, and how its value is entered (empty: it takes none)."""

    label: str | Promise
    kinds: frozenset[str]
    takes: str = "value"


TEXTS, NUMBERS, DATES = frozenset({"text"}), frozenset({"number", "money"}), frozenset({"date", "datetime"})
EVERY = TEXTS | NUMBERS | DATES | {"choice", "list", "truth"}
OPERATORS: dict[str, Operator] = {
    "is": Operator(gettext_lazy("is"), frozenset({"text", "choice", "number", "money", "truth", "member"})),
    "not": Operator(gettext_lazy("is not"), frozenset({"text", "choice", "member"})),
    "holds": Operator(gettext_lazy("holds"), frozenset({"list"})),
    "least": Operator(gettext_lazy("at least"), NUMBERS),
    "most": Operator(gettext_lazy("at most"), NUMBERS),
    "from": Operator(gettext_lazy("on or after"), DATES),
    "until": Operator(gettext_lazy("on or before"), DATES),
    "known": Operator(gettext_lazy("is known"), EVERY, takes=""),
    "unknown": Operator(gettext_lazy("is not known"), EVERY, takes=""),
}
TRUTHS = (("yes", gettext_lazy("Yes")), ("no", gettext_lazy("No")))


@dataclass(frozen=True)
class Condition:
    """One filter as asked, its value read by the subject's kind."""

    subject: Subject
    operator: str
    value: Any = None
    text: str = ""

    def __str__(self) -> str:
        return f"{self.subject.key}:{self.operator}:{self.text}"

    @property
    def words(self) -> str:
        """The filter as people read it."""
        return " ".join(filter(None, [self.subject.label, str(OPERATORS[self.operator].label), told(self)]))


# What a source answers: a condition for the database, or ids that it knows itself, ascending.
Answer = Q | np.ndarray


@dataclass(frozen=True)
class Source:
    """Subjects of one list: `narrowed` gives what a condition means; both act on behalf of the actor."""

    name: str
    list: str
    right: str
    subjects: Callable[[Actor], Iterable[Subject]]
    narrowed: Callable[[Actor, Condition], Answer]


SOURCES: list[Source] = []


def register(source: Source) -> None:
    """Add a source; called once, from the AppConfig.ready of the floor that brings it."""
    SOURCES.append(source)


def subjects_of(name: str, actor: Actor) -> dict[str, Subject]:
    """Everything the actor may filter the list by, by key."""
    sources = [one for one in SOURCES if one.list == name and may(actor, one.right)]
    return {subject.key: subject for one in sources for subject in one.subjects(actor)}


def operators_of(subject: Subject) -> list[tuple[str, Operator]]:
    return [(key, one) for key, one in OPERATORS.items() if subject.kind in one.kinds]


def read(texts: Sequence[str], subjects: Mapping[str, Subject]) -> tuple[list[Condition], list[Refused]]:
    """The conditions of an address, and why others cannot be asked."""
    found, faults = [], []
    for text in texts[:MOST]:
        try:
            found += [condition(text, subjects)] if text else []
        except Refused as fault:
            faults.append(fault)
    return found, faults


def condition(text: str, subjects: Mapping[str, Subject]) -> Condition:
    """One condition; raises Refused with what would be valid."""
    key, _colon, rest = text.partition(":")
    operator, _colon, value = rest.partition(":")
    subject = subjects.get(key)
    if subject is None:
        message = _("Nothing can be filtered by “%(key)s”.") % {"key": key[:80]}
        raise Refused(message, path="where", choices=sorted(subjects))
    known = dict(operators_of(subject))
    if operator not in known:
        message = _("%(subject)s cannot be compared so.") % {"subject": subject.label}
        raise Refused(message, path="where", choices=list(known))
    value = value.replace("\0", "").strip()[:LONGEST]
    if not known[operator].takes:
        return Condition(subject, operator)
    return Condition(subject, operator, READERS[subject.kind](subject, value), value)


def _text(subject: Subject, text: str) -> str:
    if not text:
        raise Refused(_("%(subject)s: give a value.") % {"subject": subject.label}, path="where")
    return text


def _number(subject: Subject, text: str) -> Decimal:
    try:
        number = Decimal(text.replace(",", ".").replace(" ", "").replace("\u00a0", ""))
    except InvalidOperation:
        number = Decimal("NaN")
    if not number.is_finite() or abs(number) >= Decimal(10) ** 15:
        raise Refused(_("%(subject)s: “%(text)s” is not a number.") % _said(subject, text), path="where")
    return number


def _day(subject: Subject, text: str) -> date:
    try:
        return date.fromisoformat(text)
    except ValueError:
        message = _("%(subject)s: “%(text)s” is not a date such as 2026-11-21.") % _said(subject, text)
        raise Refused(message, path="where") from None


def _choice(subject: Subject, text: str) -> str:
    if text not in dict(subject.choices):
        message = _("%(subject)s: “%(text)s” is not one of the choices.") % _said(subject, text)
        raise Refused(message, path="where", choices=[value for value, _label in subject.choices])
    return text


def _truth(subject: Subject, text: str) -> bool:
    if text not in dict(TRUTHS):
        raise Refused(_("%(subject)s: yes or no.") % {"subject": subject.label}, path="where", choices=["yes", "no"])
    return text == "yes"


def _said(subject: Subject, text: str) -> dict[str, str]:
    return {"subject": subject.label, "text": text[:40]}


READERS: dict[str, Callable[[Subject, str], Any]] = {
    "text": _text,
    "list": _text,
    "number": _number,
    "money": _number,
    "date": _day,
    "datetime": _day,
    "choice": _choice,
    "member": _choice,
    "truth": _truth,
}


def told(one: Condition) -> str:
    """The value as people read it."""
    if one.value is None:
        return ""
    match one.subject.kind:
        case "choice" | "member":
            return dict(one.subject.choices)[one.value]
        case "truth":
            return str(dict(TRUTHS)[one.text])
        case "date" | "datetime":
            return figures.day(one.value)
        case "money":
            return figures.money(one.value, one.subject.unit or "EUR")
        case "number":
            return figures.figure(one.value, "decimal" if one.value % 1 else "number")
    return one.text


def narrowed(name: str, actor: Actor, asked: Iterable[Condition]) -> tuple[Q, np.ndarray | None]:
    """What all conditions together mean: for the database, and the ids that must hold besides (None: any)."""
    by_name = {one.name: one for one in SOURCES if one.list == name}
    answers = list(_answers(by_name, actor, asked))
    meant = reduce(lambda one, other: one & other, [one for one in answers if isinstance(one, Q)], Q())
    ids = [one for one in answers if not isinstance(one, Q)]
    return meant, reduce(lambda one, other: np.intersect1d(one, other, assume_unique=True), ids) if ids else None


def _answers(sources: Mapping[str, Source], actor: Actor, asked: Iterable[Condition]) -> Iterator[Answer]:
    for one in asked:
        yield sources[one.subject.key.partition(".")[0]].narrowed(actor, one)

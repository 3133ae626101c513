"""Rule → sentence in English or Finnish. The same rule always gives the same words."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Any, Final

from profiles.catalogue import Feature
from segments.rules import measures, operators, tree
from segments.rules.wording import (
    CHANNELS,
    MONTHS,
    NOUNS,
    PROPERTIES,
    PURPOSES,
    RESPONSES,
    WEEKDAYS,
    Noun,
    Voice,
)

Catalogue = Mapping[str, Feature]


def sentence(
    rule: tree.Rule, catalogue: Catalogue, language: str = "en", names: Mapping[str, str] | None = None
) -> str:
    """The whole rule as one sentence; `names` gives segments and campaigns the names people know (slug → name)."""
    voice = Voice(language, names or {})
    if isinstance(rule.where, tree.Everyone):
        return voice.phrase("all customers")
    return voice.phrase("customers", clause=_clause(rule.where, catalogue, voice))


def clause(node: tree.Node, catalogue: Catalogue, language: str = "en", names: Mapping[str, str] | None = None) -> str:
    """One node as a clause, as it stands on a line of the rule editor."""
    return _clause(node, catalogue, Voice(language, names or {}))


@dataclass(frozen=True)
class Changes:
    """What a new version of a rule says differently; `is_rearranged` when only the grouping has changed."""

    removed: tuple[str, ...]
    added: tuple[str, ...]
    is_rearranged: bool


def changes(
    old: tree.Rule,
    new: tree.Rule,
    catalogue: Catalogue,
    language: str = "en",
    names: Mapping[str, str] | None = None,
) -> Changes:
    """The conditions a new version drops and adds, as clauses."""
    before, after = ([_clause(node, catalogue, Voice(language, names or {})) for _, node in tree.conditions(rule)]
                     for rule in (old, new))  # fmt: skip
    removed = tuple(said for said in before if said not in after)
    added = tuple(said for said in after if said not in before)
    return Changes(removed, added, not removed and not added and old != new)


def _clause(node: tree.Node, catalogue: Catalogue, voice: Voice) -> str:
    match node:
        case tree.AllOf(parts):
            return voice.phrase("and").join(_inner(part, catalogue, voice, len(parts)) for part in parts)
        case tree.AnyOf(parts):
            return voice.phrase("or").join(_inner(part, catalogue, voice, len(parts)) for part in parts)
        case tree.Not(tree.EventCondition(measure="count", op="at_least", value=1, missing=False) as none):
            return _there(none.events, "none", voice)
        case tree.Not(part):
            return voice.phrase("not", clause=_inner(part, catalogue, voice, 2))
        case _:
            said = CLAUSES[type(node)](node, catalogue, voice)
            return voice.phrase("missing", clause=said) if getattr(node, "missing", False) else said


def _inner(node: tree.Node, catalogue: Catalogue, voice: Voice, siblings: int) -> str:
    """A part of a group; groups of several parts stand in brackets."""
    said = _clause(node, catalogue, voice)
    is_group = isinstance(node, tree.AllOf | tree.AnyOf) and len(node.parts) > 1
    return f"({said})" if is_group and siblings > 1 else said


# --- values --------------------------------------------------------------------------------------


def _said(value: Any, operand: str, voice: Voice, unit: str = "") -> str:
    """A value as people write it; texts are quoted, lists joined by “or”."""
    if operand in LISTED:
        return voice.listed([LISTED[operand](one, voice) for one in value])
    if isinstance(value, tuple):
        joint = "and" if operand == "every" else "or"
        return voice.listed([_said(one, operand, voice, unit) for one in value], joint)
    if isinstance(value, bool):
        return voice.phrase("yes" if value else "no")
    if isinstance(value, int | float | Decimal):
        return voice.amount(value, unit if operand in ("value", "values", "pair") else "")
    return voice.day(value) if isinstance(value, date) else voice.quote(str(value))


LISTED: Final[dict[str, Callable[[int, Voice], str]]] = {
    "weekdays": lambda day, voice: voice.pick(WEEKDAYS[day - 1]),
    "months": lambda month, voice: voice.pick(MONTHS[month - 1]),
    "hours": lambda hour, voice: voice.phrase("hour", hour=hour),
}


def _compared(label: str, op: str, value: Any, voice: Voice, unit: str = "") -> str:
    """Label, operator and value by the operator's own template."""
    row = operators.BY_KEY[op]
    template = row.fi if voice.is_finnish else row.en
    if isinstance(value, bool):
        return voice.phrase("truth", label=label, value=_said(value, row.operand, voice))
    if row.operand in ("pair", "date_pair"):
        low = unit if unit == "share" else ""  # otherwise the unit stands once, after the second
        first, last = (_said(one, row.operand, voice, own) for one, own in zip(value, (low, unit), strict=True))
        return template.format(label=label, first=first, last=last)
    said = "" if row.operand == "nothing" else _said(value, row.operand, voice, unit)
    return template.format(label=label, value=said)


def label(feature: Feature, language: str) -> str:
    """What a feature is called inside a sentence."""
    return _label(feature, Voice(language))


def _label(feature: Feature, voice: Voice) -> str:
    """A label inside a sentence: small first letter unless it is an abbreviation such as NPS."""
    label = (voice.is_finnish and feature.label_fi) or feature.label
    return label if label[1:2].isupper() else label[:1].lower() + label[1:]


def _feature(node: tree.FeatureCondition, catalogue: Catalogue, voice: Voice) -> str:
    feature = catalogue[node.feature]
    return _compared(_label(feature, voice), node.op, _named(node.value, feature, voice), voice, feature.unit)


def _named(value: Any, feature: Feature, voice: Voice) -> Any:
    """Choices by the words the house has for them."""
    if isinstance(value, tuple):
        return tuple(_named(one, feature, voice) for one in value)
    return feature.named(value, is_finnish=voice.is_finnish) if isinstance(value, str) else value


# --- events --------------------------------------------------------------------------------------


def _noun(types: tuple[str, ...], form: str, phrase: str, voice: Voice) -> str:
    """What the selected events are called, in one stored form; unknown types are quoted."""
    nouns: list[Noun | None] = [NOUNS.get(name) for name in types]
    said = [
        getattr(noun, form) if noun else voice.phrase(phrase, type=name)
        for noun, name in zip(nouns, types, strict=True)
    ]
    return voice.listed(said)


def _one(events: tree.Events, voice: Voice) -> str:
    return _noun(events.types, "fi" if voice.is_finnish else "one", "event", voice)


def _many(events: tree.Events, voice: Voice) -> str:
    return _noun(events.types, "fi_of" if voice.is_finnish else "many", "events", voice)


def _property(name: str, voice: Voice) -> str:
    return voice.word(PROPERTIES, name.removeprefix("properties."))


def _tests(tests: tuple[tree.PropertyCondition, ...], voice: Voice) -> str:
    return voice.phrase("and").join(_test(test, voice) for test in tests)


def _test(test: tree.PropertyCondition, voice: Voice) -> str:
    said = _compared(_property(test.property, voice), test.op, test.value, voice)
    return voice.phrase("missing", clause=said) if test.missing else said


def _where(events: tree.Events, voice: Voice) -> str:
    return voice.phrase("where", tests=_tests(events.where, voice)) if events.where else ""


def _window(window: tree.Window, voice: Voice) -> str:
    match window:
        case None:
            return ""
        case tree.LastDays(days):
            return voice.phrase("last_days", days=voice.number(days))
        case tree.DaysAgo(start, end):
            return voice.phrase("days_ago", start=voice.number(start), end=voice.number(end))
        case tree.Dates(first, last):
            key = "dates" if first and last else "since" if first else "up_to"
            return voice.phrase(key, first=first and voice.day(first), last=last and voice.day(last))
        case tree.Relative(side, which, events):
            named = f"{_one(events, voice)}{_where(events, voice)}"
            return voice.phrase(f"{side} {which}", one=named, fi=named)


def _event(node: tree.EventCondition, catalogue: Catalogue, voice: Voice) -> str:
    if node.measure == "count" and node.op == "at_least":
        return _there(node.events, "there is" if node.value == 1 else "there are", voice, node.value)
    subject = _subject(node, voice) + _window(node.events.window, voice) + _where(node.events, voice)
    return _answer(subject, node, voice)


def _there(events: tree.Events, key: str, voice: Voice, count: Any = None) -> str:
    """There are so many of them, or none."""
    return voice.phrase(
        key,
        one=_one(events, voice),
        noun=_many(events, voice),
        window=_window(events.window, voice),
        where=_where(events, voice),
        value=count and voice.number(count),
    )


def _subject(node: Any, voice: Voice) -> str:
    """What is measured, for instance “total value of orders”."""
    words = {"noun": _many(node.events, voice), "one": _one(node.events, voice), "of": _property(node.of, voice)}
    said = voice.phrase(node.measure, **words)
    among = getattr(node, "among", ())
    return said + voice.phrase("among", tests=_tests(among, voice)) if among else said


def _answer(subject: str, node: tree.EventCondition, voice: Voice) -> str:
    if measures.BY_KEY[node.measure].answer != "share":
        return _compared(subject, node.op, node.value, voice)
    shares: Any = node.value
    percent = tuple(one * 100 for one in shares) if isinstance(shares, tuple) else shares * 100
    said = _compared(subject, node.op, percent, voice, "%")
    return said if voice.is_finnish else said.replace(" %", "%")


# --- sequences, trends and the rest --------------------------------------------------------------


def _sequence(node: tree.SequenceCondition, catalogue: Catalogue, voice: Voice) -> str:
    first, *later = node.steps
    said = _one(first.events, voice) + _window(first.events.window, voice) + _where(first.events, voice)
    return voice.phrase("sequence", steps=said + "".join(_step(step, voice) for step in later))


def _step(step: tree.Step, voice: Voice) -> str:
    key = ("step" if step.happens else "no step") + (" within" if step.within_days else "")
    none = _noun(step.events.types, "fi_none", "no event", voice)
    words = {"one": _one(step.events, voice), "none": none, "where": _where(step.events, voice)}
    return voice.phrase(key, days=step.within_days and voice.number(step.within_days), **words)


def _trend(node: tree.TrendCondition, catalogue: Catalogue, voice: Voice) -> str:
    row = measures.TRENDS_BY_KEY[node.op]
    value = voice.number(node.value) if isinstance(node.value, Decimal) else ""
    change = (row.fi if voice.is_finnish else row.en).format(value=value)
    subject = _subject(node, voice) + _where(node.events, voice)
    return voice.phrase(f"trend {node.against}", subject=subject, days=voice.number(node.days), change=change)


def _membership(node: tree.MembershipCondition, catalogue: Catalogue, voice: Voice) -> str:
    key = f"{node.op} on" if node.on else node.op
    day, days = node.on and voice.day(node.on), node.days is not None and voice.number(node.days)
    return voice.phrase(key, segment=voice.name(node.segment), day=day, days=days)


def _consent(node: tree.ConsentCondition, catalogue: Catalogue, voice: Voice) -> str:
    return voice.phrase(
        "consent", purpose=voice.word(PURPOSES, node.purpose), channel=voice.word(CHANNELS, node.channel)
    )


def _reach(node: tree.ReachCondition, catalogue: Catalogue, voice: Voice) -> str:
    return voice.phrase("reach", channel=voice.word(CHANNELS, node.channel))


def _response(node: tree.ResponseCondition, catalogue: Catalogue, voice: Voice) -> str:
    said = voice.word(RESPONSES, node.response)
    if node.campaign:
        said = voice.phrase("campaign", clause=said, campaign=voice.name(node.campaign))
    return said + _window(node.window, voice)


def _everyone(node: tree.Everyone, catalogue: Catalogue, voice: Voice) -> str:
    return voice.phrase("everyone")


CLAUSES: Final[dict[type, Callable[[Any, Catalogue, Voice], str]]] = {
    tree.FeatureCondition: _feature,
    tree.EventCondition: _event,
    tree.SequenceCondition: _sequence,
    tree.TrendCondition: _trend,
    tree.MembershipCondition: _membership,
    tree.ConsentCondition: _consent,
    tree.ReachCondition: _reach,
    tree.ResponseCondition: _response,
    tree.Everyone: _everyone,
}

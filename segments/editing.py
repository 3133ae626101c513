"""How each line of a draft is shown: which controls stand in it, with words between them, choices and suggestions."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any, Final

from django.utils.translation import gettext as _
from django.utils.translation import pgettext

from crm import figures
from profiles import queries as profile_queries
from profiles.catalogue import DIMENSIONS, Feature
from segments import drafts, queries, uses, wording
from segments.drafts import Box, Draft, Line
from segments.rules import measures, operators, sentences, tables
from segments.rules.reading import Known, read_rule
from segments.rules.wording import CHANNELS, MONTHS, NOUNS, PROPERTIES, PURPOSES, RESPONSES, WEEKDAYS

SUGGESTED = 8
LEAST_STEPS = 2
MOST_TURNS = 5  # one choice may open another
Choice = tuple[str, str]


@dataclass(frozen=True)
class Control:
    """One field of a line, or a word between fields (`kind` "word", its text the label).

    `kind` is select, text, number, date, chips, checks, check or hidden; or a button, drop or more, whose one value
    is the verb. Structural controls change which others stand in the line. `suggestions` are values with the
    number of customers that have them. `number` tells fields of one name apart.
    """

    name: str
    kind: str
    label: str = ""
    values: tuple[str, ...] = ()
    options: tuple[Choice, ...] = ()
    suggestions: tuple[tuple[str, int], ...] = ()
    is_structural: bool = False
    number: int = 0

    @property
    def value(self) -> str:
        return next(iter(self.values), "")

    @property
    def chosen(self) -> list[Choice]:
        """The values with their words."""
        words = dict(self.options)
        return [(value, words.get(value, value)) for value in self.values]

    @property
    def offers(self) -> list[tuple[str, str, int | None]]:
        """What is not chosen yet: value, words and how many have it, the commonest first."""
        counts, words = dict(self.suggestions), dict(self.options)
        rows = dict.fromkeys([*counts, *words])
        return [(one, words.get(one, one), counts.get(one)) for one in rows if one not in self.values]


@dataclass(frozen=True)
class Shown:
    """One part of a draft as the page draws it."""

    path: str
    part: Draft
    label: str
    controls: tuple[Control, ...] = ()
    inner: tuple["Shown", ...] = ()
    count: int | None = None
    fault: str = ""
    is_first: bool = False
    is_last: bool = False
    is_focused: bool = False

    @property
    def is_box(self) -> bool:
        return isinstance(self.part, Box)

    @property
    def id(self) -> str:
        """The path as an identifier in HTML."""
        return self.path.replace(".", "-")


@dataclass(frozen=True)
class Scope:
    """What lines may name, and in which language."""

    features: Mapping[str, Feature]
    event_types: tuple[str, ...]
    segments: Mapping[str, str]
    language: str
    at: Any = None

    @cached_property
    def events(self) -> tuple[Choice, ...]:
        """Kinds of events there are, and the order lines, with their words."""
        usual = ["order", "return", *self.event_types, *tables.LINE_KINDS, tables.ANY_EVENT]
        return tuple((key, self.noun(key)) for key in dict.fromkeys(usual))

    @cached_property
    def plain_events(self) -> tuple[Choice, ...]:
        """Those of which several may be meant at once."""
        alone = (tables.ANY_EVENT, *tables.LINE_KINDS)
        return tuple((key, words) for key, words in self.events if key not in alone)

    def noun(self, key: str) -> str:
        noun = NOUNS.get(key)
        return (noun.fi if self.is_finnish else noun.one) if noun else key

    @property
    def is_finnish(self) -> bool:
        return self.language == "fi"

    def words(self, table: Mapping[str, tuple[str, str]]) -> tuple[Choice, ...]:
        return tuple((key, pair[self.is_finnish]) for key, pair in table.items())


# --- what is shown -------------------------------------------------------------------------------


def shown(
    draft: Draft,
    scope: Scope,
    *,
    path: str = drafts.ROOT,
    counts: Mapping[str, int],
    faults: Mapping[str, str],
    focus: str = "",
    place: tuple[bool, bool] = (True, True),
) -> Shown:
    """The part with its inner parts, their controls, counts and faults (both by path)."""
    seen = Shown(
        path=path,
        part=draft,
        label="",
        count=counts.get(path),
        fault=faults.get(path, ""),
        is_first=place[0],
        is_last=place[1],
        is_focused=path == focus,
    )
    if isinstance(draft, Line):
        show = LINES[draft.kind]
        return replace(seen, label=show.label(draft, scope), controls=tuple(show.controls(draft, scope)))
    last = len(draft.parts) - 1
    inner = tuple(
        shown(
            part,
            scope,
            path=f"{path}.{i}",
            counts=counts,
            faults=faults,
            focus=focus,
            place=(i == 0, i == last),
        )
        for i, part in enumerate(draft.parts)
    )
    return replace(seen, inner=inner)


def word(text: str) -> Control:
    return Control("", "word", text)


def select(
    line: Line, name: str, options: Sequence[Choice], label: str, *, is_structural: bool = False, number: int = 0
) -> Control:
    """A choice; a value that is not among the options stays one, so that nothing is lost."""
    values = line.texts.get(name, ())[number : number + 1] or tuple(key for key, _ in options[:1])
    known = {key for key, _ in options}
    options = (*options, *((value, value) for value in values if value not in known))
    return Control(name, "select", label, values, options, is_structural=is_structural, number=number)


def drop(name: str, verb: str = "drop") -> Control:
    """A button that takes a part of the line away."""
    return Control(name, "drop", _("Remove this part"), (verb,))


def number(line: Line, name: str, label: str) -> Control:
    return Control(name, "number", label, line.texts.get(name, ()))


# --- comparisons ---------------------------------------------------------------------------------


def comparison(
    line: Line,
    keys: Sequence[str],
    kind: str,
    *,
    stem: str = "",
    choices: Sequence[tuple[str, str]] = (),
    unit: str = "",
    suggestions: Sequence[tuple[str, int]] = (),
) -> list[Control]:
    """The operator and the fields its value needs."""
    options = [(key, wording.said(operators.BY_KEY[key])) for key in keys]
    if (op := line.one(f"{stem}op")) not in keys:
        op = keys[0]
        line = line.with_texts(**{f"{stem}op": [op]})
    controls = [select(line, f"{stem}op", options, _("Comparison"), is_structural=True)]
    operand = operators.BY_KEY[op].operand if op in operators.BY_KEY else "value"
    return controls + fields_of(line, f"{stem}value", operand, kind, choices, unit, suggestions)


def fields_of(
    line: Line,
    name: str,
    operand: str,
    kind: str,
    choices: Sequence[tuple[str, str]] = (),
    unit: str = "",
    suggestions: Sequence[tuple[str, int]] = (),
) -> list[Control]:
    """The fields in which a value of this operand is written."""
    values = line.texts.get(name, ())
    label = _("Value")
    if operand == "nothing":
        return []
    if operand in drafts.LISTS:
        return [Control(name, "chips", label, tuple(line.many(name)), tuple(choices), tuple(suggestions))]
    if operand in drafts.CALENDAR:
        return [Control(name, "checks", label, tuple(line.many(name)), calendar(operand))]
    if operand in ("pair", "date_pair"):
        field = "date" if operand == "date_pair" else "number"
        first, last = (*values, "", "")[:2]
        return [
            Control(name, field, label, (first,)),
            word("–"),
            Control(name, field, label, (last,)),
            *([word(unit)] if unit else []),
        ]
    if operand == "date":
        return [Control(name, "date", label, values)]
    if operand in drafts.WHOLE:
        return [Control(name, "number", label, values), *after(operand)]
    return single(line, name, kind, operand, choices, unit, suggestions)


def single(
    line: Line,
    name: str,
    kind: str,
    operand: str,
    choices: Sequence[tuple[str, str]],
    unit: str,
    suggestions: Sequence[tuple[str, int]],
) -> list[Control]:
    """One value: a choice where there are choices, otherwise a number, or a text with what others have beside it."""
    values, label = line.texts.get(name, ()), _("Value")
    if kind == "truth":
        return [select(line, name, (("yes", _("yes")), ("no", _("no"))), label)]
    if choices and operand == "value":
        return [select(line, name, [("", "…"), *counted(choices, suggestions)], label)]
    if kind in operators.NUMERIC or kind == "share":
        return [Control(name, "number", label, values), *([word(unit)] if unit else [])]
    return [Control(name, "text", label, values, suggestions=tuple(suggestions))]


def counted(choices: Sequence[Choice], suggestions: Sequence[tuple[str, int]]) -> list[Choice]:
    """Choices with how many customers have each."""
    counts = dict(suggestions)
    return [(one, f"{words} ({figures.number(counts[one])})" if one in counts else words) for one, words in choices]


def after(operand: str) -> list[Control]:
    """The word behind a whole number."""
    words = {"days": _("days"), "anniversary": _("days"), "years": _("years"), "percent": "%", "rise": "%"}
    return [word(words[operand])] if operand in words else []


def calendar(operand: str) -> tuple[Choice, ...]:
    if operand == "hours":
        return tuple((str(hour), str(hour)) for hour in range(24))
    table = WEEKDAYS if operand == "weekdays" else MONTHS
    return tuple((str(i), pair[wording.is_finnish()]) for i, pair in enumerate(table, 1))


def missing(line: Line, stem: str = "") -> list[Control]:
    """Whether customers, or events, of which it is not known count too."""
    if line.one(f"{stem}op") in ("is_missing", "is_present"):
        return []
    name = f"{stem}missing"
    return [Control(name, "check", _("also when it is not known"), line.texts.get(name, ()))]


# --- lines ---------------------------------------------------------------------------------------


def feature_controls(line: Line, scope: Scope) -> list[Control]:
    hidden = Control("feature", "hidden", values=line.texts.get("feature", ()))
    feature = scope.features.get(line.one("feature"))
    if feature is None:
        return [hidden, *(Control(name, "hidden", values=line.texts.get(name, ())) for name in ("op", "value"))]
    found = comparison(
        line,
        operators.fitting(feature.kind),
        feature.kind,
        choices=[(one, wording.value_words(one, feature)) for one in feature.choices],
        unit=feature.unit,
        suggestions=suggestions(feature),
    )
    return [hidden, *found, *missing(line)]


def suggestions(feature: Feature) -> list[tuple[str, int]]:
    """The commonest values with their counts, where values are words and nobody's secret."""
    if feature.kind not in ("text", "list", "choice") or feature.sensitivity != "normal":
        return []
    if feature.key in profile_queries.IDENTIFYING:
        return []
    try:
        return [(str(value), count) for value, count in profile_queries.value_counts(feature.key, limit=SUGGESTED)]
    except (profile_queries.NoSnapshot, profile_queries.EngineError, KeyError):
        return []


def window_controls(line: Line, scope: Scope) -> list[Control]:
    options: list[Choice] = [("", _("at any time")), ("last", _("in the last")), ("ago", _("between"))]
    options += [("dates", _("from … to …")), ("before", _("before the")), ("after", _("after the"))]
    controls = [select(line, "window", options, _("When"), is_structural=True)]
    match line.one("window"):
        case "last":
            controls += [number(line, "days", _("Days")), word(_("days"))]
        case "ago":
            ends = [number(line, "start", _("Days ago, from")), word("–"), number(line, "end", _("Days ago, to"))]
            controls += [*ends, word(_("days ago"))]
        case "dates":
            ends = [Control(name, "date", label, line.texts.get(name, ())) for name, label in day_labels()]
            controls += [ends[0], word("–"), ends[1]]
        case "before" | "after":
            which = (("first", _("first")), ("last", _("last")))
            around = tests(line, "around", line.one("near", "order"), scope)
            controls += [select(line, "which", which, _("First or last")), *kinds_of_events(line, "near", scope)]
            controls += around
    return controls


def kinds_of_events(line: Line, name: str, scope: Scope) -> list[Control]:
    """What may have happened: one kind of events, or any of several plain ones."""
    chosen = line.texts.get(name, ())[1:]
    controls = [select(line, name, scope.events, _("Event"), is_structural=True)]
    for i, one in enumerate(chosen, 1):
        another = select(line, name, scope.plain_events, _("Event"), is_structural=True, number=i)
        controls += [word(_("or")), another, drop(f"{name}|{one}", "unvalue")]
    left = [key for key, _words in scope.plain_events if key not in line.texts.get(name, ("order",))]
    is_plain = line.one(name, "order") in dict(scope.plain_events)
    return [*controls, more(f"{name}|{left[0]}", _("+ or"), "value")] if left and is_plain else controls


def day_labels() -> tuple[Choice, ...]:
    return ("from", _("First day")), ("to", _("Last day"))


def measured(line: Line, scope: Scope, event: str, keys: Sequence[str]) -> list[Control]:
    """The measure, and what it is taken over."""
    rows = [measures.BY_KEY[key] for key in keys]
    controls = [
        select(line, "measure", [(row.key, wording.said(row)) for row in rows], _("Measure"), is_structural=True)
    ]
    row = measures.BY_KEY.get(line.one("measure", "count"), rows[0])
    if row.of == "nothing":
        return controls
    if row.of == "conditions":
        if not line.numbers("among"):
            line = line.with_texts(**{"among.0.property": ["channel"], "among.0.op": ["is"]})
        among = [test for i in line.numbers("among") for test in test_controls(line, "among", i, event, scope)]
        return [*controls, *among, more("among", _("+ of which"))]
    kinds = ("money", "number") if row.of == "number" else None
    chosen = select(line, "of", properties(event, scope, line.one("of"), kinds), _("Of what"), is_structural=True)
    return [*controls, chosen, *own_name(line, "of", "of_name")]


def properties(event: str, scope: Scope, chosen: str, kinds: Sequence[str] | None = None) -> list[Choice]:
    """What can be asked of an event: what every event has, what its sources sent besides, and others by name."""
    known = {key: kind for key, (_column, kind) in tables.properties_of((event,)).items()}
    found = [(key, PROPERTIES[key][scope.is_finnish]) for key, kind in known.items() if not kinds or kind in kinds]
    if event in tables.LINE_KINDS:
        return found
    free = [drafts.property_text(name, kind) for name, kind in queries.free_properties(event, at=scope.at)]
    texts = dict.fromkeys([*free, chosen, *(f"{tables.FREE_PREFIX}|{kind}" for kind in tables.FREE_KINDS)])
    return [*found, *((text, own_words(text)) for text in texts if _is_free(text, kinds))]


def _is_free(text: str, kinds: Sequence[str] | None) -> bool:
    kind = drafts.free_property(text)[1]
    return bool(kind) and (not kinds or kind in kinds)


def own_words(text: str) -> str:
    """A property that only the source knows, in words."""
    name, kind = drafts.free_property(text)
    others = {"text": _("another text …"), "number": _("another number …"), "truth": _("another yes or no …")}
    return name.removeprefix(tables.FREE_PREFIX) or others[kind]


def own_name(line: Line, field: str, own: str) -> list[Control]:
    """Where the name of another property is written."""
    is_asked = drafts.free_property(line.one(field))[0] == tables.FREE_PREFIX
    return [Control(own, "text", _("Name of the property"), line.texts.get(own, ()))] if is_asked else []


def event_controls(line: Line, scope: Scope) -> list[Control]:
    event = line.one("event", "order")
    row = measures.BY_KEY.get(line.one("measure", "count"), measures.MEASURES[0])
    keys = [one.key for one in measures.MEASURES]
    controls = kinds_of_events(line, "event", scope) + tests(line, "where", event, scope)
    controls += measured(line, scope, event, keys) + window_controls(line, scope)
    fits = operators.fitting("datetime") if row.answer == "datetime" else measures.comparisons(row)
    fits = tuple(key for key in fits if key not in ("is_missing", "is_present"))
    unit = {"days": _("days"), "share": "%"}.get(row.answer, "")
    return [*controls, word("→"), *comparison(line, fits, drafts.answer_kind(row), unit=unit), *missing(line)]


def more(name: str, words: str, verb: str = "where") -> Control:
    """A button that adds a part: one more condition on the events, or another kind of them."""
    return Control(name, "more", words, (verb,))


def tests(line: Line, stem: str, event: str, scope: Scope) -> list[Control]:
    """The conditions on the events, and the button for one more."""
    found = [control for i in line.numbers(stem) for control in test_controls(line, stem, i, event, scope)]
    return [*found, more(stem, _("+ with"))]


def test_controls(line: Line, group: str, position: int, event: str, scope: Scope) -> list[Control]:
    """One condition on the events themselves."""
    stem = f"{group}.{position}."
    text = line.one(f"{stem}property") or next(iter(tables.properties_of((event,))))
    kind = drafts.property_kind(event, text)
    chosen = select(
        line, f"{stem}property", properties(event, scope, text), _("Property"), is_structural=True
    )  # fmt: skip
    known_values = queries.event_values(event, drafts.free_property(text)[0], at=scope.at) if kind == "text" else ()
    found = comparison(line, operators.fitting(kind, is_ranked=False), kind, stem=stem, suggestions=known_values)
    named = own_name(line, f"{stem}property", f"{stem}name")
    return [word(_("with")), chosen, *named, *found, *missing(line, stem), drop(f"{group}.{position}")]


def sequence_controls(line: Line, scope: Scope) -> list[Control]:
    controls: list[Control] = []
    for i in line.numbers("steps"):
        controls += step_controls(line, i, scope)
    return controls


def step_controls(line: Line, position: int, scope: Scope) -> list[Control]:
    stem = f"steps.{position}."
    event = kinds_of_events(line, f"{stem}event", scope)
    tested = tests(line, f"{stem}where", line.one(f"{stem}event", "order"), scope)
    if position == 0:
        return [word(_("first")), *event, *tested, *window_controls(line, scope)]
    turns = (("yes", _("then")), ("no", _("and then no")))
    happens = select(line, f"{stem}happens", turns, _("What follows")) if is_last_step(line, position) else None
    within = [word(_("within")), number(line, f"{stem}within_days", _("Within days")), word(_("days"))]
    taken_out = [drop(f"steps.{position}")] if len(line.numbers("steps")) > LEAST_STEPS else []
    return [happens or word(_("then")), *event, *tested, *within, *taken_out]


def is_last_step(line: Line, position: int) -> bool:
    return position == line.numbers("steps")[-1]


def trend_controls(line: Line, scope: Scope) -> list[Control]:
    event, row = line.one("trend", "order"), measures.TRENDS_BY_KEY.get(line.one("op"), measures.TRENDS[0])
    against = (("before", _("the days before")), ("year_before", _("the same weeks a year before")))
    controls = [
        *kinds_of_events(line, "trend", scope),
        *tests(line, "where", event, scope),
        *measured(line, scope, event, measures.TREND_MEASURES),
        word(_("in the last")),
        number(line, "days", _("Days")),
        word(_("days")),
        select(line, "op", [(one.key, wording.said(one)) for one in measures.TRENDS], _("Change"), is_structural=True),
    ]
    if row.operand != "nothing":
        controls += [number(line, "value", _("Per cent")), word("%")]
    return [*controls, word(_("against")), select(line, "against", against, _("Compared with")), *missing(line)]


def segment_controls(line: Line, scope: Scope) -> list[Control]:
    ops = (("in", _("is in")), ("not_in", _("is not in")), ("entered", _("came in")), ("left", _("went out")))
    controls = [
        select(line, "op", ops, _("Membership"), is_structural=True),
        select(line, "segment", [("", "…"), *scope.segments.items()], _("Segment")),
    ]
    if line.one("op") in ("entered", "left"):
        return [*controls, word(_("in the last")), number(line, "last_days", _("Days")), word(_("days"))]
    return [*controls, word(_("on (empty: now)")), Control("on", "date", _("Day"), line.texts.get("on", ()))]


def consent_controls(line: Line, scope: Scope) -> list[Control]:
    return [
        select(line, "consent", scope.words(PURPOSES), _("Purpose")),
        word(pgettext("rule", "by")),
        select(line, "channel", scope.words(CHANNELS), _("Channel")),
    ]


def response_controls(line: Line, scope: Scope) -> list[Control]:
    options = [("", _("any campaign")), *uses.campaigns().items()]
    campaign = select(line, "campaign", options, _("Campaign"))
    return [select(line, "response", scope.words(RESPONSES), _("Response")), campaign, *window_controls(line, scope)]


def read_back(line: Line, scope: Scope) -> str:
    """A kept condition in words; the JSON itself when it cannot be read."""
    try:
        where = drafts.json_of(line, scope.features)
        rule = read_rule({"version": 1, "where": where}, Known(scope.features))
        return sentences.clause(rule.where, scope.features, scope.language, scope.segments)
    except ValueError:
        return line.one("json")


@dataclass(frozen=True)
class LineKind:
    """How one kind of line is called and shown."""

    label: Callable[[Line, Scope], str]
    controls: Callable[[Line, Scope], list[Control]]


def feature_label(line: Line, scope: Scope) -> str:
    feature = scope.features.get(line.one("feature"))
    return wording.said(feature) if feature else line.one("feature")


LINES: Final[dict[str, LineKind]] = {
    "feature": LineKind(feature_label, feature_controls),
    "event": LineKind(lambda *_args: _("What happened"), event_controls),
    "sequence": LineKind(lambda *_args: _("One after another"), sequence_controls),
    "trend": LineKind(lambda *_args: _("More or less than before"), trend_controls),
    "segment": LineKind(lambda *_args: _("Segment"), segment_controls),
    "consent": LineKind(lambda *_args: _("Consents to"), consent_controls),
    "reachable": LineKind(
        lambda *_args: _("Can be reached by"),
        lambda line, scope: [select(line, "reachable", scope.words(CHANNELS), _("Channel"))],
    ),
    "response": LineKind(lambda *_args: _("Response to a campaign"), response_controls),
    "everyone": LineKind(lambda *_args: _("Everyone"), lambda *_args: [Control("everyone", "hidden", values=("yes",))]),
    "kept": LineKind(read_back, lambda line, _scope: [Control("json", "hidden", values=line.texts.get("json", ()))]),
}


# --- what is seen is meant -----------------------------------------------------------------------


def settled(draft: Box, scope: Scope) -> Box:
    """The draft with every choice that is shown also made: the first option where a change left none, or left one that
    no longer fits. So what a line says is what is seen in it."""
    parts = (settled(part, scope) if isinstance(part, Box) else _settled(part, scope) for part in draft.parts)
    return replace(draft, parts=tuple(parts))


def _settled(line: Line, scope: Scope) -> Line:
    for _turn in range(MOST_TURNS):
        texts = {one.name: (one.value,) for one in LINES[line.kind].controls(line, scope) if _is_open(one, line)}
        if not texts:
            break
        stale = {f"{name.removesuffix('op')}value": () for name in texts if name.endswith("op") and line.one(name)}
        line = line.with_texts(**stale, **texts)
    return line


def _is_open(one: Control, line: Line) -> bool:
    """A choice nobody has made; one that may stay empty is made by leaving it so."""
    return one.kind == "select" and not one.number and bool(one.value) and line.one(one.name) != one.value


# --- new lines -----------------------------------------------------------------------------------


def new_line(kind: str, of: str, scope: Scope) -> Line | None:
    """A fresh line of a kind; None for a kind or a feature nobody knows."""
    if kind == "feature":
        feature = scope.features.get(of)
        return Line("feature", {"feature": (of,), "op": (first_operator(feature),)}) if feature else None
    texts = NEW.get(kind)
    if texts is None:
        return None
    return Line(kind, {**texts, "event": (of,)} if kind == "event" and of else texts)


def first_operator(feature: Feature) -> str:
    """The comparison that is meant most often."""
    usual = {"text": "one_of", "choice": "one_of", "number": "at_least", "money": "at_least", "list": "includes_any"}
    return usual.get(feature.kind) or ("in_last_days" if feature.kind in operators.DAYS else "is")


NEW: Final[dict[str, dict[str, tuple[str, ...]]]] = {
    "event": {"event": ("order",), "op": ("at_least",), "value": ("1",), "window": ("last",), "days": ("365",)},
    "sequence": {
        "steps.0.event": ("cart",),
        "window": ("last",),
        "days": ("30",),
        "steps.1.event": ("order",),
        "steps.1.within_days": ("7",),
        "steps.1.happens": ("no",),
    },
    "trend": {"trend": ("order",), "days": ("90",), "op": ("fell_by",), "value": ("50",)},
    "segment": {"op": ("in",)},
    "consent": {"consent": ("marketing",), "channel": ("email",)},
    "reachable": {"reachable": ("email",)},
    "response": {"response": ("click",), "window": ("last",), "days": ("90",)},
}


def offers(scope: Scope) -> list[tuple[str, list[tuple[str, str]]]]:
    """What a line can be about, in groups: pairs of what the button sends and its words."""
    done = [
        ("event|", _("What happened: orders, visits, clicks …")),
        ("sequence|", _("One after another, such as an abandoned cart")),
        ("trend|", _("More or less than before")),
        ("response|", _("Response to a campaign: opened, clicked, converted …")),
    ]
    belongs = [
        ("segment|", _("Member of another segment")),
        ("consent|", _("Consents to")),
        ("reachable|", _("Can be reached by")),
    ]
    groups = [(_("What customers did"), done), (_("What they allow and belong to"), belongs)]
    for dimension in DIMENSIONS:
        about = [one for one in scope.features.values() if one.dimension == dimension]
        if about:
            pairs = [(f"feature|{one.key}", wording.said(one)) for one in about]
            groups.append((str(wording.DIMENSIONS[dimension]), pairs))
    return groups


def scope_for(actor: Any, *, at: Any, without: str = "") -> Scope:
    """What the actor may name now; `without` is the slug of the segment being written."""
    features = {key: one for key, one in queries.catalogue().items() if profile_queries.is_open_to(actor, one)}
    names = {one.slug: one.name for one in queries.segments(actor) if one.slug != without}
    return Scope(features, queries.event_types(at=at), names, actor.language, at)

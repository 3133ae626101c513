"""JSON → rule. Whatever is unknown, misplaced or too big is refused with its JSON path and the valid choices."""

import json
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Any, Final

from profiles.catalogue import Feature
from segments.rules import measures, operators, tables, tree
from segments.rules.errors import RuleError
from segments.rules.operands import OPERANDS, Place, read_date, read_money, read_whole

DEEPEST: Final = 8
MOST_NODES: Final = 500
MOST_BYTES: Final = 64 * 1024
DEEPEST_JSON: Final = 40
MOST_STEPS: Final = 5
LONGEST_NAME: Final = 100
MOST_TREND_DAYS: Final = 3650


@dataclass(frozen=True)
class Known:
    """What a rule may name. None means the names are not checked (for instance while reading an old rule)."""

    features: Mapping[str, Feature]
    event_types: Collection[str] | None = None
    segments: Collection[str] | None = None
    campaigns: Collection[str] | None = None
    purposes: Collection[str] | None = None
    channels: Collection[str] | None = None


def read_text(text: str | bytes, known: Known) -> tree.Rule:
    """A rule from a file's text. Raises RuleError."""
    if len(text) > MOST_BYTES:
        raise RuleError("$", "a rule has at most {most} bytes", most=MOST_BYTES)
    try:
        given = json.loads(text)
    except RecursionError:
        raise RuleError("$", "is nested too deeply") from None
    except ValueError as fault:
        raise RuleError("$", "is not JSON: {why}", why=fault) from None
    return read_rule(given, known)


def read_rule(given: Any, known: Known) -> tree.Rule:
    """A rule from parsed JSON: {"version": 1, "where": {…}}. Raises RuleError."""
    check_size(given)
    fields = _fields(given, "$", required=("version", "where"))
    if fields["version"] != tree.VERSION or isinstance(fields["version"], bool):
        raise RuleError("version", "unknown version {given}", (str(tree.VERSION),), given=repr(fields["version"]))
    return tree.Rule(_Reader(known).node(fields["where"], "where", 1))


def check_size(given: Any) -> None:
    """Refuses what is too deep, has too many nodes or too many bytes, without recursion."""
    waiting, nodes = [(given, 1)], 0
    while waiting:
        part, depth = waiting.pop()
        if depth > DEEPEST_JSON:
            raise RuleError("where", "is nested too deeply: groups may stand {most} deep", most=DEEPEST)
        if isinstance(part, dict):
            nodes += 1
            waiting += [(value, depth + 1) for value in part.values()]
        elif isinstance(part, list):
            waiting += [(value, depth + 1) for value in part]
        if nodes > MOST_NODES:
            raise RuleError("where", "a rule has at most {most} nodes", most=MOST_NODES)
    try:
        size = len(json.dumps(given, ensure_ascii=False).encode("utf-8", "surrogatepass"))
    except (TypeError, ValueError):
        raise RuleError("$", "holds something that is not JSON") from None
    if size > MOST_BYTES:
        raise RuleError("$", "a rule has at most {most} bytes", most=MOST_BYTES)


def _fields(given: Any, path: str, *, required: tuple[str, ...] = (), allowed: tuple[str, ...] = ()) -> dict[str, Any]:
    if not isinstance(given, dict):
        raise RuleError(path, "must be an object")
    for key in given:
        if key not in (*required, *allowed):
            raise RuleError(f"{path}.{key}", "unknown field", (*required, *allowed))
    for key in required:
        if key not in given:
            raise RuleError(f"{path}.{key}", "is required")
    return given


def _one_of(given: Any, path: str, choices: Collection[str], what: str) -> str:
    if given is None:
        raise RuleError(path, "the {what} is missing", tuple(choices), what=what)
    if not isinstance(given, str) or given not in choices:
        raise RuleError(path, "unknown {what} {given}", tuple(choices), what=what, given=repr(given))
    return given


def _name(given: Any, path: str, known: Collection[str] | None, what: str) -> str:
    if known is not None:
        return _one_of(given, path, sorted(known), what)
    if not isinstance(given, str) or not 1 <= len(given) <= LONGEST_NAME or not given.isprintable():
        raise RuleError(path, "must be the name of a {what}: 1 to {most} characters", what=what, most=LONGEST_NAME)
    return given


def _not_one(path: str, named: list[str]) -> RuleError:
    if not named:
        told = "must be exactly one condition or group; it names none of the conditions"
        return RuleError(path, told, tuple(NODES))
    told = "must be exactly one condition or group; it names {found}"
    return RuleError(path, told, tuple(NODES), found=" + ".join(named))


def _missing(fields: Mapping[str, Any], path: str) -> bool:
    return _one_of(fields.get("missing", "no"), f"{path}.missing", ("no", "yes"), "answer") == "yes"


def _truth(given: Any, path: str) -> bool:
    if not isinstance(given, bool):
        raise RuleError(path, "must be true or false")
    return given


def _list(given: Any, path: str, most: int, least: int = 1) -> list[Any]:
    if not isinstance(given, list) or not least <= len(given) <= most:
        raise RuleError(path, "must be a list of {least} to {most} parts", least=least, most=most)
    return given


def _compared(
    fields: Mapping[str, Any], path: str, kind: str, keys: Collection[str], choices: tuple[str, ...] = ()
) -> Any:
    """The operator and its checked value, for a value of this kind."""
    op = _one_of(fields.get("op"), f"{path}.op", keys, "operator")
    operand = OPERANDS[operators.BY_KEY[op].operand]
    return op, operand.read(fields.get("value"), Place(f"{path}.value", kind, choices))


@dataclass(frozen=True)
class _Reader:
    known: Known

    def node(self, given: Any, path: str, depth: int) -> tree.Node:
        if depth > DEEPEST:
            raise RuleError(path, "groups may stand {most} deep", most=DEEPEST)
        if not isinstance(given, dict):
            raise RuleError(path, "must be an object")
        named = [key for key in NODES if key in given]
        if len(named) != 1:
            raise _not_one(path, named)
        if named[0] in GROUPS:
            return self.group(named[0], given, path, depth)
        return NODES[named[0]](self, given, path)

    def group(self, word: str, given: Any, path: str, depth: int) -> tree.Node:
        fields = _fields(given, path, required=(word,))
        if word == "not":
            return tree.Not(self.node(fields["not"], f"{path}.not", depth + 1))
        parts = enumerate(_list(fields[word], f"{path}.{word}", MOST_NODES))
        return GROUPS[word](tuple(self.node(part, f"{path}.{word}[{i}]", depth + 1) for i, part in parts))

    def everyone(self, given: Any, path: str) -> tree.Node:
        if _fields(given, path, required=("everyone",))["everyone"] is not True:
            raise RuleError(f"{path}.everyone", "must be true")
        return tree.Everyone()

    def feature(self, given: Any, path: str) -> tree.Node:
        fields = _fields(given, path, required=("feature", "op"), allowed=("value", "missing"))
        key = _one_of(fields["feature"], f"{path}.feature", sorted(self.known.features), "feature")
        feature = self.known.features[key]
        op, value = _compared(fields, path, feature.kind, operators.fitting(feature.kind), feature.choices)
        return tree.FeatureCondition(key, op, value, _missing(fields, path))

    def event(self, given: Any, path: str) -> tree.Node:
        allowed = ("where", "window", "measure", "of", "op", "value", "missing")
        fields = _fields(given, path, required=("event",), allowed=allowed)
        events = self.events(fields, path)
        row = measures.BY_KEY[_one_of(fields.get("measure", "count"), f"{path}.measure", measures.BY_KEY, "measure")]
        of, among = self.measured(row, fields, path, events.types)
        if "op" not in fields and "value" not in fields and row.key == "count":
            fields = {**fields, "op": "at_least", "value": 1}
        op, value = self.answer(row, fields, path)
        return tree.EventCondition(events, row.key, of, among, op, value, _missing(fields, path))

    def measured(self, row: measures.Measure, fields: Mapping[str, Any], path: str, types: tuple[str, ...]) -> Any:
        """What the measure is taken over: ("", ()), (property, ()) or ("", conditions)."""
        if row.of == "nothing":
            if "of" in fields:
                raise RuleError(f"{path}.of", "the measure {measure} is taken over nothing", measure=row.key)
            return "", ()
        if row.of == "conditions":
            return "", self.where(_list(fields.get("of"), f"{path}.of", MOST_NODES), f"{path}.of", types)
        if row.of == "number":
            numeric = tuple(name for name, (_, kind) in tables.properties_of(types).items() if kind == "money")
            return self.property(fields.get("of"), f"{path}.of", types, numeric), ()
        return self.property(fields.get("of"), f"{path}.of", types, tuple(tables.properties_of(types))), ()

    def property(self, given: Any, path: str, types: tuple[str, ...], names: tuple[str, ...]) -> str:
        if isinstance(given, str) and given in names:
            return given
        if not tables.is_line(types):
            names = (*names, f"{tables.FREE_PREFIX}…")
            free = isinstance(given, str) and given.removeprefix(tables.FREE_PREFIX)
            if free and free != given and len(free) <= LONGEST_NAME and free.isprintable() and '"' not in free:
                return str(given)
        raise RuleError(path, "unknown property {given}", names, given=repr(given))

    def answer(self, row: measures.Measure, fields: Mapping[str, Any], path: str) -> Any:
        """The comparison of a measure's answer: whole days, a share between 0 and 1, a day, a number or an amount."""
        if row.answer == "datetime":
            keys = [key for key in operators.fitting("datetime") if key not in ("is_missing", "is_present")]
            return _compared(fields, path, "datetime", keys)
        kind = "number" if row.answer in ("number", "days") else "money"
        op, value = _compared(fields, path, kind, measures.comparisons(row))
        for one in value if isinstance(value, tuple) else (value,):
            if row.answer == "days":
                read_whole(one, Place(f"{path}.value", kind), 0, 36_500)
            if row.answer == "share" and not 0 <= one <= 1:
                raise RuleError(f"{path}.value", "a share is a number from 0 to 1")
        return op, value

    def events(
        self, fields: Mapping[str, Any], path: str, word: str = "event", *, has_window: bool = True
    ) -> tree.Events:
        types = self.types(fields[word], f"{path}.{word}")
        where = self.where(_list(fields.get("where", []), f"{path}.where", MOST_NODES, 0), f"{path}.where", types)
        window = self.window(fields.get("window"), f"{path}.window") if has_window else None
        return tree.Events(types, where, window)

    def types(self, given: Any, path: str) -> tuple[str, ...]:
        named = enumerate(_list(given, path, 50)) if isinstance(given, list) else [(None, given)]
        types = tuple(self.type(one, path if i is None else f"{path}[{i}]") for i, one in named)
        special = [one for one in types if one in tables.LINE_KINDS or one == tables.ANY_EVENT]
        if special and len(types) > 1:
            raise RuleError(path, "{type} stands alone, not in a list", type=special[0])
        return types

    def type(self, given: Any, path: str) -> str:
        known = self.known.event_types
        if known is not None:
            known = {*known, *tables.LINE_KINDS, tables.ANY_EVENT, "order", "return"}
        return _name(given, path, known, "event")

    def where(self, given: list[Any], path: str, types: tuple[str, ...]) -> tuple[tree.PropertyCondition, ...]:
        return tuple(self.test(one, f"{path}[{i}]", types) for i, one in enumerate(given))

    def test(self, given: Any, path: str, types: tuple[str, ...]) -> tree.PropertyCondition:
        fields = _fields(given, path, required=("property", "op"), allowed=("value", "kind", "missing"))
        columns = tables.properties_of(types)
        name = self.property(fields["property"], f"{path}.property", types, tuple(columns))
        if name in columns:
            kind = columns[name][1]
            if fields.get("kind", kind) != kind:
                raise RuleError(f"{path}.kind", "{name} holds {kind}", (kind,), name=name, kind=kind)
        else:
            kind = _one_of(fields.get("kind", "text"), f"{path}.kind", tables.FREE_KINDS, "kind")
        op, value = _compared(fields, path, kind, operators.fitting(kind, is_ranked=False))
        return tree.PropertyCondition(name, kind, op, value, _missing(fields, path))

    def window(self, given: Any, path: str) -> tree.Window:
        if given is None:
            return None
        if not isinstance(given, dict) or not given:
            raise RuleError(path, "must be an object", tuple(WINDOWS))
        first = next(iter(given))
        word = next((key for key in WINDOWS if key in given), first)
        return WINDOWS[_one_of(word, f"{path}.{word}", tuple(WINDOWS), "window")](self, given, path)

    def last_days(self, given: Any, path: str) -> tree.Window:
        fields = _fields(given, path, required=("last_days",))
        return tree.LastDays(read_whole(fields["last_days"], Place(f"{path}.last_days", "number"), 0, 36_500))

    def days_ago(self, given: Any, path: str) -> tree.Window:
        fields = _fields(given, path, required=("from_days_ago", "to_days_ago"))
        start, end = (read_whole(fields[key], Place(f"{path}.{key}", "number"), 0, 36_500) for key in fields)
        start, end = max(start, end), min(start, end)
        return tree.DaysAgo(start, end)

    def dates(self, given: Any, path: str) -> tree.Window:
        fields = _fields(given, path, allowed=("from", "to"))
        first, last = (self.date(fields.get(key), f"{path}.{key}") for key in ("from", "to"))
        if first and last and first > last:
            raise RuleError(f"{path}.to", "must not be before “from”")
        return tree.Dates(first, last)

    def date(self, given: Any, path: str) -> date | None:
        return None if given is None else read_date(given, Place(path, "date"))

    def relative(self, given: Any, path: str) -> tree.Window:
        side = _fields(given, path, allowed=("before", "after"))
        if len(side) != 1:
            raise RuleError(path, "must name either before or after", ("before", "after"))
        word, inner = next(iter(side.items()))
        place = f"{path}.{word}"
        fields = _fields(inner, place, required=("event",), allowed=("where", "which"))
        which = _one_of(fields.get("which", "first"), f"{place}.which", ("first", "last"), "event")
        return tree.Relative(word, which, self.events(fields, place, has_window=False))

    def sequence(self, given: Any, path: str) -> tree.Node:
        fields = _fields(given, path, required=("sequence",))
        place = f"{path}.sequence"
        parts = _list(fields["sequence"], place, MOST_STEPS, 2)
        steps = tuple(self.step(part, f"{place}[{i}]", i, len(parts)) for i, part in enumerate(parts))
        return tree.SequenceCondition(steps)

    def step(self, given: Any, path: str, index: int, count: int) -> tree.Step:
        only = ("window",) if index == 0 else ("within_days", "happens") if index == count - 1 else ("within_days",)
        fields = _fields(given, path, required=("event",), allowed=("where", *only))
        within = fields.get("within_days")
        if within is not None:
            within = read_whole(within, Place(f"{path}.within_days", "number"), 1, 3650)
        happens = _truth(fields.get("happens", True), f"{path}.happens")
        return tree.Step(self.events(fields, path, has_window=index == 0), within, happens)

    def trend(self, given: Any, path: str) -> tree.Node:
        allowed = ("where", "measure", "of", "days", "against", "value", "missing")
        fields = _fields(given, path, required=("trend", "op"), allowed=allowed)
        events = self.events(fields, path, "trend", has_window=False)
        key = _one_of(fields.get("measure", "count"), f"{path}.measure", measures.TREND_MEASURES, "measure")
        of, _ = self.measured(measures.BY_KEY[key], fields, path, events.types)
        row = measures.TRENDS_BY_KEY[_one_of(fields["op"], f"{path}.op", measures.TRENDS_BY_KEY, "trend")]
        against = _one_of(fields.get("against", "before"), f"{path}.against", measures.AGAINST, "comparison")
        most = measures.AGAINST[against] or MOST_TREND_DAYS
        days = read_whole(fields.get("days", 90), Place(f"{path}.days", "number"), 1, most)
        value = self.trend_value(row, fields, path)
        return tree.TrendCondition(events, row.key, value, key, of, days, against, _missing(fields, path))

    def trend_value(self, row: measures.Trend, fields: Mapping[str, Any], path: str) -> Decimal | None:
        place = Place(f"{path}.value", "money")
        if row.operand != "rise":
            value: Decimal | None = OPERANDS[row.operand].read(fields.get("value"), place)
            return value
        rise = read_money(fields.get("value"), place)
        if not 0 < rise <= 100_000:
            raise place.refuse("must be a number above 0 and up to {most}", most=100_000)
        return rise

    def segment(self, given: Any, path: str) -> tree.Node:
        fields = _fields(given, path, required=("segment",), allowed=("op", "on", "last_days"))
        slug = _name(fields["segment"], f"{path}.segment", self.known.segments, "segment")
        op = _one_of(fields.get("op", "in"), f"{path}.op", tree.MEMBERSHIPS, "operator")
        is_state = op in ("in", "not_in")
        _fields(given, path, required=("segment",), allowed=("op", "on" if is_state else "last_days"))
        if is_state:
            return tree.MembershipCondition(slug, op, on=self.date(fields.get("on"), f"{path}.on"))
        days = read_whole(fields.get("last_days"), Place(f"{path}.last_days", "number"), 0, 36_500)
        return tree.MembershipCondition(slug, op, days=days)

    def consent(self, given: Any, path: str) -> tree.Node:
        fields = _fields(given, path, required=("consent", "channel"))
        purpose = _name(fields["consent"], f"{path}.consent", self.known.purposes, "purpose")
        return tree.ConsentCondition(
            purpose, _name(fields["channel"], f"{path}.channel", self.known.channels, "channel")
        )

    def reachable(self, given: Any, path: str) -> tree.Node:
        fields = _fields(given, path, required=("reachable",))
        return tree.ReachCondition(_name(fields["reachable"], f"{path}.reachable", self.known.channels, "channel"))

    def response(self, given: Any, path: str) -> tree.Node:
        fields = _fields(given, path, required=("response",), allowed=("campaign", "window"))
        kind = _one_of(fields["response"], f"{path}.response", measures.RESPONSES, "response")
        campaign = ""
        if "campaign" in fields:
            campaign = _name(fields["campaign"], f"{path}.campaign", self.known.campaigns, "campaign")
        return tree.ResponseCondition(kind, campaign, self.window(fields.get("window"), f"{path}.window"))


GROUPS: Final[dict[str, Callable[..., tree.Node]]] = {"all": tree.AllOf, "any": tree.AnyOf, "not": tree.Not}
NODES: Final[dict[str, Callable[..., tree.Node]]] = {
    **GROUPS,
    "everyone": _Reader.everyone,
    "feature": _Reader.feature,
    "event": _Reader.event,
    "sequence": _Reader.sequence,
    "trend": _Reader.trend,
    "segment": _Reader.segment,
    "consent": _Reader.consent,
    "reachable": _Reader.reachable,
    "response": _Reader.response,
}
WINDOWS: Final[dict[str, Callable[..., tree.Window]]] = {
    "last_days": _Reader.last_days,
    "from_days_ago": _Reader.days_ago,
    "from": _Reader.dates,
    "to": _Reader.dates,
    "before": _Reader.relative,
    "after": _Reader.relative,
}

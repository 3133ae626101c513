"""A rule while it is being written: boxes of lines whose values are texts, as a form shows them and sends them back.

Every condition becomes a line that turns into the very same JSON again; one that the form cannot show becomes a line
that is kept as it is. So whatever the language can say survives the editor.
"""

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from decimal import Decimal, InvalidOperation
from typing import Any, Final

from profiles.catalogue import Feature
from segments.rules import measures, operators, tables

WORDS: Final = ("all", "any", "none")
MOST_DIGITS = 6  # of the place of a part
MOST_DIGITS_OF_AMOUNTS = 30
ROOT: Final = "r"
DEEPEST: Final = 20  # places of one part inside another; more than any rule has
WHOLE: Final = ("percent", "count", "quintile", "days", "years", "anniversary", "rise")
LISTS: Final = ("values", "every")
SIDES: Final = ("before", "after")
CALENDAR: Final = ("weekdays", "months", "hours")
Texts = Mapping[str, tuple[str, ...]]


class Unfinished(Exception):
    """A line with an empty place."""


@dataclass(frozen=True)
class Line:
    """One condition. `texts` holds what stands in its fields, by name: `op`, `value`, `where.0.property` …"""

    kind: str
    texts: Texts = field(default_factory=dict)

    def one(self, name: str, otherwise: str = "") -> str:
        return next(iter(self.texts.get(name, ())), otherwise)

    def many(self, name: str) -> list[str]:
        return [text for text in self.texts.get(name, ()) if text.strip()]

    def needed(self, name: str) -> str:
        """The text of a field that must not be empty. Raises Unfinished."""
        if not (text := self.one(name).strip()):
            raise Unfinished(name)
        return text

    def numbers(self, stem: str) -> list[int]:
        """The positions of repeated parts: 0, 1 … of `where.0.property`, `where.1.property`."""
        found = {name.removeprefix(f"{stem}.").split(".")[0] for name in self.texts if name.startswith(f"{stem}.")}
        return sorted(int(number) for number in found if number.isdecimal() and len(number) <= MOST_DIGITS)

    def with_texts(self, **changed: Sequence[str]) -> "Line":
        return replace(self, texts={**self.texts, **{name: tuple(texts) for name, texts in changed.items()}})


@dataclass(frozen=True)
class Box:
    """A group: all of, any of, or none of its parts."""

    word: str = "all"
    parts: tuple["Line | Box", ...] = ()


Draft = Line | Box
Catalogue = Mapping[str, Feature]


# --- from a stored rule --------------------------------------------------------------------------


def draft_of(where: Any, features: Catalogue) -> Box:
    """The draft of a rule's `where`; a lone condition stands in a box of its own."""
    found = _draft(where, features)
    return found if isinstance(found, Box) else Box("all", (found,))


def _draft(where: Any, features: Catalogue) -> Draft:
    if isinstance(where, dict) and len(where) == 1:
        word, inner = next(iter(where.items()))
        if word in ("all", "any") and isinstance(inner, list):
            return Box(word, tuple(_draft(part, features) for part in inner))
        if word == "not":
            return Box("none", _ruled_out(inner, features))
    return line_of(where, features)


def _ruled_out(inner: Any, features: Catalogue) -> tuple[Draft, ...]:
    if isinstance(inner, dict) and list(inner) == ["any"] and isinstance(inner["any"], list) and len(inner["any"]) > 1:
        return tuple(_draft(part, features) for part in inner["any"])
    return (_draft(inner, features),)


def line_of(condition: Any, features: Catalogue) -> Line:
    """The line that says exactly this condition; what no line can say is kept as it is."""
    for word, kind in KINDS.items():
        if isinstance(condition, dict) and word in condition:
            line = Line(word, {name: tuple(texts) for name, texts in kind.texts(condition).items() if texts})
            if _says(line, condition, features):
                return line
    return Line("kept", {"json": (json.dumps(condition, ensure_ascii=False),)})


def _says(line: Line, condition: Any, features: Catalogue) -> bool:
    try:
        return bool(json_of(line, features) == condition)
    except (Unfinished, KeyError):
        return False


def written(value: Any) -> str:
    """A JSON value as it stands in a field."""
    if isinstance(value, bool):
        return "yes" if value else "no"
    return "" if value is None else str(value)


def _texts(given: Mapping[str, Any], *names: str) -> dict[str, list[str]]:
    """The named members as texts; lists become several."""
    found = {}
    for name in names:
        value = given.get(name)
        if value is not None and not isinstance(value, dict):
            write = quoted if name == "value" else written
            found[name] = [write(one) for one in value] if isinstance(value, list) else [write(value)]
    return found


def quoted(value: Any) -> str:
    """A value as it stands in a field: in quotation marks where the field would not keep it, such as the empty text."""
    text = written(value)
    return f'"{text}"' if value is not None and (text != text.strip() or unquoted(text) != text or not text) else text


def unquoted(text: str) -> str:
    """What a text of a field means: "" is the empty one."""
    inner = text.strip()
    return inner[1:-1] if len(inner) > 1 and inner[0] == inner[-1] == '"' else text


def _window_texts(window: Any) -> dict[str, list[str]]:
    if not isinstance(window, dict):
        return {}
    if "last_days" in window:
        return {"window": ["last"], "days": [written(window["last_days"])]}
    if "from_days_ago" in window:
        return {"window": ["ago"], "start": [written(window["from_days_ago"])], "end": [written(window["to_days_ago"])]}
    for side in SIDES:
        if isinstance(near := window.get(side), dict):
            found = {"window": [side], "which": [near.get("which", "first")], "near": _texts(near, "event")["event"]}
            return found | _tests_texts(near.get("where", []), "around")
    return {"window": ["dates"], **_texts(window, "from", "to")}


def _event_texts(given: Mapping[str, Any]) -> dict[str, list[str]]:
    found = _texts(given, "event", "measure", "op", "missing") | _window_texts(given.get("window"))
    found |= _tests_texts(given.get("where", []), "where")
    if given.get("measure") == "share":
        values = _texts(given, "value").get("value", [])
        return found | _tests_texts(given["of"], "among") | {"value": [_per_cent(text) for text in values]}
    return found | _of_texts(given) | _texts(given, "value")


def _of_texts(given: Mapping[str, Any]) -> dict[str, list[str]]:
    kind = "text" if given.get("measure") == "distinct" else "number"
    return {"of": [property_text(given["of"], kind)]} if "of" in given else {}


def _tests_texts(tests: Sequence[Any], stem: str) -> dict[str, list[str]]:
    """Conditions on the events themselves."""
    found: dict[str, list[str]] = {}
    for i, test in enumerate(tests):
        texts = _texts(test, "op", "value", "missing")
        texts["property"] = [property_text(test["property"], test.get("kind", "text"))]
        found |= {f"{stem}.{i}.{name}": own for name, own in texts.items()}
    return found


def _trend_texts(given: Mapping[str, Any]) -> dict[str, list[str]]:
    found = _texts(given, "trend", "measure", "days", "against", "op", "value", "missing")
    return found | _of_texts(given) | _tests_texts(given.get("where", []), "where")


def property_text(name: str, kind: str) -> str:
    """A property as it stands in a field: those only the source knows carry their kind, `properties.score|number`."""
    return f"{name}|{kind}" if name.startswith(tables.FREE_PREFIX) else name


def free_property(text: str) -> tuple[str, str]:
    """Name and kind of a property that only the source knows; of any other the text itself and no kind."""
    name, bar, kind = text.rpartition("|")
    return (name, kind) if bar and kind in tables.FREE_KINDS and name.startswith(tables.FREE_PREFIX) else (text, "")


def _per_cent(text: str) -> str:
    """A share from 0 to 1 as it stands in a field: 0.6 is 60."""
    try:
        return f"{Decimal(text) * 100:f}".rstrip("0").rstrip(".") if "." in text else f"{Decimal(text) * 100:f}"
    except InvalidOperation:
        return text


def _sequence_texts(given: Mapping[str, Any]) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for i, step in enumerate(given["sequence"]):
        found |= {f"steps.{i}.{name}": texts for name, texts in _texts(step, "event", "within_days", "happens").items()}
        found |= _tests_texts(step.get("where", []), f"steps.{i}.where")
        found |= _window_texts(step.get("window"))
    return found


# --- back to a rule ------------------------------------------------------------------------------


@dataclass(frozen=True)
class Assembled:
    """The JSON of a draft, and which part of the draft stands at which JSON path."""

    where: Any
    places: tuple[tuple[str, str], ...]

    @property
    def rule(self) -> dict[str, Any]:
        return {"version": 1, "where": self.where}

    def part_at(self, path: str) -> str:
        """The part of the draft that a fault's JSON path lies in."""
        inside = [(place, part) for place, part in self.places if path.startswith(place)]
        return max(inside, key=lambda pair: (len(pair[0]), len(pair[1])), default=("", ROOT))[1]


def assembled(draft: Box, features: Catalogue, *, skipped: Sequence[str] = ()) -> Assembled:
    """The whole rule without the skipped lines; without any line it is true for everyone. Raises Unfinished."""
    places: list[tuple[str, str]] = []
    is_lone = draft.word == "all" and len(_standing(draft, ROOT, skipped)) == 1
    path, part = _standing(draft, ROOT, skipped)[0] if is_lone else (ROOT, draft)
    where = _assembled(part, path, "where", features, skipped, places)
    return Assembled({"everyone": True} if where is None else where, tuple(places))


def _assembled(
    part: Draft, path: str, place: str, features: Catalogue, skipped: Sequence[str], places: list[tuple[str, str]]
) -> Any:
    places.append((place, path))
    if isinstance(part, Line):
        return json_of(part, features)
    inner = _standing(part, path, skipped)
    if not inner:
        return None
    if part.word == "none" and len(inner) == 1:
        return {"not": _assembled(inner[0][1], inner[0][0], f"{place}.not", features, skipped, places)}
    stem = f"{place}.not.any" if part.word == "none" else f"{place}.{part.word}"
    found = [_assembled(one, name, f"{stem}[{i}]", features, skipped, places) for i, (name, one) in enumerate(inner)]
    return {"not": {"any": found}} if part.word == "none" else {part.word: found}


def _standing(box: Box, path: str, skipped: Sequence[str]) -> list[tuple[str, Draft]]:
    """The parts of a box that say something, with their paths."""
    named = [(f"{path}.{i}", part) for i, part in enumerate(box.parts)]
    return [(name, part) for name, part in named if _says_something(part, name, skipped)]


def _says_something(part: Draft, path: str, skipped: Sequence[str]) -> bool:
    return path not in skipped if isinstance(part, Line) else bool(_standing(part, path, skipped))


def json_of(line: Line, features: Catalogue) -> Any:
    """The condition a line says. Raises Unfinished for an empty place, KeyError for an unknown feature."""
    if line.kind == "kept":
        return json.loads(line.one("json"))
    return KINDS[line.kind].read(line, features)


def _feature_json(line: Line, features: Catalogue) -> dict[str, Any]:
    feature = features[line.one("feature")]
    return {"feature": feature.key, **_comparison(line, feature.kind)}


def _comparison(line: Line, kind: str, stem: str = "") -> dict[str, Any]:
    op = line.needed(f"{stem}op")
    row = operators.BY_KEY.get(op)
    operand = row.operand if row else "value"
    value = {} if operand == "nothing" else {"value": value_of(line, f"{stem}value", operand, kind)}
    return {"op": op, **value, **({"missing": "yes"} if line.one(f"{stem}missing") == "yes" else {})}


def value_of(line: Line, name: str, operand: str, kind: str) -> Any:
    """What the texts of a field mean beside an operator; a text that is no number stays one, to be refused with a word.

    Raises Unfinished.
    """
    texts = [text.strip() if operand not in ("fragment", "pattern", "value") else text for text in line.many(name)]
    if not texts:
        raise Unfinished(name)
    if operand in LISTS:
        return [_meant(text, kind) for text in texts]
    if operand in CALENDAR:
        return [_meant(text, "number") for text in texts]
    if operand in ("pair", "date_pair"):
        if len(texts) < 2:
            raise Unfinished(name)
        return [_meant(text, kind if operand == "pair" else "date") for text in texts[:2]]
    return _meant(texts[0], "number" if operand in WHOLE else "text" if operand in ("fragment", "pattern") else kind)


def _meant(text: str, kind: str) -> Any:
    return MEANT[kind](text) if kind in MEANT else text


def _number(text: str) -> Any:
    plain = _plain(text)
    for read in (int, float):
        try:
            return read(plain)
        except ValueError:
            continue
    return text


def _money(text: str) -> Any:
    amount = _decimal(text)
    if amount is None:
        return text
    return int(amount) if amount == amount.to_integral_value() else str(amount)


def _plain(text: str) -> str:
    """A number without the spaces between thousands and with a point: 1 204,5 is 1204.5."""
    return "".join(text.split()).replace(",", ".").replace("−", "-")


def _truth(text: str) -> Any:
    return {"yes": True, "no": False}.get(text, text)


def _share(text: str) -> Any:
    """Per cent as a share: 60 is 0.6."""
    per_cent = _decimal(text)
    return text if per_cent is None else _money(f"{(per_cent / 100).normalize():f}")


def _decimal(text: str) -> Decimal | None:
    """An amount of a size that rules take; None for anything else, so that nobody writes out 1e999999999."""
    try:
        amount = Decimal(_plain(text))
    except InvalidOperation:
        return None
    return amount if amount.is_finite() and abs(amount.adjusted()) <= MOST_DIGITS_OF_AMOUNTS else None


MEANT: Final[dict[str, Callable[[str], Any]]] = {
    "text": unquoted,
    "list": unquoted,
    "number": _number,
    "money": _money,
    "truth": _truth,
    "share": _share,
}


def _window_json(line: Line) -> dict[str, Any]:
    match line.one("window"):
        case "last":
            return {"window": {"last_days": _number(line.needed("days"))}}
        case "ago":
            ends = {"from_days_ago": _number(line.needed("start")), "to_days_ago": _number(line.needed("end"))}
            return {"window": ends}
        case "dates":
            ends = {name: line.one(name) for name in ("from", "to") if line.one(name)}
            if not ends:
                raise Unfinished("from")
            return {"window": ends}
        case "before" | "after" as side:
            near = {"event": _types(line, "near"), **_tests_json(line, "around", line.needed("near"))}
            return {"window": {side: {**near, "which": line.one("which", "first")}}}
    return {}


def _event_json(line: Line, features: Catalogue) -> dict[str, Any]:
    event = line.needed("event")
    measure = measures.BY_KEY[line.one("measure", "count")]
    found: dict[str, Any] = {"event": _types(line, "event"), **_tests_json(line, "where", event), **_window_json(line)}
    found |= {"measure": measure.key} if measure.key != "count" else {}
    if measure.of == "conditions":
        found |= {"of": _tests_json(line, "among", event).get("where") or _nothing("among")}
    elif measure.of != "nothing":
        found |= {"of": _property(line, "of", "of_name")[0]}
    return found | _comparison(line, answer_kind(measure))


def _types(line: Line, name: str) -> str | list[str]:
    """One kind of events or several: fields of one name. Raises Unfinished."""
    line.needed(name)
    found = line.many(name)
    return found[0] if len(found) == 1 else found


def _property(line: Line, field: str, own: str) -> tuple[str, str]:
    """Name and kind of a property; the name of one that is not among the known stands in a field of its own."""
    name, kind = free_property(line.needed(field))
    return (name + line.needed(own) if name == tables.FREE_PREFIX else name), kind


def answer_kind(measure: measures.Measure) -> str:
    """The kind the value beside a measure is read as."""
    return {"days": "number"}.get(measure.answer, measure.answer)


def _nothing(name: str) -> Any:
    raise Unfinished(name)


def _tests_json(line: Line, stem: str, event: str) -> dict[str, Any]:
    tests = [_test_json(line, f"{stem}.{i}.", event) for i in line.numbers(stem)]
    return {"where": tests} if tests else {}


def _test_json(line: Line, stem: str, event: str) -> dict[str, Any]:
    name, kind = _property(line, f"{stem}property", f"{stem}name")
    told = {"kind": kind} if kind not in ("", "text") else {}
    return {"property": name, **told, **_comparison(line, kind or property_kind(event, name), stem)}


def property_kind(event: str, text: str) -> str:
    """The kind of a property by the text of its field."""
    name, kind = free_property(text)
    return kind or tables.properties_of((event,)).get(name, ("", "text"))[1]


def _sequence_json(line: Line, features: Catalogue) -> dict[str, Any]:
    return {"sequence": [_step_json(line, f"steps.{i}.", i) for i in line.numbers("steps")]}


def _step_json(line: Line, stem: str, position: int) -> dict[str, Any]:
    within = line.one(f"{stem}within_days")
    event = line.needed(f"{stem}event")
    found: dict[str, Any] = {"event": _types(line, f"{stem}event"), **_tests_json(line, f"{stem}where", event)}
    found |= _window_json(line) if position == 0 else {}
    found |= {"within_days": _number(within)} if within else {}
    return found | ({"happens": False} if line.one(f"{stem}happens") == "no" else {})


def _trend_json(line: Line, features: Catalogue) -> dict[str, Any]:
    measure, row = measures.BY_KEY[line.one("measure", "count")], measures.TRENDS_BY_KEY[line.needed("op")]
    event = line.needed("trend")
    found: dict[str, Any] = {"trend": _types(line, "trend"), **_tests_json(line, "where", event)}
    found |= {"measure": measure.key} if measure.key != "count" else {}
    found |= {"of": _property(line, "of", "of_name")[0]} if measure.of != "nothing" else {}
    found |= {"days": _number(line.needed("days")), "against": line.one("against", "before"), "op": row.key}
    if row.operand != "nothing":
        found["value"] = _money(line.needed("value"))
    return found | ({"missing": "yes"} if line.one("missing") == "yes" else {})


def _segment_json(line: Line, features: Catalogue) -> dict[str, Any]:
    op = line.one("op", "in")
    found = {"segment": line.needed("segment"), "op": op}
    if op in ("entered", "left"):
        return {**found, "last_days": _number(line.needed("last_days"))}
    return {**found, "on": line.one("on")} if line.one("on") else found


def _consent_json(line: Line, features: Catalogue) -> dict[str, Any]:
    return {"consent": line.needed("consent"), "channel": line.needed("channel")}


def _response_json(line: Line, features: Catalogue) -> dict[str, Any]:
    campaign = {"campaign": line.one("campaign")} if line.one("campaign") else {}
    return {"response": line.needed("response"), **campaign, **_window_json(line)}


@dataclass(frozen=True)
class Kind:
    """One kind of line: its JSON as texts, its texts as JSON."""

    texts: Callable[[Any], dict[str, list[str]]]
    read: Callable[[Line, Catalogue], Any]


def _named(*names: str) -> Callable[[Any], dict[str, list[str]]]:
    return lambda given: _texts(given, *names)


KINDS: Final[dict[str, Kind]] = {
    "feature": Kind(_named("feature", "op", "value", "missing"), _feature_json),
    "event": Kind(_event_texts, _event_json),
    "sequence": Kind(_sequence_texts, _sequence_json),
    "trend": Kind(_trend_texts, _trend_json),
    "segment": Kind(_named("segment", "op", "on", "last_days"), _segment_json),
    "consent": Kind(_named("consent", "channel"), _consent_json),
    "reachable": Kind(_named("reachable"), lambda line, _: {"reachable": line.needed("reachable")}),
    "response": Kind(
        lambda given: _texts(given, "response", "campaign") | _window_texts(given.get("window")), _response_json
    ),
    "everyone": Kind(_named("everyone"), lambda line, _: {"everyone": True}),
}


# --- from and to a form --------------------------------------------------------------------------


def read_form(sent: Mapping[str, Any], getlist: Callable[[str], list[str]]) -> Box:
    """The draft a form sent. Names are `r.0.1:op`: a part's path and one of its fields."""
    by_part: dict[str, dict[str, tuple[str, ...]]] = {}
    for name in sent:
        part, colon, own = name.partition(":")
        if colon and is_path(part):
            by_part.setdefault(part, {})[own] = tuple(getlist(name))
    inner: dict[str, list[str]] = {}
    for part in sorted(by_part, key=lambda path: int(path.rpartition(".")[2]) if path != ROOT else 0):
        inner.setdefault(part.rpartition(".")[0], []).append(part)
    found = _read_part(by_part, inner, ROOT)
    return found if isinstance(found, Box) else Box()


def is_path(text: str) -> bool:
    """Whether the text is the place of a part, no deeper than a rule may be."""
    root, *steps = text.split(".")
    is_short = len(steps) <= DEEPEST
    return root == ROOT and is_short and all(step.isdecimal() and len(step) <= MOST_DIGITS for step in steps)


def _read_part(
    by_part: Mapping[str, dict[str, tuple[str, ...]]], inner: Mapping[str, Sequence[str]], path: str
) -> Draft:
    own = dict(by_part.get(path, {}))
    kind = next(iter(own.pop("kind", ())), "")
    if kind in KINDS or kind == "kept":
        return Line(kind, own)
    word = next(iter(own.get("word", ())), "all")
    parts = tuple(_read_part(by_part, inner, name) for name in inner.get(path, ()))
    return Box(word if word in WORDS else "all", parts)


def lines(draft: Draft, path: str = ROOT) -> Iterator[tuple[str, Line]]:
    """Every line with its path, in the written order."""
    if isinstance(draft, Line):
        yield path, draft
        return
    for i, part in enumerate(draft.parts):
        yield from lines(part, f"{path}.{i}")


# --- changes -------------------------------------------------------------------------------------


def at(draft: Draft, path: str) -> Draft | None:
    """The part at a path; None when there is none."""
    for step in path.split(".")[1:]:
        is_place = step.isdecimal() and len(step) <= MOST_DIGITS
        if not (isinstance(draft, Box) and is_place and int(step) < len(draft.parts)):
            return None
        draft = draft.parts[int(step)]
    return draft


def with_part(draft: Box, path: str, change: Callable[[Draft], Draft | None]) -> Box:
    """The draft with the part at the path changed, or taken out when the change gives None."""
    found = _with_part(draft, [int(step) for step in path.split(".")[1:] if step.isdecimal()], change)
    return found if isinstance(found, Box) else Box()


def _with_part(draft: Draft, steps: list[int], change: Callable[[Draft], Draft | None]) -> Draft | None:
    if not steps:
        return change(draft)
    if isinstance(draft, Line) or steps[0] >= len(draft.parts):
        return draft
    changed = _with_part(draft.parts[steps[0]], steps[1:], change)
    between = () if changed is None else (changed,)
    return replace(draft, parts=(*draft.parts[: steps[0]], *between, *draft.parts[steps[0] + 1 :]))


def added(draft: Box, path: str, part: Draft) -> Box:
    """With the part at the end of the box at the path."""
    return with_part(draft, path, lambda box: replace(box, parts=(*box.parts, part)) if isinstance(box, Box) else box)


def removed(draft: Box, path: str) -> Box:
    return with_part(draft, path, lambda _: None) if path != ROOT else Box(draft.word)


def placed(draft: Box, path: str, box_path: str, position: int) -> tuple[Box, str]:
    """With the part at a place of any box, and its new path; a group does not go into itself."""
    part, box = at(draft, path), at(draft, box_path)
    if part is None or path == ROOT or not isinstance(box, Box) or f"{box_path}.".startswith(f"{path}."):
        return draft, path
    mark = Line("moved")
    marked = with_part(draft, path, lambda _: mark)
    marked = with_part(marked, box_path, lambda into: inserted(into, max(0, position), part))
    found = with_part(marked, next(name for name, one in lines(marked) if one is mark), lambda _: None)
    return found, next(name for name, one in _parts(found) if one is part)


def inserted(box: Draft, position: int, part: Draft) -> Draft:
    if isinstance(box, Line):
        return box
    return replace(box, parts=(*box.parts[:position], part, *box.parts[position:]))


def _parts(draft: Draft, path: str = ROOT) -> Iterator[tuple[str, Draft]]:
    yield path, draft
    for i, part in enumerate(draft.parts if isinstance(draft, Box) else ()):
        yield from _parts(part, f"{path}.{i}")


def moved(draft: Box, path: str, by: int) -> tuple[Box, str]:
    """With the part one place up or down in its box, and its new path; at the end of the box it stays."""
    parent, _, last = path.rpartition(".")
    box = at(draft, parent) if parent else None
    if not isinstance(box, Box):
        return draft, path
    here, there = int(last), int(last) + by
    if not 0 <= there < len(box.parts) or here >= len(box.parts):
        return draft, path
    parts = list(box.parts)
    parts[here], parts[there] = parts[there], parts[here]
    return with_part(draft, parent, lambda _: replace(box, parts=tuple(parts))), f"{parent}.{there}"

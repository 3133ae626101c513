"""The JSON Schema of rules (draft 2020-12), made from the same tables the reader checks against."""

from collections.abc import Collection, Iterable, Mapping
from typing import Any, Final

from profiles.catalogue import KINDS, Feature
from segments.rules import measures, operators, reading, tables, tree
from segments.rules.operands import OPERANDS, SCHEMAS

Schema = dict[str, Any]
DIALECT: Final = "https://json-schema.org/draft/2020-12/schema"
MISSING: Final[Schema] = {"enum": ["no", "yes"], "default": "no"}
NAME: Final[Schema] = {"type": "string", "minLength": 1, "maxLength": reading.LONGEST_NAME}
DAYS: Final[Schema] = {"type": "integer", "minimum": 0, "maximum": 36_500}
DATE: Final[Schema] = SCHEMAS["date"]


def rule_schema(catalogue: Mapping[str, Feature] | None = None) -> Schema:
    """The schema of a whole rule; with a catalogue, features are listed with their own operators and choices."""
    definitions = {
        "node": {"anyOf": [_ref(name) for name in reading.NODES]},
        "events": {"anyOf": [NAME, _array(NAME, 50)]},
        "window": {"anyOf": [*_windows()]},
        "test": {"anyOf": [*_tests()]},
        "all": _object({"all": _array(_ref("node"), reading.MOST_NODES)}),
        "any": _object({"any": _array(_ref("node"), reading.MOST_NODES)}),
        "not": _object({"not": _ref("node")}),
        "everyone": _object({"everyone": {"const": True}}),
        "feature": {"anyOf": [*_features(catalogue)]},
        "event": {"anyOf": [*_events()]},
        "sequence": _sequence(),
        "trend": {"anyOf": [*_trends()]},
        "segment": {"anyOf": [*_segments()]},
        "consent": _object({"consent": NAME, "channel": NAME}),
        "reachable": _object({"reachable": NAME}),
        "response": _object(
            {"response": {"enum": [*measures.RESPONSES]}}, {"campaign": NAME, "window": _ref("window")}
        ),
    }
    body = _object({"version": {"const": tree.VERSION}, "where": _ref("node")})
    return {"$schema": DIALECT, "title": "Segment rule", **body, "$defs": definitions}


def _ref(name: str) -> Schema:
    return {"$ref": f"#/$defs/{name}"}


def _array(items: Schema, most: int, least: int = 1) -> Schema:
    return {"type": "array", "items": items, "minItems": least, "maxItems": most}


def _object(required: Schema, optional: Schema | None = None) -> Schema:
    return {
        "type": "object",
        "properties": {**required, **(optional or {})},
        "required": [*required],
        "additionalProperties": False,
    }


def _compared(kind: str, keys: Iterable[str], before: Schema, choices: Collection[str] = ()) -> Iterable[Schema]:
    """One object per operator: the operator's key, its value, and what a missing value means."""
    for key in keys:
        operand = operators.BY_KEY[key].operand
        value = OPERANDS[operand].schema(kind)
        value = _within(value, choices) if choices else value
        required = {**before, "op": {"const": key}}
        if operand == "nothing":
            yield _object(required, {"value": value, "missing": MISSING})
        else:
            yield _object({**required, "value": value}, {"missing": MISSING})


def _within(value: Schema, choices: Collection[str]) -> Schema:
    if value.get("type") == "array":
        return {**value, "items": {"enum": [*choices]}}
    return {"enum": [*choices]} if value.get("type") == "string" else value


def _features(catalogue: Mapping[str, Feature] | None) -> Iterable[Schema]:
    if catalogue is None:
        for kind in KINDS:
            yield from _compared(kind, operators.fitting(kind), {"feature": NAME})
        return
    for feature in catalogue.values():
        before = {"feature": {"const": feature.key}}
        yield from _compared(feature.kind, operators.fitting(feature.kind), before, feature.choices)


def _tests() -> Iterable[Schema]:
    fixed = {**tables.EVENT_PROPERTIES, **tables.LINE_PROPERTIES}
    for kind in sorted({kind for _, kind in fixed.values()}):
        names = [name for name, (_, one) in fixed.items() if one == kind]
        before = {"property": {"enum": names}}
        for found in _compared(kind, operators.fitting(kind, is_ranked=False), before):
            yield {**found, "properties": {**found["properties"], "kind": {"const": kind}}}
    for kind in tables.FREE_KINDS:
        for found in _compared(kind, operators.fitting(kind, is_ranked=False), {"property": _free()}):
            named = {**found, "properties": {**found["properties"], "kind": {"const": kind}}}
            yield named if kind == "text" else {**named, "required": [*named["required"], "kind"]}


def _free() -> Schema:
    return {"type": "string", "pattern": "^properties\\..+", "maxLength": len(tables.FREE_PREFIX) + 100}


def _selection(word: str) -> tuple[Schema, Schema]:
    return {word: _ref("events")}, {"where": _array(_ref("test"), reading.MOST_NODES, 0)}


def _windows() -> Iterable[Schema]:
    yield _object({"last_days": DAYS})
    yield _object({"from_days_ago": DAYS, "to_days_ago": DAYS})
    yield {**_object({}, {"from": DATE, "to": DATE}), "minProperties": 1}
    required, optional = _selection("event")
    other = _object(required, {**optional, "which": {"enum": ["first", "last"]}})
    yield _object({"before": other})
    yield _object({"after": other})


def _events() -> Iterable[Schema]:
    required, optional = _selection("event")
    optional = {**optional, "window": _ref("window")}
    yield _object(required, {**optional, "measure": {"const": "count"}, "missing": MISSING})
    for row in measures.MEASURES:
        measure = {"measure": {"const": row.key}}
        before = {**required, **({} if row.key == "count" else measure), **_of(row)}
        for found in _answers(row, before):
            extra = {**optional, **(measure if row.key == "count" else {})}
            yield {**found, "properties": {**found["properties"], **extra}}


def _of(row: measures.Measure) -> Schema:
    if row.of == "nothing":
        return {}
    return {"of": _array(_ref("test"), reading.MOST_NODES) if row.of == "conditions" else NAME}


def _answers(row: measures.Measure, before: Schema) -> Iterable[Schema]:
    if row.answer == "datetime":
        keys = [key for key in operators.fitting("datetime") if key not in ("is_missing", "is_present")]
        return _compared("datetime", keys, before)
    kind = "number" if row.answer in ("number", "days") else "money"
    return _compared(kind, measures.comparisons(row), before)


def _sequence() -> Schema:
    required, optional = _selection("event")
    within = {"within_days": {"type": "integer", "minimum": 1, "maximum": 3650}, "happens": {"type": "boolean"}}
    step = _object(required, {**optional, **within, "window": _ref("window")})
    return _object({"sequence": _array(step, reading.MOST_STEPS, 2)})


def _trends() -> Iterable[Schema]:
    required, optional = _selection("trend")
    span = {"type": "integer", "minimum": 1, "maximum": reading.MOST_TREND_DAYS}
    optional |= {"measure": {"enum": [*measures.TREND_MEASURES]}, "of": NAME, "days": span, "missing": MISSING}
    optional |= {"against": {"enum": [*measures.AGAINST]}}
    for row in measures.TRENDS:
        found = {**required, "op": {"const": row.key}}
        yield (
            _object(found, optional)
            if row.operand == "nothing"
            else _object({**found, "value": {"type": ["number", "string"]}}, optional)
        )


def _segments() -> Iterable[Schema]:
    yield _object({"segment": NAME}, {"op": {"enum": ["in", "not_in"]}, "on": DATE})
    yield _object({"segment": NAME, "op": {"enum": ["entered", "left"]}, "last_days": DAYS})

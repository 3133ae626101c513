"""A mapping as people edit it: column by column for customers, part by part for orders and events."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from crm.imports.suggestion import Preview, field_of
from crm.imports.values import Style

SAMPLES = 3
CONSENT = "consent:"
FIELD = "field"
LEFT_OUT = ""

# The parts of an order and of an event that a column may fill: where they stand in the mapping.
PARTS: dict[str, dict[str, tuple[str, ...]]] = {
    "customers": {"number": ("number",)},
    "orders": {
        "number": ("number",),
        "customer": ("customer", "number"),
        "ordered_at": ("ordered_at",),
        "sku": ("line", "sku"),
        "description": ("line", "description"),
        "category": ("line", "category"),
        "quantity": ("line", "quantity"),
        "unit_amount": ("line", "unit_amount"),
        "amount": ("line", "amount"),
        "channel": ("channel",),
        "country": ("country",),
    },
    "events": {
        "id": ("id",),
        "customer": ("customer", "number"),
        "anonymous_id": ("anonymous_id",),
        "type": ("type",),
        "occurred_at": ("occurred_at",),
        "value": ("value",),
        "channel": ("channel",),
        "category": ("category",),
    },
}


@dataclass(frozen=True)
class ColumnRow:
    """A column of the file with sample values, and what it fills at present."""

    place: int
    column: str
    samples: list[str]
    to: str
    type: str
    dimension: str
    is_number: bool


@dataclass(frozen=True)
class Choice:
    """What a person chose for one column."""

    column: str
    to: str
    type: str
    dimension: str


def column_rows(document: dict[str, Any], preview: Preview) -> list[ColumnRow]:
    """The columns of a file of customers, as the mapping has them."""
    samples = samples_of(preview)
    numbers = columns_of(document.get("number"))
    return [
        ColumnRow(place, column, samples[column][:SAMPLES], *_now(document, column, samples[column]), column in numbers)
        for place, column in enumerate(preview.columns)
    ]


def samples_of(preview: Preview) -> dict[str, list[str]]:
    """Values of each column that are not empty."""
    return {
        column: [row[place].strip() for row in preview.rows if place < len(row) and row[place].strip()]
        for place, column in enumerate(preview.columns)
    }


def _now(document: dict[str, Any], column: str, samples: list[str]) -> tuple[str, str, str]:
    spec = (document.get("columns") or {}).get(column)
    usual = field_of(column, samples, Style())
    for consent in document.get("consents") or []:
        if consent.get("column") == column:
            return CONSENT + consent.get("channel", "email"), usual["type"], usual["dimension"]
    if isinstance(spec, str):
        return spec, usual["type"], usual["dimension"]
    if isinstance(spec, dict) and "field" in spec:
        return FIELD, spec.get("type", "text"), spec.get("dimension", usual["dimension"])
    return (spec or {}).get("to") or LEFT_OUT, usual["type"], usual["dimension"]


def edited_columns(document: dict[str, Any], choices: Iterable[Choice], preview: Preview) -> dict[str, Any]:
    """The mapping with these choices; what was said of a column beyond them stays while its choice stays."""
    samples = samples_of(preview)
    columns: dict[str, Any] = {}
    consents = []
    for choice in choices:
        if choice.to.startswith(CONSENT):
            consents.append(_consent(document, choice))
        elif choice.to != LEFT_OUT or choice.column in (document.get("columns") or {}):
            columns[choice.column] = _spec(document, choice, samples[choice.column])
    rest = {name: value for name, value in document.items() if name not in ("columns", "consents")}
    return {**rest, "columns": columns, **({"consents": consents} if consents else {})}


def _consent(document: dict[str, Any], choice: Choice) -> dict[str, Any]:
    channel = choice.to.removeprefix(CONSENT)
    for consent in document.get("consents") or []:
        if consent.get("column") == choice.column:
            return {**consent, "channel": channel}
    return {"column": choice.column, "purpose": "marketing", "channel": channel}


def _spec(document: dict[str, Any], choice: Choice, samples: list[str]) -> Any:
    before = (document.get("columns") or {}).get(choice.column)
    if choice.to == LEFT_OUT:
        return None
    if choice.to != FIELD:
        return {**before, "to": choice.to} if isinstance(before, dict) and "to" in before else choice.to
    if not (isinstance(before, dict) and "field" in before):
        before = field_of(choice.column, samples, Style())
    spec = {**before, "type": choice.type, "dimension": choice.dimension}
    if choice.type == "choice" and not spec.get("choices"):
        spec["choices"] = sorted(set(samples))[:50]
    return spec


def columns_of(document: Any) -> set[str]:
    """Every text of a mapping document: the columns it speaks of are among them."""
    if isinstance(document, dict):
        return set().union(*map(columns_of, document.values()))
    if isinstance(document, list):
        return set().union(*map(columns_of, document))
    return {document} if isinstance(document, str) else set()


def part_of(document: dict[str, Any], path: Sequence[str]) -> str:
    """The column that stands at a path of the mapping; empty when none or when it is more than a column."""
    value: Any = document
    for name in path:
        value = value.get(name) if isinstance(value, dict) else value if name == "number" else None
    if isinstance(value, dict):
        value = value.get("column")
    return value if isinstance(value, str) else ""


def edited_part(document: dict[str, Any], path: Sequence[str], column: str) -> dict[str, Any]:
    """The mapping with a column at the path; the same column leaves what else was said there."""
    if part_of(document, path) == column:
        return document
    head, *rest = path
    if not rest:
        return _with(document, head, column)
    inner = document.get(head)
    inner = inner if isinstance(inner, dict) else {"number": inner} if inner else {}
    inner = edited_part(inner, rest, column)
    is_empty = not inner.get("number") if head == "customer" else not inner
    return {name: value for name, value in document.items() if name != head} if is_empty else {**document, head: inner}


def _with(document: dict[str, Any], name: str, column: str) -> dict[str, Any]:
    rest = {other: value for other, value in document.items() if other != name}
    return {**rest, name: column} if column else rest

"""Mappings: a JSON document that says how the columns of a file become customers, orders or events."""

import codecs
import re
import zoneinfo
from collections.abc import Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from fnmatch import translate
from typing import Any

from crm.imports.places import MappingError, Place
from crm.imports.reading import MIXED, SPLITTERS, FileForm
from crm.imports.values import PARSERS, Style
from crm.models.consent import Channel, Purpose
from crm.models.customer import Dimension, FieldType, Sensitivity, Stage
from crm.models.imports import ImportKind
from crm.models.order import OrderKind

__all__ = ["Mapping", "MappingError", "read_mapping"]

# Columns of a customer that a file may fill: how the cell is read, and the longest text that fits.
BUILT_INS: dict[str, tuple[str, int]] = {
    "first_name": ("text", 120),
    "last_name": ("text", 120),
    "email": ("email", 254),
    "phone": ("phone", 20),
    "language": ("text", 10),
    "time_zone": ("text", 60),
    "birth_date": ("date", 0),
    "gender": ("text", 20),
    "street": ("text", 200),
    "postal_code": ("text", 20),
    "city": ("text", 120),
    "country": ("text", 60),
    "stage": ("choice", 12),
    "created_at": ("datetime", 0),
}
FULL_NAME = "full_name"
ESCAPING = ("utf-7", "unicode-escape", "raw-unicode-escape", "punycode", "idna")  # may make signs that no text holds
NUMBER_LENGTH = 64
COMMON = ("kind", "source", "file", "style", "note")
FIELD_KEY = re.compile(r"[a-z][a-z0-9_]{0,59}")


@dataclass(frozen=True)
class Key:
    """What tells rows apart: one column or several joined, with an optional prefix."""

    columns: tuple[str, ...]
    separator: str = "-"
    prefix: str = ""
    is_lower: bool = False

    def of(self, cells: Sequence[str], places: Sequence[int]) -> str:
        """The key of a row, given where its columns stand; empty when a part of it is missing."""
        try:
            parts = [cells[place].strip() for place in places]
        except IndexError:
            return ""
        if not all(parts):
            return ""
        key = self.prefix + self.separator.join(parts)
        return key.lower() if self.is_lower else key


@dataclass(frozen=True)
class FieldForm:
    """A custom field as the mapping wants it: made when there is none with this key."""

    key: str
    label: str
    label_fi: str
    type: str
    dimension: str
    unit: str
    choices: tuple[str, ...]
    sensitivity: str


@dataclass(frozen=True)
class Target:
    """Columns of the file that fill one column of a customer or one custom field, and what to expect of the values."""

    columns: tuple[str, ...]
    name: str
    type: str
    longest: int = 0
    separator: str = " "
    form: FieldForm | None = None
    values: dict[str, str] = field(default_factory=dict)
    choices: frozenset[str] = frozenset()
    low: Decimal | None = None
    high: Decimal | None = None
    fillers: frozenset[Decimal] = frozenset()
    is_expected: bool = False
    is_required: bool = False

    @property
    def title(self) -> str:
        return " + ".join(self.columns)


@dataclass(frozen=True)
class Sum:
    """The sum of some columns, or a plain number."""

    columns: tuple[str, ...] = ()
    constant: Decimal = Decimal(0)


@dataclass(frozen=True)
class Comparison:
    left: Sum
    sign: str
    right: Sum


@dataclass(frozen=True)
class Check:
    """Something that should not be true of a row: a warning when all comparisons hold."""

    code: str
    message: str
    comparisons: tuple[Comparison, ...]


@dataclass(frozen=True)
class ConsentForm:
    """A yes/no column that grants or withdraws consent; `at_column` says when the person said so."""

    column: str
    purpose: str
    channel: str
    at_column: str
    evidence: dict[str, str]


@dataclass(frozen=True)
class CustomerForm:
    """How an order or event names its customer; unknown ones are made, refused, or the row stays without one."""

    key: Key | None
    unknown: str
    country: str = ""


@dataclass(frozen=True)
class OrderForm:
    """Columns of an order, one row a line. `product_codes` tells stock codes of goods from fees and vouchers."""

    customer: CustomerForm
    currency: str
    ordered_at: str
    channel: str
    channel_value: str
    country: str
    sku: str
    description: str
    quantity: str
    unit_amount: str
    amount: str
    category: str
    product_codes: re.Pattern[str] | None
    prefixes: dict[str, str]
    negative_total: str
    negative_quantity: str


@dataclass(frozen=True)
class EventForm:
    """Columns of an event; `type_value` when every row is of one type."""

    customer: CustomerForm
    anonymous_id: str
    type: str
    type_value: str
    occurred_at: str
    value: str
    channel: str
    channel_value: str
    category: str
    properties: dict[str, str]


@dataclass(frozen=True)
class Mapping:
    """A mapping that has been read and found sound."""

    kind: str
    source: str
    file: FileForm
    style: Style
    key: Key
    targets: tuple[Target, ...] = ()
    constants: dict[str, str] = field(default_factory=dict)
    consents: tuple[ConsentForm, ...] = ()
    checks: tuple[Check, ...] = ()
    notes: dict[str, str] = field(default_factory=dict)
    order: OrderForm | None = None
    event: EventForm | None = None
    is_keyed_by_row: bool = False

    def columns(self) -> set[str]:
        """Every column of the file that the mapping speaks of."""
        named = set(self.key.columns) | set(self.notes)
        for target in self.targets:
            named |= set(target.columns)
        for consent in self.consents:
            named |= {consent.column, consent.at_column}
        for check in self.checks:
            for comparison in check.comparisons:
                named |= set(comparison.left.columns) | set(comparison.right.columns)
        for form in (self.order, self.event):
            named |= _columns_of(form) if form else set()
        return named - {""}


def _columns_of(form: OrderForm | EventForm) -> set[str]:
    names = {"ordered_at", "channel", "country", "sku", "description", "quantity", "unit_amount", "amount", "category"}
    names |= {"anonymous_id", "type", "occurred_at", "value"}
    named = {getattr(form, name, "") for name in names} | {form.customer.country}
    named |= set(form.customer.key.columns) if form.customer.key else set()
    return named | set(getattr(form, "properties", {}).values())


def read_mapping(document: Any, kind: str = "") -> Mapping:
    """Read a mapping; raises `MappingError` naming the faulty place. `kind` is what the caller is going to import."""
    place = Place(document).members()
    found = place["kind"].choice(ImportKind.values, default=kind or None)
    if kind and found != kind:
        raise place["kind"].refuse(f"is “{found}”, but {kind} are to be imported")
    return READERS[found](place)


def check_columns(mapping: Mapping, columns: Sequence[str]) -> None:
    """Raise `MappingError` when the mapping speaks of a column that the file has not."""
    missing = sorted(mapping.columns() - set(columns))
    if missing:
        has = ", ".join(column for column in columns if column)
        raise MappingError(f"columns.{missing[0]}", f"the file has no column “{missing[0]}”; it has {has}"[:600])


def _shared(place: Place) -> dict[str, Any]:
    return {
        "source": place["source"].text("import", 60) or "import",
        "file": _file(place["file"]),
        "style": _style(place["style"]),
    }


def _file(place: Place) -> FileForm:
    if not place:
        return FileForm()
    place.members("format", "delimiter", "encoding", "header", "columns", "widths", "sheet")
    columns = place["columns"].texts()
    form = FileForm(
        format=place["format"].choice((*SPLITTERS, "xlsx"), default=""),
        delimiter=place["delimiter"].text("", 1),
        encoding=_encoding(place["encoding"]),
        has_header=place["header"].truth(default=not columns),
        columns=columns,
        widths=tuple(int(width) for width in place["widths"].numbers()),
        sheet=place["sheet"].text(""),
    )
    if form.format == "fixed" and (not form.widths or min(form.widths) < 1):
        raise place["widths"].refuse("is needed for the format “fixed”: a list of whole numbers above 0")
    if not form.has_header and not columns:
        raise place["columns"].refuse("is needed when the file has no header")
    return form


def _encoding(place: Place) -> str:
    name = place.text("", 30)
    if name in ("", MIXED):
        return name
    try:
        b"A1".decode(name, "ignore")  # hex, rot13 and the like are codecs too, and make no text
        found = codecs.lookup(name).name
    except (LookupError, ValueError):
        found = ""
    if found in ("", *ESCAPING):
        raise place.refuse(f"“{name}” is not an encoding; utf-8, utf-16 and cp1252 are the usual ones")
    return found


def _style(place: Place) -> Style:
    if not place:
        return Style()
    place.members("decimal", "dates", "time_zone", "region")
    zone = place["time_zone"].text("UTC")
    if zone not in zoneinfo.available_timezones():
        raise place["time_zone"].refuse(f"“{zone}” is not a time zone; write it like Europe/Helsinki")
    return Style(
        decimal=place["decimal"].choice((".", ","), default=""),
        dates=place["dates"].choice(("dmy", "mdy"), default=""),
        zone=zone,
        region=place["region"].text("FI", 2).upper(),
    )


def _key(place: Place) -> Key:
    if not place:
        raise place.refuse("is needed: the column that tells rows apart")
    if isinstance(place.value, str):
        return Key((place.needed_text(),))
    place.members("column", "join", "separator", "prefix", "lower")
    columns = place["join"].texts() if place["join"] else (place["column"].needed_text(),)
    if not columns:
        raise place["join"].refuse("must name at least one column")
    return Key(columns, place["separator"].text("-", 5), place["prefix"].text("", 20), place["lower"].truth())


# --- customers -------------------------------------------------------------------------------------


def _customers(place: Place) -> Mapping:
    place.members(*COMMON, "number", "columns", "composed", "constants", "consents", "checks")
    targets, notes = [], {}
    for column, spot in place["columns"].each_member() if place["columns"] else ():
        if isinstance(spot.value, dict) and spot["note"]:
            notes[column] = spot["note"].text()
        if target := _target(spot, (column,)):
            targets.append(target)
    targets += [_composed(spot) for spot in place["composed"].each()] if place["composed"] else []
    _refuse_repeats(place["columns"], targets)
    return Mapping(
        kind="customers",
        key=_key(place["number"]),
        targets=tuple(targets),
        constants=_constants(place["constants"]),
        consents=tuple(_consent(spot) for spot in place["consents"].each()) if place["consents"] else (),
        checks=tuple(_check(spot) for spot in place["checks"].each()) if place["checks"] else (),
        notes=notes,
        **_shared(place),
    )


EXPECTATIONS = ("values", "min", "max", "fillers", "expected", "required", "note")
FIELD_MEMBERS = ("field", "label", "label_fi", "type", "dimension", "unit", "choices", "sensitivity")


def _target(place: Place, columns: tuple[str, ...], separator: str = " ") -> Target | None:
    """What a column fills: `null` leaves it out, a text names a column of the customer, an object says more."""
    if not place:
        return None
    if isinstance(place.value, str):
        return _built_in(place, place, columns, separator)
    if place.members()["field"]:
        place.members(*FIELD_MEMBERS, *EXPECTATIONS, "columns", "separator")
        return _custom(place, columns, separator)
    place.members("to", *EXPECTATIONS, "columns", "separator")
    return _built_in(place["to"], place, columns, separator) if place["to"] else None


def _composed(place: Place) -> Target:
    columns = place.members()["columns"].texts()
    target = _target(place, columns, place["separator"].text(" ", 5))
    if target is None or not columns:
        raise place.refuse("must name its “columns” and where they go: “to” or “field”")
    return target


def _built_in(name: Place, place: Place, columns: tuple[str, ...], separator: str) -> Target:
    chosen = name.choice((*BUILT_INS, FULL_NAME))
    kind, longest = BUILT_INS.get(chosen, ("text", 240))
    expectations = _expectations(place) if isinstance(place.value, dict) else {}
    if chosen == "stage":
        expectations["choices"] = frozenset(Stage.values)
    return Target(columns, chosen, kind, longest, separator, **expectations)


def _custom(place: Place, columns: tuple[str, ...], separator: str) -> Target:
    key = place["field"].needed_text(60)
    if not FIELD_KEY.fullmatch(key) or key in BUILT_INS or key in ("number", FULL_NAME):
        raise place["field"].refuse(f"“{key}” cannot be a key: a-z, 0-9 and _, beginning with a letter, not a column")
    form = FieldForm(
        key=key,
        label=place["label"].text(key.replace("_", " ").capitalize(), 120),
        label_fi=place["label_fi"].text("", 120),
        type=place["type"].choice(FieldType.values, default="text"),
        dimension=place["dimension"].choice(Dimension.values),
        unit=place["unit"].text("", 20),
        choices=place["choices"].texts(),
        sensitivity=place["sensitivity"].choice(Sensitivity.values, default="normal"),
    )
    return Target(
        columns, key, form.type, 1000, separator, form, choices=frozenset(form.choices), **_expectations(place)
    )


def _expectations(place: Place) -> dict[str, Any]:
    return {
        "values": {name: spot.text() for name, spot in place["values"].each_member()} if place["values"] else {},
        "low": place["min"].optional_number(),
        "high": place["max"].optional_number(),
        "fillers": frozenset(place["fillers"].numbers()),
        "is_expected": place["expected"].truth(),
        "is_required": place["required"].truth(),
    }


def _refuse_repeats(place: Place, targets: list[Target]) -> None:
    seen: dict[str, str] = {}
    for target in targets:
        if target.name in seen:
            raise place[target.title].refuse(f"“{target.name}” is filled by the column “{seen[target.name]}” already")
        seen[target.name] = target.title


def _constants(place: Place) -> dict[str, str]:
    constants = {name: spot.text() for name, spot in place.each_member()} if place else {}
    for name in constants:
        if name not in BUILT_INS:
            raise place[name].refuse(f"is not a column of a customer; choose from {', '.join(BUILT_INS)}")
    return constants


def _consent(place: Place) -> ConsentForm:
    place.members("column", "purpose", "channel", "at", "evidence")
    return ConsentForm(
        column=place["column"].needed_text(),
        purpose=place["purpose"].choice(Purpose.values, default="marketing"),
        channel=place["channel"].choice(Channel.values, default="email"),
        at_column=place["at"].text(""),
        evidence={name: spot.text() for name, spot in place["evidence"].each_member()} if place["evidence"] else {},
    )


SIGNS = ("=", "≠", "<", "≤", ">", "≥")


def _check(place: Place) -> Check:
    place.members("code", "message", "all")
    comparisons = []
    for spot in place["all"].each():
        spot.members("sum", "is", "of")
        comparisons.append(Comparison(_sum(spot["sum"]), spot["is"].choice(SIGNS), _sum(spot["of"])))
    return Check(place["code"].needed_text(40), place["message"].needed_text(300), tuple(comparisons))


def _sum(place: Place) -> Sum:
    if isinstance(place.value, list):
        return Sum(columns=place.texts())
    return Sum(constant=place.number())


# --- orders and events -----------------------------------------------------------------------------


ORDER_MEMBERS = ("number", "currency", "customer", "ordered_at", "channel", "country", "line", "product", "kinds")


def _orders(place: Place) -> Mapping:
    place.members(
        *COMMON, "number", "currency", "customer", "ordered_at", "channel", "country", "line", "product", "kinds"
    )
    line = place["line"].members("sku", "description", "quantity", "unit_amount", "amount", "category")
    if not (line["unit_amount"] or line["amount"]):
        raise line["unit_amount"].refuse("is needed, or “amount”")
    kinds = (
        place["kinds"].members("prefixes", "negative_total", "negative_quantity")
        if place["kinds"]
        else Place({}, "kinds")
    )
    prefixes = dict(kinds["prefixes"].each_member()) if kinds["prefixes"] else {}
    order = OrderForm(
        customer=_customer(place["customer"], "create"),
        currency=_currency(place["currency"]),
        ordered_at=place["ordered_at"].needed_text(),
        country=place["country"].text(""),
        sku=line["sku"].text(""),
        description=line["description"].text(""),
        quantity=line["quantity"].text(""),
        unit_amount=line["unit_amount"].text(""),
        amount=line["amount"].text(""),
        category=line["category"].text(""),
        product_codes=_patterns(place["product"]),
        prefixes={prefix: spot.choice(OrderKind.values) for prefix, spot in prefixes.items()},
        negative_total=kinds["negative_total"].choice(OrderKind.values, default="return"),
        negative_quantity=kinds["negative_quantity"].choice(OrderKind.values, default=""),
        **_column_or_value(place["channel"], "channel"),
    )
    return Mapping(kind="orders", key=_key(place["number"]), order=order, **_shared(place))


def _currency(place: Place) -> str:
    currency = place.needed_text(3)
    if not re.fullmatch(r"[A-Z]{3}", currency):
        raise place.refuse(f"“{currency}” is not an ISO 4217 code such as EUR")
    return currency


def _patterns(place: Place) -> re.Pattern[str] | None:
    """Shell patterns such as `[0-9]*`: no back-tracking that a file could abuse."""
    if not place or not place.members("codes")["codes"]:
        return None
    return re.compile("|".join(translate(pattern) for pattern in place["codes"].texts()))


def _customer(place: Place, unknown: str) -> CustomerForm:
    if not place:
        return CustomerForm(None, unknown)
    if isinstance(place.value, str):
        return CustomerForm(_key(place), unknown)
    place.members("number", "unknown", "country")
    choice = place["unknown"].choice(("create", "refuse", "guest"), default=unknown)
    return CustomerForm(_key(place["number"]), choice, place["country"].text(""))


def _column_or_value(place: Place, name: str) -> dict[str, str]:
    """A text names a column; `{"value": "web"}` is the same for every row."""
    if isinstance(place.value, dict):
        return {name: "", f"{name}_value": place.members("value")["value"].needed_text(30)}
    return {name: place.text(""), f"{name}_value": ""}


def _events(place: Place) -> Mapping:
    place.members(
        *COMMON, "id", "customer", "anonymous_id", "type", "occurred_at", "value", "channel", "category", "properties"
    )
    if not place["type"]:
        raise place["type"].refuse("is needed: a column, or {“value”: …}")
    if not (place["customer"] or place["anonymous_id"]):
        raise place["customer"].refuse("is needed, or “anonymous_id”")
    occurred_at = place["occurred_at"].needed_text()
    properties = place["properties"].each_member() if place["properties"] else ()
    event = EventForm(
        customer=_customer(place["customer"], "refuse"),
        anonymous_id=place["anonymous_id"].text(""),
        occurred_at=occurred_at,
        value=place["value"].text(""),
        category=place["category"].text(""),
        properties={name: spot.needed_text() for name, spot in properties},
        **_column_or_value(place["type"], "type"),
        **_column_or_value(place["channel"], "channel"),
    )
    if place["id"]:
        return Mapping(kind="events", key=_key(place["id"]), event=event, **_shared(place))
    told = (*(event.customer.key.columns if event.customer.key else (event.anonymous_id,)), event.type, occurred_at)
    key = Key(tuple(column for column in told if column))
    return Mapping(kind="events", key=key, event=event, is_keyed_by_row=True, **_shared(place))


READERS = {"customers": _customers, "orders": _orders, "events": _events}
assert set(PARSERS) >= set(FieldType.values), "every type of field can be read"

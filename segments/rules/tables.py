"""The tables a rule is compiled against: the columns of a warehouse snapshot, and what events may be asked."""

from collections.abc import Mapping
from typing import Final

import ibis
from ibis.expr.types import Table

from profiles.catalogue import Feature

MONEY: Final = "decimal(16, 4)"

COLUMN_TYPES: Final = {
    "text": "string",
    "choice": "string",
    "number": "float64",
    "money": MONEY,
    "date": "date",
    "datetime": "timestamp",
    "truth": "boolean",
    "list": "array<string>",
}
EVENT: Final = {
    "customer_id": "int64",
    "type": "string",
    "ts": "timestamp",
    "value": MONEY,
    "channel": "string",
    "category": "string",
    "properties": "string",
    "source": "string",
    "margin_amount": MONEY,
}
ORDER_LINE: Final = {
    "customer_id": "int64",
    "ts": "timestamp",
    "kind": "string",
    "sku": "string",
    "product": "string",
    "category": "string",
    "quantity": MONEY,
    "amount": MONEY,
    "margin_amount": MONEY,
    "channel": "string",
    "currency": "string",
}
MEMBERSHIP: Final = {
    "segment_id": "int64",
    "segment": "string",
    "customer_id": "int64",
    "entered_at": "timestamp",
    "left_at": "timestamp",
}
CONSENT: Final = {
    "customer_id": "int64",
    "purpose": "string",
    "channel": "string",
    "is_granted": "boolean",
    "since_at": "timestamp",
    "expires_at": "timestamp",
}
REACH: Final = {"customer_id": "int64", "channel": "string", "has_address": "boolean", "is_suppressed": "boolean"}

ANY_EVENT: Final = "any"
LINE_KINDS: Final = {"order_line": "sale", "return_line": "return"}

EVENT_PROPERTIES: Final = {
    "time": ("ts", "datetime"),
    "value": ("value", "money"),
    "margin": ("margin_amount", "money"),
    "channel": ("channel", "text"),
    "category": ("category", "text"),
    "source": ("source", "text"),
}
LINE_PROPERTIES: Final = {
    "time": ("ts", "datetime"),
    "sku": ("sku", "text"),
    "product": ("product", "text"),
    "category": ("category", "text"),
    "quantity": ("quantity", "money"),
    "amount": ("amount", "money"),
    "margin": ("margin_amount", "money"),
    "channel": ("channel", "text"),
    "currency": ("currency", "text"),
}
FREE_PREFIX: Final = "properties."
FREE_KINDS: Final = ("text", "number", "truth")


def profile_table(catalogue: Mapping[str, Feature]) -> Table:
    """One row per live customer: `customer_id` and a typed column per feature."""
    columns = {feature.key: COLUMN_TYPES[feature.kind] for feature in catalogue.values()}
    return ibis.table({"customer_id": "int64", **columns}, name="profile")


def event_table(types: tuple[str, ...]) -> Table:
    """The table that holds these event types: order lines stand apart from events."""
    return ibis.table(ORDER_LINE, name="order_line") if is_line(types) else ibis.table(EVENT, name="event")


def is_line(types: tuple[str, ...]) -> bool:
    return types[0] in LINE_KINDS


def properties_of(types: tuple[str, ...]) -> dict[str, tuple[str, str]]:
    """Property → (column, kind) for these event types; free ones (`properties.…`) stand beside them for events."""
    return LINE_PROPERTIES if is_line(types) else EVENT_PROPERTIES

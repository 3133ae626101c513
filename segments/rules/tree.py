"""The nodes of a rule: small frozen values, and ways to walk them."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Final

VERSION: Final = 1
MEMBERSHIPS: Final = ("in", "not_in", "entered", "left")

Scalar = str | int | float | bool | Decimal | date
Value = Scalar | tuple[Scalar, ...] | None


@dataclass(frozen=True)
class Everyone:
    """True for every live customer."""


@dataclass(frozen=True)
class AllOf:
    parts: tuple["Node", ...]


@dataclass(frozen=True)
class AnyOf:
    parts: tuple["Node", ...]


@dataclass(frozen=True)
class Not:
    part: "Node"


@dataclass(frozen=True)
class FeatureCondition:
    feature: str
    op: str
    value: Value = None
    missing: bool = False


@dataclass(frozen=True)
class PropertyCondition:
    """A test of one event; `kind` is the kind of the property's values."""

    property: str
    kind: str
    op: str
    value: Value = None
    missing: bool = False


@dataclass(frozen=True)
class LastDays:
    """From the beginning of the firm's day `days` days ago until now."""

    days: int


@dataclass(frozen=True)
class DaysAgo:
    """Whole days of the firm: the day `start` days ago up to and including the day `end` days ago."""

    start: int
    end: int


@dataclass(frozen=True)
class Dates:
    """Whole days of the firm, both ends included; None is open."""

    first: date | None
    last: date | None


@dataclass(frozen=True)
class Relative:
    """Strictly before or after the customer's first or last event of another kind."""

    side: str
    which: str
    events: "Events"


Window = LastDays | DaysAgo | Dates | Relative | None


@dataclass(frozen=True)
class Events:
    """A selection of events: any of the types, all of the property conditions, inside the window."""

    types: tuple[str, ...]
    where: tuple[PropertyCondition, ...] = ()
    window: Window = None


@dataclass(frozen=True)
class EventCondition:
    """A measure over a customer's selected events, compared; `among` is the inner selection of a share."""

    events: Events
    measure: str = "count"
    of: str = ""
    among: tuple[PropertyCondition, ...] = ()
    op: str = "at_least"
    value: Value = 1
    missing: bool = False


@dataclass(frozen=True)
class Step:
    """One step of a sequence; `within_days` × 24 hours after the step before; `happens` is False in "and then not"."""

    events: Events
    within_days: int | None = None
    happens: bool = True


@dataclass(frozen=True)
class SequenceCondition:
    steps: tuple[Step, ...]


@dataclass(frozen=True)
class TrendCondition:
    """The last `days` whole days against the same number before, or against the same weeks a year before."""

    events: Events
    op: str
    value: Value = None
    measure: str = "count"
    of: str = ""
    days: int = 90
    against: str = "before"
    missing: bool = False


@dataclass(frozen=True)
class MembershipCondition:
    segment: str
    op: str = "in"
    on: date | None = None
    days: int | None = None


@dataclass(frozen=True)
class ConsentCondition:
    purpose: str
    channel: str


@dataclass(frozen=True)
class ReachCondition:
    """Has an address for the channel that is not suppressed."""

    channel: str


@dataclass(frozen=True)
class ResponseCondition:
    """Answered a campaign: opened, clicked, converted, left or complained; an empty campaign means any."""

    response: str
    campaign: str = ""
    window: Window = None


Condition = (
    FeatureCondition
    | EventCondition
    | SequenceCondition
    | TrendCondition
    | MembershipCondition
    | ConsentCondition
    | ReachCondition
    | ResponseCondition
    | Everyone
)
Group = AllOf | AnyOf | Not
Node = Condition | Group


@dataclass(frozen=True)
class Rule:
    where: Node
    version: int = VERSION


def children(node: Node, path: str) -> tuple[tuple[str, Node], ...]:
    """The direct parts of a group with their JSON paths; none for a condition."""
    match node:
        case AllOf(parts):
            return tuple((f"{path}.all[{i}]", part) for i, part in enumerate(parts))
        case AnyOf(parts):
            return tuple((f"{path}.any[{i}]", part) for i, part in enumerate(parts))
        case Not(part):
            return ((f"{path}.not", part),)
        case _:
            return ()


def walk(node: Node, path: str = "where") -> Iterator[tuple[str, Node]]:
    """Every node with its JSON path, outer before inner, in the written order."""
    yield path, node
    for place, part in children(node, path):
        yield from walk(part, place)


def conditions(rule: Rule) -> Iterator[tuple[str, Condition]]:
    """Every condition (leaf) of a rule with its JSON path, in the written order."""
    return ((path, node) for path, node in walk(rule.where) if not isinstance(node, AllOf | AnyOf | Not))


def selections(node: Node) -> tuple[Events, ...]:
    """The event selections one condition looks at, those inside windows included."""
    match node:
        case EventCondition() | TrendCondition():
            found: tuple[Events, ...] = (node.events,)
        case SequenceCondition(steps):
            found = tuple(step.events for step in steps)
        case ResponseCondition():
            found = (response_events(node),)
        case _:
            return ()
    inner = tuple(events.window.events for events in found if isinstance(events.window, Relative))
    return found + inner


def response_events(node: ResponseCondition) -> Events:
    """Responses are events of the customer that carry the campaign's slug; those made by machines do not count."""
    by_people = PropertyCondition("properties.by", "text", "is_not", "machine", missing=True)
    of_campaign = PropertyCondition("properties.campaign", "text", "is", node.campaign)
    return Events((node.response,), (of_campaign, by_people) if node.campaign else (by_people,), node.window)

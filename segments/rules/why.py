"""Why a customer is in or not: the rule tree marked, the values seen, and the smallest change that would turn it."""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime

import ibis
from ibis.expr.types import Table

from profiles.catalogue import Feature
from segments.rules import measures, tree
from segments.rules.compiler import counts_missing, finding, scope
from segments.rules.moments import Moment


@dataclass(frozen=True)
class Leaf:
    """One condition of a rule, numbered in the written order; `without` is its answer when the engine has no row."""

    number: int
    path: str
    condition: tree.Condition
    without: bool | None


@dataclass(frozen=True)
class Evidence:
    """`rows`: an expression of (customer_id, leaf, holds, seen), where holds is NULL when missing and seen is text."""

    rows: Table
    leaves: tuple[Leaf, ...]


@dataclass(frozen=True)
class Mark:
    """A node with its answer for one customer, None for missing; `counts` is what the rule makes of it."""

    path: str
    node: tree.Node
    answer: bool | None
    counts: bool
    seen: str | None = None
    parts: tuple["Mark", ...] = ()


@dataclass(frozen=True)
class Change:
    """A condition that would have to become true (or false)."""

    path: str
    condition: tree.Condition
    becomes: bool
    seen: str | None


def evidence(
    rule: tree.Rule, catalogue: Mapping[str, Feature], moment: Moment, customer_ids: Collection[int]
) -> Evidence:
    """What to ask the engine to explain some customers; at most a few hundred ids."""
    around = scope(rule, catalogue, moment)
    found = [(path, node, finding(node, around)) for path, node in tree.conditions(rule)]
    rows = [
        one.rows.filter(one.rows.customer_id.isin(tuple(customer_ids))).select(
            "customer_id",
            leaf=ibis.literal(number, type="int64"),
            holds=one.holds(one.rows),
            seen=one.seen(one.rows).cast("string"),
        )
        for number, (_, _, one) in enumerate(found)
    ]
    leaves = tuple(Leaf(number, path, node, one.without) for number, (path, node, one) in enumerate(found))
    return Evidence(rows[0] if len(rows) == 1 else ibis.union(*rows), leaves)


def explain(
    rule: tree.Rule, leaves: Iterable[Leaf], rows: Iterable[tuple[int, bool | None, str | None]], moment: Moment
) -> Mark:
    """The marked tree for one customer, from the evidence rows (leaf, holds, seen) of that customer."""
    answers = {number: (holds, seen) for number, holds, seen in rows}
    marks = {leaf.path: _leaf_mark(leaf, answers, moment) for leaf in leaves}
    return _mark(rule.where, "where", marks)


def _leaf_mark(leaf: Leaf, answers: Mapping[int, tuple[bool | None, str | None]], moment: Moment) -> Mark:
    holds, seen = answers.get(leaf.number, (leaf.without, None))
    counts = counts_missing(leaf.condition) if holds is None else holds
    return Mark(leaf.path, leaf.condition, holds, counts, _shown(leaf.condition, seen, moment))


def _shown(node: tree.Condition, seen: str | None, moment: Moment) -> str | None:
    """The value seen as a person would compare it: days for “days since”, nothing counted as 0."""
    if not isinstance(node, tree.EventCondition):
        return seen
    row = measures.BY_KEY[node.measure]
    if seen is None:
        return None if row.empty is None else str(row.empty)
    if row.answer == "days":
        return str((moment.today - moment.day_of(datetime.fromisoformat(seen))).days)
    return seen


def _mark(node: tree.Node, path: str, marks: Mapping[str, Mark]) -> Mark:
    if path in marks:
        return marks[path]
    parts = tuple(_mark(part, place, marks) for place, part in tree.children(node, path))
    counted = [part.counts for part in parts]
    answer = all(counted) if isinstance(node, tree.AllOf) else any(counted)
    answer = not answer if isinstance(node, tree.Not) else answer
    return Mark(path, node, answer, answer, None, parts)


def smallest_change(mark: Mark) -> tuple[Change, ...]:
    """The fewest conditions that would have to turn for the whole rule to turn; empty when nothing can turn it."""
    return _changes(mark, not mark.counts) or ()


def _changes(mark: Mark, target: bool) -> tuple[Change, ...] | None:
    """The fewest changes that make the node count as the target; None when nothing can."""
    if mark.counts == target:
        return ()
    match mark.node:
        case tree.Not():
            return _changes(mark.parts[0], not target)
        case tree.AllOf() | tree.AnyOf():
            ways = [_changes(part, target) for part in mark.parts]
            needs_every = isinstance(mark.node, tree.AllOf) == target
            return _every(ways) if needs_every else _cheapest(ways)
        case tree.Everyone():
            return None
        case condition:
            return (Change(mark.path, condition, target, mark.seen),)


def _every(ways: list[tuple[Change, ...] | None]) -> tuple[Change, ...] | None:
    if any(way is None for way in ways):
        return None
    return tuple(change for way in ways for change in way or ())


def _cheapest(ways: list[tuple[Change, ...] | None]) -> tuple[Change, ...] | None:
    possible = [way for way in ways if way is not None]
    return min(possible, key=len) if possible else None

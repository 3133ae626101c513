"""What several rules ask of the same events, worked out in one pass: which selections, and the table of each.

Conditions that differ only in window and measure share a pass: one row per living customer, one column per measure.
"""

from collections.abc import Iterable, Iterator
from dataclasses import replace
from functools import lru_cache
from typing import Any, Final

import ibis
from ibis.expr.types import Table

from segments.rules import tables, tree
from segments.rules.compiler import Prepared, asks, at_moment, borders, selected, sql, totals
from segments.rules.moments import Moment

AT_LEAST: Final = 2  # conditions: what one alone asks is quicker where it stands
MOST_MEASURES: Final = 32  # in one table: a row of all of them is held per customer while counting


def event_conditions(rules: Iterable[tree.Rule]) -> Iterator[tree.EventCondition]:
    """The conditions whose events could be shared, answers to campaigns included."""
    for rule in rules:
        for _, node in tree.conditions(rule):
            found = (
                tree.EventCondition(tree.response_events(node)) if isinstance(node, tree.ResponseCondition) else node
            )
            if isinstance(found, tree.EventCondition) and not isinstance(found.events.window, tree.Relative):
                yield found


def selections(rules: Iterable[tree.Rule]) -> list[tuple[tree.EventCondition, ...]]:
    """Conditions on the same types and property conditions, each measure once, where sharing pays."""
    found: dict[Any, list[tree.EventCondition]] = {}
    for node in event_conditions(rules):
        found.setdefault((node.events.types, node.events.where), []).append(node)
    shared = (nodes for nodes in found.values() if len(nodes) >= AT_LEAST)
    each = (tuple({asks(node): node for node in nodes}.values()) for nodes in shared)
    return [nodes[i : i + MOST_MEASURES] for nodes in each for i in range(0, len(nodes), MOST_MEASURES)]


def prepare(rules: Iterable[tree.Rule], moment: Moment, dialect: str = "duckdb") -> tuple[tuple[Prepared, str], ...]:
    """Each table to make before the rules are evaluated, and the statement whose rows it holds."""
    kept = moment.of_the_day()
    written = (_prepared(f"shared_{i}", nodes, kept, dialect) for i, nodes in enumerate(selections(rules)))
    return tuple((one, at_moment(template, kept, moment, dialect)) for one, template in written)


@lru_cache(maxsize=256)
def _prepared(name: str, nodes: tuple[tree.EventCondition, ...], moment: Moment, dialect: str) -> tuple[Prepared, str]:
    rows = aggregated(nodes, moment)
    columns = tuple((column, str(kind)) for column, kind in rows.schema().items())
    first = nodes[0].events
    return Prepared(name, first.types, first.where, tuple(map(asks, nodes)), columns), sql(rows, dialect)


def aggregated(nodes: tuple[tree.EventCondition, ...], moment: Moment) -> Table:
    """One row per living customer with every measure of the conditions, each over its own window."""
    starts = [borders(node.events.window, moment)[0] for node in nodes]
    since = None if None in starts else min(filter(None, starts))
    events = selected(replace(nodes[0].events, window=None), moment, since=since)
    columns: dict[str, Any] = {}
    for i, node in enumerate(nodes):
        columns |= totals(events, node, str(i), moment, within(events, node.events.window, moment))
    counted = events.group_by("customer_id").aggregate(**columns)
    return counted.semi_join(tables.profile_table({}), "customer_id")


def within(events: Table, window: tree.Window, moment: Moment) -> Any:
    """Whether an event lies in the window; None where every event does."""
    start, end = borders(window, moment)
    tests = [test(border) for border, test in ((start, events.ts.__ge__), (end, events.ts.__lt__)) if border]
    return ibis.and_(*tests) if tests else None


def forget_compiled() -> None:
    """As in a process that has compiled nothing yet; for measuring."""
    _prepared.cache_clear()

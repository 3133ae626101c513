"""The 48 anchor segments measured both ways on one snapshot: SQL by hand, and rules through the product's own path."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from statistics import median
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

from profiles import actions as profile_actions
from profiles import queries as profile_queries
from segments.anchor import handwritten
from segments.anchor.rules import FEATURES, anchor_rules
from segments.evaluation import Engine
from segments.rules import compiler, tree
from segments.rules.moments import Moment
from segments.rules.reading import Known, read_rule

if TYPE_CHECKING:
    from profiles.models import Snapshot

REPEATS = 5


@dataclass(frozen=True)
class Measured:
    """One anchor segment: its size and best seconds by hand and as a rule, and the seconds its compiling takes anew."""

    name: str
    count: int
    rule_count: int
    anchor_seconds: float
    rule_seconds: float
    members_seconds: float
    compile_seconds: float


def write_snapshot(customers: int, events: int) -> "Snapshot":
    statements = handwritten.data_statements(customers, events)
    return profile_actions.write_snapshot(statements, at=handwritten.AS_OF)


def measure(snapshot: "Snapshot") -> Iterator[Measured]:
    """Each anchor segment, the best of a few runs each; what the engine reads is warm by then."""
    engine = Engine(snapshot, Moment(handwritten.AS_OF, ZoneInfo("UTC")), FEATURES)
    with profile_queries.cursor(snapshot) as cursor:
        for name, sql in handwritten.definitions().items():
            rule = read_rule(anchor_rules()[name], Known(FEATURES))
            counted = f"select count(*) from ({sql}) q"
            count, by_hand = best(partial(counted_by, cursor, counted))
            compiling = seconds_to_compile(rule, engine.moment)
            rule_count, as_rule = best(partial(engine.size, rule))
            _, members = best(partial(members_of, engine, rule))
            yield Measured(name, count, rule_count, by_hand, as_rule, members, compiling)


def counted_by(cursor: Any, statement: str) -> int:
    return int(cursor.execute(statement).fetchone()[0])


def members_of(engine: Engine, rule: tree.Rule) -> int:
    return len(engine.customers(rule))


def best(run: Callable[[], int]) -> tuple[int, float]:
    """The answer, and the seconds of the quickest of a few runs."""
    seconds = []
    for _ in range(REPEATS):
        with stopwatch() as passed:
            answer = run()
        seconds.append(passed())
    return answer, min(seconds)


def seconds_to_compile(rule: tree.Rule, moment: Moment) -> float:
    """Without what is remembered."""
    with stopwatch() as passed:
        compiler.sql(compiler.compile_rule(rule, FEATURES, moment))
    return passed()


def preview_vs_anchor(found: list[Measured]) -> float:
    """The median over the segments of the rule's seconds ÷ the anchor's."""
    return median(one.rule_seconds / one.anchor_seconds for one in found)


@contextmanager
def stopwatch() -> Iterator[Callable[[], float]]:
    began = time.perf_counter()
    yield lambda: time.perf_counter() - began

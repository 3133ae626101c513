"""The 48 anchor segments measured both ways on one snapshot: SQL by hand, and rules through the product's own path."""

import time
from collections.abc import Callable, Iterator, Mapping
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
from segments.rules import compiler, sharing, tree
from segments.rules.moments import Moment
from segments.rules.reading import Known, read_rule

if TYPE_CHECKING:
    from profiles.models import Snapshot

REPEATS = 5
MOMENT = Moment(handwritten.AS_OF, ZoneInfo("UTC"))


@dataclass(frozen=True)
class Measured:
    """One anchor segment alone: its best seconds by hand and as a rule, and the seconds its compiling takes anew."""

    name: str
    anchor_seconds: float
    rule_seconds: float
    compile_seconds: float


@dataclass(frozen=True)
class Together:
    """All 48 one after the other, once: seconds by the clock and of the processor, and whether they count the same.

    `anchor` is the SQL by hand; `rules` with nothing compiled yet, `remembered` when the day's compile is known.
    """

    anchor: tuple[float, float]
    rules: tuple[float, float]
    remembered: tuple[float, float]
    counts_equal: bool


def write_snapshot(customers: int, events: int) -> "Snapshot":
    statements = handwritten.data_statements(customers, events)
    return profile_actions.write_snapshot(statements, at=handwritten.AS_OF)


def rules() -> dict[str, tree.Rule]:
    return {name: read_rule(rule, Known(FEATURES)) for name, rule in anchor_rules().items()}


def together(snapshot: "Snapshot", times: int = REPEATS) -> Iterator[Together]:
    """By hand and as the refresh evaluates them, in turns, so that a busy machine slows both alike."""
    engine, known = Engine(snapshot, MOMENT, FEATURES), rules()
    with profile_queries.cursor(snapshot) as cursor:
        for _ in range(times):
            by_hand, anchor = timed(partial(counted_by_hand, cursor, handwritten.definitions()))
            compiler.forget_compiled()
            sharing.forget_compiled()
            counts, anew = timed(partial(counted_as_rules, engine, known))
            _, remembered = timed(partial(counted_as_rules, engine, known))
            yield Together(anchor, anew, remembered, by_hand == counts)


def counted_by_hand(cursor: Any, definitions: Mapping[str, str]) -> dict[str, int]:
    """The number of rows of each statement."""
    return {name: counted_by(cursor, sql) for name, sql in definitions.items()}


def counted_by(cursor: Any, statement: str) -> int:
    cursor.execute(f"select count(*) from ({statement}) q")
    return int(cursor.fetchone()[0])


def counted_as_rules(engine: Engine, known: Mapping[str, tree.Rule]) -> dict[str, int]:
    with engine.together(list(known.values())) as shared:
        return {name: shared.size(rule) for name, rule in known.items()}


def alone(snapshot: "Snapshot") -> Iterator[Measured]:
    """Each anchor segment by itself, the best of a few runs: what an editor waits for."""
    engine = Engine(snapshot, MOMENT, FEATURES)
    with profile_queries.cursor(snapshot) as cursor:
        for (name, sql), rule in zip(handwritten.definitions().items(), rules().values(), strict=True):
            by_hand, as_rule = best(partial(counted_by, cursor, sql)), best(partial(engine.size, rule))
            yield Measured(name, by_hand, as_rule, best(partial(compile_anew, rule)))


def best(run: Callable[[], Any]) -> float:
    return min(timed(run)[1][0] for _ in range(REPEATS))


def compile_anew(rule: tree.Rule) -> str:
    return compiler.sql(compiler.compile_rule(rule, FEATURES, MOMENT))


def preview_vs_anchor(found: list[Measured]) -> float:
    """The median over the segments of a rule nobody compiled before ÷ the anchor's."""
    return median((one.rule_seconds + one.compile_seconds) / one.anchor_seconds for one in found)


def timed(run: Callable[[], Any]) -> tuple[Any, tuple[float, float]]:
    """The answer, and the seconds by the clock and of the processor."""
    with stopwatch() as passed, stopwatch(time.process_time) as used:
        answer = run()
        return answer, (passed(), used())


@contextmanager
def stopwatch(clock: Callable[[], float] = time.perf_counter) -> Iterator[Callable[[], float]]:
    began = clock()
    yield lambda: clock() - began

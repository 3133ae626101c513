"""Rules that together use every operator on every kind, every measure, window, trend and kind of condition."""

from itertools import product

from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from segments.rules import tables
from segments.rules.measures import MEASURES, TRENDS, comparisons
from segments.rules.operators import OPERATORS
from tests.segments import worlds

FREE = {"properties.page": "text", "properties.score": "number", "properties.is_new": "truth"}


def drawn(strategies, turn):
    """One value of each strategy, the same in every run; later turns give other ones."""
    found = []

    @settings(max_examples=turn + 3, database=None, derandomize=True, phases=[Phase.generate],
              deadline=None, suppress_health_check=list(HealthCheck))  # fmt: skip
    @given(st.tuples(*strategies))
    def take(values):
        found.append(values)

    take()
    return list(found[-1])


def features(as_of):
    kinds = {feature.kind: feature.key for feature in worlds.CATALOGUE.values()}
    for row in OPERATORS:
        for kind in row.kinds:
            yield worlds.compared(kind, [row], as_of).map(lambda found, key=kinds[kind]: {"feature": key, **found})


def properties(as_of):
    """Every operator on every kind of property, of events and of order lines."""
    names = {"event": {**worlds.tables.EVENT_PROPERTIES}, "order_line": tables.LINE_PROPERTIES}
    plain = [row for row in OPERATORS if row.rank is None]
    for event, known in names.items():
        for kind, row in product(("text", "money", "datetime"), plain):
            name = next((name for name, (_, one) in known.items() if one == kind), None)
            if name and kind in row.kinds:
                yield tested(event, {"property": name}, kind, row, as_of)
    for (name, kind), row in product(FREE.items(), plain):
        if kind in row.kinds:
            yield tested("any", {"property": name, "kind": kind}, kind, row, as_of)


def tested(event, named, kind, row, as_of):
    return worlds.compared(kind, [row], as_of).map(lambda found: {"event": event, "where": [{**named, **found}]})


def each(strategy, key, wanted, turn, draws=48):
    """A value of the strategy for every wanted key; filters would make Hypothesis give up."""
    found = {}
    for value in drawn([strategy] * draws, turn):
        found.setdefault(key(value), value)
    assert set(found) >= set(wanted), set(wanted) - set(found)
    return list(found.values())


def measured(as_of, turn):
    for row in MEASURES:
        wanted = () if row.answer == "datetime" else comparisons(row)
        yield from each(worlds.event_conditions(row, OPERATORS, as_of), lambda node: node["op"], wanted, turn)


def trends(as_of, turn):
    wanted = product([trend.key for trend in TRENDS], ("before", "year_before"))
    return each(worlds.trends(OPERATORS, as_of), lambda node: (node["op"], node["against"]), wanted, turn)


def windows(as_of, turn):
    wanted = ("last_days", "from_days_ago", "from", "to", "before", "after")
    found = each(worlds.windows(OPERATORS, as_of), lambda window: next(iter(window)), set(wanted) - {"to"}, turn)
    return [{"event": "order", "window": window} for window in found]


def others(as_of):
    yield from [worlds.sequences(OPERATORS, as_of)] * 12
    yield from [worlds.siblings(as_of)] * 4
    yield from [worlds.responses(OPERATORS, as_of)] * 4
    for purpose, channel in product(("marketing", "profiling"), ("email", "sms", "any")):
        yield st.just({"consent": purpose, "channel": channel})
    for channel in ("email", "sms"):
        yield st.just({"reachable": channel})
    yield st.just({"everyone": True})


def conditions(as_of, turn):
    alone = drawn([*features(as_of), *properties(as_of), *others(as_of)], turn)
    ledger = each(worlds.segment_conditions(as_of), lambda node: node["op"], ("in", "not_in", "entered", "left"), turn)
    return [*alone, *measured(as_of, turn), *trends(as_of, turn), *windows(as_of, turn), *ledger]


def corpus(as_of, *, turn=0, nested=40):
    """Each condition alone or negated, then whole rules."""
    bare = [{"not": where} if i % 3 == 2 else where for i, where in enumerate(conditions(as_of, turn))]
    rules = drawn([worlds.rules(as_of)] * nested, turn)
    return [{"version": 1, "where": where} for where in bare] + rules

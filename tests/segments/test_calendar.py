"""The calendar and the clock of rules where they are odd: changed clocks, midnights that are not there, 29 February."""

from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest

from segments.rules.compiler import scope, sql, truth, yes
from segments.rules.moments import Moment
from segments.rules.reading import Known, read_rule
from segments.rules.tree import children
from tests.segments import worlds
from tests.segments.oracle import Reader

# (zone, moment): what is odd there
ODD = [
    ("Europe/Helsinki", "2026-03-29T00:30Z"),  # an hour before four o'clock follows 2:59
    ("America/Santiago", "2026-09-06T04:30Z"),  # a day without a midnight: it begins at one
    ("Europe/Helsinki", "2024-02-29T12:00Z"),
    ("UTC", "2025-02-28T12:00Z"),  # the last of a short February
]
ODDER = [
    ("Europe/Helsinki", "2026-10-25T01:30Z"),  # half past three for the second time
    ("America/New_York", "2026-11-01T05:30Z"),  # half past one for the first time
    ("Australia/Lord_Howe", "2026-04-04T15:15Z"),  # the clock goes back by half an hour
    ("Pacific/Apia", "2011-12-31T01:00Z"),  # the day before was left out of the calendar
    ("UTC", "2025-03-01T00:00Z"),
    ("America/New_York", "2023-12-31T23:59:59Z"),  # of a long year to come
]
BIRTHS = [
    date(year, month, day)
    for year in (1996, 1999, 2000, 2023, 2024)
    for month, day in ((1, 1), (2, 27), (2, 28), (3, 1), (3, 2), (12, 31))
] + [date(1996, 2, 29), date(2000, 2, 29), date(2024, 2, 29)]


def moments_around(now, zone):
    """Every half hour of some days, the edges of the days themselves, and years before and ahead."""
    today = now.replace(tzinfo=UTC).astimezone(zone).date()
    found = [now + timedelta(minutes=30 * n) for n in range(-120, 60)]
    for days in range(-3, 3):
        midnight = datetime.combine(today + timedelta(days=days), time.min, zone).astimezone(UTC).replace(tzinfo=None)
        found += [midnight + timedelta(microseconds=micros) for micros in (-1, 0, 1)]
    return found + [now + timedelta(days=days) for days in (-3653, -1461, -366, -365, 365, 366, 1280, 3000)]


def world_around(now, zone):
    today = now.replace(tzinfo=UTC).astimezone(zone).date()
    births = BIRTHS + [today.replace(year=today.year - 24) + timedelta(days=n) for n in range(-4, 5)]
    times = moments_around(now, zone)
    blank = dict.fromkeys(("city", "age", "income", "is_eco", "stage", "interests"))
    profile = [
        {"customer_id": n, **blank, "joined_at": at, "born_on": births[n % len(births)]} for n, at in enumerate(times)
    ]
    event = {
        "type": "order",
        "value": None,
        "margin_amount": None,
        "channel": None,
        "category": None,
        "properties": None,
        "source": "test",
    }
    nothing = {"order_line": [], "membership": [], "consent": [], "reach": []}
    return {
        "profile": profile,
        "event": [{**event, "customer_id": n, "ts": at} for n, at in enumerate(times)],
        **nothing,
    }


def days_told(today):
    """Operators with values that tell neighbouring days apart."""
    days = [(today + timedelta(days=n)).isoformat() for n in range(-2, 3)]
    yield from ((op, day) for op in ("on", "before", "after", "from", "until") for day in days[1:4])
    yield from (("between_dates", pair) for pair in (days[:2], days[1:4:2]))
    yield from ((op, n) for op in ("in_last_days", "in_next_days", "more_than_days_ago") for n in (0, 1, 366))
    yield from ((op, n) for op in ("at_least_years_ago", "less_than_years_ago") for n in (0, 1, 4, 24))


def clock_told(now):
    yield from (("anniversary_in_days", n) for n in (0, 1, 30, 364))
    yield from (("weekday", [(now + timedelta(days=n)).isoweekday()]) for n in (-1, 0))
    yield ("month", [now.month])


def conditions(now):
    """Conditions about days and hours around the moment, on the firm's clock."""
    days, clock, hours = (
        [{"op": op, "value": value} for op, value in told]
        for told in (
            days_told(now.date()),
            clock_told(now),
            [("hour", [n % 24]) for n in range(now.hour - 2, now.hour + 3)],
        )
    )
    yield from ({"feature": "born_on", **one} for one in days + clock)
    yield from ({"feature": "joined_at", **one} for one in days + clock + hours)
    yield from ({"event": "order", "where": [{"property": "time", **one}]} for one in hours)
    yield from ({"event": "order", "measure": "last", **one} for one in hours[1:4])
    since = ("is", "at_most", "more_than")
    yield from ({"event": "order", "measure": "days_since", "op": op, "value": n} for op in since for n in (0, 1, 366))
    spans = [{"from_days_ago": a, "to_days_ago": b} for a, b in ((0, 0), (1, 1), (2, 1), (366, 365))]
    spans += [{"last_days": n} for n in (0, 1, 365)]
    spans += [{"from": one, "to": one} for one in ((now.date() + timedelta(days=n)).isoformat() for n in (-2, -1, 0))]
    yield from ({"event": "order", "window": one} for one in spans)
    yield from ({"trend": "order", "days": n, "op": "started"} for n in (1, 2))


def answered(engine, where, moment):
    """(customer, place of the condition) wherever a condition holds."""
    rule = read_rule({"version": 1, "where": where}, Known(worlds.CATALOGUE))
    around = scope(rule, worlds.CATALOGUE, moment)
    nodes = [node for _, node in children(rule.where, "where")]
    marks = {f"n{i}": yes(truth(node, around)) for i, node in enumerate(nodes)}
    rows = engine.execute(sql(around.profile.select("customer_id", **marks))).fetchall()
    return {(row[0], i) for row in rows for i, holds in enumerate(row[1:]) if holds}


@pytest.mark.parametrize(("zone", "moment"), [*ODD, *(pytest.param(*one, marks=pytest.mark.slow) for one in ODDER)])
def test_days_and_hours_are_those_of_the_firm_where_its_calendar_is_odd(zone, moment):
    zone, as_of = ZoneInfo(zone), datetime.fromisoformat(moment)
    world, engine = world_around(as_of.replace(tzinfo=None), zone), worlds.engine()
    worlds.load(engine, world)
    reader, moment = Reader(world, worlds.KINDS, as_of, zone), Moment(as_of, zone)
    nodes = list(conditions(as_of.astimezone(zone)))
    read = {
        (row["customer_id"], i) for row in world["profile"] for i, node in enumerate(nodes) if reader.holds(node, row)
    }
    found = answered(engine, {"any": nodes}, moment)
    assert found == read, [(nodes[i], world["profile"][n]) for n, i in sorted(found ^ read)[:5]]
    engine.close()

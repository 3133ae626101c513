"""Generated customers, events and rules for the tests of the rule language, and an engine to run them on."""

import json
import random
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from functools import cache
from zoneinfo import ZoneInfo

import duckdb
import pyarrow as pa
from hypothesis import strategies as st

from profiles.catalogue import Feature
from segments.rules import tables
from segments.rules.measures import MEASURES, comparisons
from segments.rules.operators import OPERATORS

CATALOGUE = {
    feature.key: feature
    for feature in (
        Feature("city", "City", "Kaupunki", "text", "geographic"),
        Feature("age", "Age", "Ikä", "number", "demographic", unit="y"),
        Feature("income", "Income", "Tulot", "money", "economic", unit="EUR"),
        Feature("born_on", "Date of birth", "Syntymäaika", "date", "demographic"),
        Feature("joined_at", "Customer since", "Asiakkuuden alku", "datetime", "behavioural"),
        Feature("is_eco", "Eco-minded", "Ympäristötietoinen", "truth", "psychographic"),
        Feature("stage", "Stage", "Vaihe", "choice", "life_situation", choices=("single", "family", "senior")),
        Feature("interests", "Interests", "Kiinnostukset", "list", "psychographic"),
    )
}
KINDS = {key: feature.kind for key, feature in CATALOGUE.items()}
ZONES = [ZoneInfo(name) for name in ("Europe/Helsinki", "UTC", "America/New_York", "Asia/Kolkata", "Pacific/Chatham")]
MOMENTS = [
    datetime(2026, 11, 1, 0, 0, tzinfo=UTC),
    datetime(2026, 11, 1, 5, 30, tzinfo=UTC),
    datetime(2026, 3, 29, 1, 30, tzinfo=UTC),
    datetime(2026, 2, 28, 22, 15, tzinfo=UTC),
    datetime(2024, 2, 29, 12, 0, tzinfo=UTC),
    datetime(2025, 12, 31, 23, 59, 59, tzinfo=UTC),
]
IDS = range(1, 41)
TEXTS = ["Helsinki", "helsinki", "Espoo", "Ähtäri", "a.b", "100%", "", "x_y", "Hel'sinki", 'say "hi"']
CHANNELS = ["web", "store", "app"]
TYPES = ["order", "page", "cart", "click", "conversion"]
SEGMENTS = ["vip", "lapsed"]
FREE = {"properties.page": "text", "properties.score": "number", "properties.is_new": "truth",
        "properties.utm.source": "text"}  # fmt: skip
numbers = st.one_of(st.integers(-3, 8), st.sampled_from([0.5, 2.25, -1.5]))


def days_around(as_of):
    near = st.integers(-800, 10).map(lambda n: as_of.date() + timedelta(days=n))
    return st.one_of(near, near, st.sampled_from([date(1931, 5, 1), date(1969, 12, 31), date(2150, 1, 1)]))


class Chance:
    """Random rows from a seed, with many gaps, and times near the moment, at the edges of days and in the future."""

    def __init__(self, seed, as_of, zone):
        self.random, self.as_of, self.zone = random.Random(seed), as_of, zone

    def maybe(self, options):
        return None if self.random.random() < 0.2 else self.random.choice(options)

    def amount(self):
        return Decimal(self.random.choice([self.random.randint(-500, 20_000), 1250, 9999, 10_000])) / 100

    def time(self):
        days = self.random.choice(
            [self.random.randint(-2, 12), self.random.randint(0, 70), self.random.randint(355, 440)]
        )
        if self.random.random() < 0.5:
            micros = self.random.choice((0, 0, 1, 999_999))
            return self.now - timedelta(days=days, seconds=self.random.randint(0, 86_400), microseconds=micros)
        midnight = datetime.combine(self.as_of.astimezone(self.zone).date() - timedelta(days=days), time.min, self.zone)
        return midnight.astimezone(UTC).replace(tzinfo=None) + timedelta(seconds=self.random.randint(-1, 1))

    @property
    def now(self):
        return self.as_of.astimezone(UTC).replace(tzinfo=None)

    def day(self):
        near = self.as_of.date() - timedelta(days=self.random.randint(-10, 800))
        birth = near.replace(year=self.random.randint(1940, 2020), day=min(near.day, 28))
        return self.random.choice([near, birth, birth, date(2004, 2, 29), self.as_of.date().replace(year=2000)])

    def profile(self, number):
        interests = [self.random.sample(["bike", "yoga", "home"], self.random.randint(0, 3))]
        return {
            "customer_id": number,
            "city": self.maybe(TEXTS),
            "age": self.maybe([-3.0, -1.5, 0.0, 0.5, 1.0, 2.0, 2.25, 5.0, 8.0]),
            "income": self.maybe([self.amount()]),
            "born_on": self.maybe([self.day()]),
            "joined_at": self.maybe([self.time()]),
            "is_eco": self.maybe([True, False]),
            "stage": self.maybe(["single", "family", "senior"]),
            "interests": self.maybe(interests),
        }

    def event(self):
        return {
            "customer_id": self.random.choice([*IDS, 99]),
            "type": self.random.choice(TYPES),
            "ts": self.time(),
            "value": self.maybe([self.amount()]),
            "margin_amount": self.maybe([self.amount()]),
            "channel": self.maybe(CHANNELS),
            "category": self.maybe(["bike", "yoga"]),
            "properties": self.maybe([json.dumps(self.free())]),
            "source": "test",
        }

    def free(self):
        values = {
            "campaign": ["spring", "autumn"],
            "by": ["human", "machine"],
            "page": ["/a", "/b", 'q"x', 3],
            "score": [-5, 0, 3, 20, 0.5, 7.25, "9", True],
            "is_new": [True, False, "true"],
            "utm.source": ["ad", "mail"],
            "utm": [{"source": "mail"}],
        }
        return {key: self.random.choice(options) for key, options in values.items() if self.random.random() < 0.6}

    def line(self):
        return {
            "customer_id": self.random.choice(IDS),
            "ts": self.time(),
            "kind": self.random.choice(["sale", "sale", "return", "adjustment"]),
            "sku": self.maybe(["A1", "B2"]),
            "product": self.maybe(["Bike", "Mat"]),
            "category": self.maybe(["bike", "yoga"]),
            "quantity": Decimal(self.random.randint(-2, 5)),
            "amount": self.amount(),
            "margin_amount": self.maybe([self.amount()]),
            "channel": self.maybe(CHANNELS),
            "currency": "EUR",
        }

    def membership(self):
        first, last = sorted([self.time(), self.time()])
        left = last if self.random.random() < 0.6 else None
        keys = {"segment": self.random.choice(SEGMENTS), "customer_id": self.random.choice(IDS)}
        return {"segment_id": 1, **keys, "entered_at": first, "left_at": left}

    def consents(self):
        return [
            {
                "customer_id": number,
                "purpose": purpose,
                "channel": channel,
                "is_granted": self.random.random() < 0.6,
                "since_at": self.time(),
                "expires_at": self.maybe([self.time(), None]),
            }
            for number in IDS
            for purpose in ("marketing", "profiling")
            for channel in ("any", "email")
            if self.random.random() < 0.5
        ]

    def reach(self):
        return [
            {"customer_id": n, "channel": c, "has_address": self.random.random() < 0.7,
             "is_suppressed": self.random.random() < 0.3}
            for n in IDS for c in ("email", "sms") if self.random.random() < 0.8
        ]  # fmt: skip


def world(seed, as_of, zone):
    """Customers, some without events and some events without a customer."""
    chance = Chance(seed, as_of, zone)
    return {
        "profile": [chance.profile(number) for number in IDS if number % 7],
        "event": [chance.event() for _ in range(260)],
        "order_line": [chance.line() for _ in range(70)],
        "membership": [chance.membership() for _ in range(40)],
        "consent": chance.consents(),
        "reach": chance.reach(),
    }


# --- rules -----------------------------------------------------------------------------------------------------------


def iso(strategy):
    return strategy.map(lambda day: day.isoformat())


def pairs(strategy):
    return st.tuples(strategy, strategy).map(lambda pair: sorted(pair))


def given(op, values, kind, as_of):
    """A value for an operator, as JSON."""
    days = iso(days_around(as_of))
    return {
        "nothing": st.none(),
        "value": values,
        "values": st.lists(values, min_size=1, max_size=3),
        "every": st.lists(values, min_size=1, max_size=3),
        "pair": pairs(values),
        "date": days,
        "date_pair": pairs(days),
        "fragment": st.sampled_from(["hel", "H", "a.b", "%", "_", "ä", "INKI", "'", '"']),
        "pattern": st.sampled_from(["^H", "inki$", "[a-c]", "\\d+%", "(?i)HEL", "a\\.b", "^$", "x|y"]),
        "percent": st.sampled_from([1, 10, 20, 33.3, 50, 80, 100]),
        "count": st.integers(1, 4),
        "quintile": st.integers(1, 5),
        "days": st.one_of(st.integers(0, 12), st.integers(0, 400)),
        "anniversary": st.sampled_from([0, 1, 7, 30, 180, 364]),
        "years": st.integers(0, 60),
        "weekdays": st.lists(st.integers(1, 7), min_size=1, max_size=3),
        "months": st.lists(st.integers(1, 12), min_size=1, max_size=3),
        "hours": st.lists(st.integers(0, 23), min_size=1, max_size=8),
    }[op.operand]


def values_of(kind):
    cents = st.integers(-500, 20_000).map(lambda n: n / 100)
    return {
        "text": st.sampled_from(TEXTS),
        "choice": st.sampled_from(["single", "family", "senior"]),
        "list": st.sampled_from(["bike", "yoga", "home", "none"]),
        "number": numbers,
        "money": st.one_of(st.integers(-5, 200), cents, cents.map(str)).map(lambda x: x),
        "truth": st.booleans(),
        "date": st.none(),
        "datetime": st.none(),
    }[kind]


@st.composite
def compared(draw, kind, rows, as_of):
    row = draw(st.sampled_from([row for row in rows if kind in row.kinds]))
    values = values_of(kind)
    if kind == "money" and row.operand == "pair":
        values = st.integers(-5, 200)
    value = draw(given(row, values, kind, as_of))
    found = {"op": row.key} if row.operand == "nothing" else {"op": row.key, "value": value}
    return {**found, **draw(st.sampled_from([{}, {}, {"missing": "yes"}, {"missing": "no"}]))}


@st.composite
def property_tests(draw, is_line, rows, as_of):
    names = tables.LINE_PROPERTIES if is_line else tables.EVENT_PROPERTIES
    free = {} if is_line else FREE
    name = draw(st.sampled_from([*names, *free]))
    kind = names[name][1] if name in names else free[name]
    extra = {"kind": kind} if name in free else {}
    plain = [row for row in rows if row.rank is None]
    test = {"property": name, **extra, **draw(compared(kind, plain, as_of))}
    if name in ("channel", "category") and "value" in test and isinstance(test["value"], str):
        test["value"] = draw(st.sampled_from([*CHANNELS, "bike"])) if test["op"] in ("is", "is_not") else test["value"]
    return test


def event_types():
    return st.one_of(
        st.sampled_from(TYPES),
        st.sampled_from([*TYPES, "any", "order_line", "return_line"]),
        st.lists(st.sampled_from(TYPES), min_size=1, max_size=3, unique=True),
    )


@st.composite
def selections(draw, rows, as_of, word="event", has_window=True):
    types = draw(event_types())
    is_line = types in ("order_line", "return_line")
    found = {word: types}
    tests = draw(st.lists(property_tests(is_line, rows, as_of), max_size=2)) if draw(st.integers(0, 2)) == 2 else []
    found |= {"where": tests} if tests else {}
    if has_window and draw(st.booleans()):
        found["window"] = draw(windows(rows, as_of))
    return found


@st.composite
def windows(draw, rows, as_of):
    days = iso(days_around(as_of))
    form = draw(st.sampled_from(["last", "ago", "dates", "relative"]))
    if form == "last":
        return {"last_days": draw(st.one_of(st.integers(0, 10), st.integers(0, 400)))}
    if form == "ago":
        low, high = sorted([draw(st.integers(0, 12)), draw(st.integers(0, 40))])
        return {"from_days_ago": high, "to_days_ago": low}
    if form == "dates":
        first, last = draw(pairs(days))
        return draw(st.sampled_from([{"from": first, "to": last}, {"from": first}, {"to": last}]))
    inner = draw(selections(rows, as_of, has_window=False))
    which = draw(st.sampled_from([{}, {"which": "first"}, {"which": "last"}]))
    return {draw(st.sampled_from(["before", "after"])): {**inner, **which}}


COUNTS = st.integers(0, 4)
PLAIN = [row for row in MEASURES if row.of == "nothing"]


@st.composite
def event_conditions(draw, row, rows, as_of):
    found = draw(selections(rows, as_of))
    is_line = found["event"] in ("order_line", "return_line")
    found |= {} if row.key == "count" and draw(st.booleans()) else {"measure": row.key}
    names = tables.LINE_PROPERTIES if is_line else tables.EVENT_PROPERTIES
    if row.of == "number":
        numeric = [name for name, (_, kind) in names.items() if kind == "money"]
        found["of"] = draw(st.sampled_from([*numeric, *([] if is_line else ["properties.score"])]))
    if row.of == "property":
        found["of"] = draw(st.sampled_from([*names, *([] if is_line else ["properties.page"])]))
    if row.of == "conditions":
        found["of"] = draw(st.lists(property_tests(is_line, rows, as_of), min_size=1, max_size=2))
    if row.answer == "datetime":
        plain = [one for one in rows if one.key not in ("is_missing", "is_present")]
        return found | draw(compared("datetime", plain, as_of))
    values = {
        "number": COUNTS,
        "money": st.one_of(st.integers(-5, 200), st.sampled_from([0, 0, 12.5, 99.99])),
        "days": st.one_of(st.integers(0, 12), st.integers(0, 400)),
        "share": st.sampled_from([0, 0.25, 0.3333, 0.5, 0.6, 1]),
    }[row.answer]
    op = draw(st.sampled_from(comparisons(row)))
    value = draw(pairs(values) if op == "between" else values)
    return found | {"op": op, "value": value} | draw(st.sampled_from([{}, {"missing": "yes"}]))


@st.composite
def siblings(draw, as_of):
    """Conditions on the very same events, which the compiler may answer by one aggregation."""
    parts = [
        draw(event_conditions(row, OPERATORS, as_of))
        for row in draw(st.lists(st.sampled_from(PLAIN), min_size=2, max_size=3))
    ]
    same = {key: parts[0][key] for key in ("event", "where", "window") if key in parts[0]}
    others = [{key: value for key, value in part.items() if key not in ("event", "where", "window")} for part in parts]
    return {draw(st.sampled_from(["all", "all", "any"])): [{**same, **other} for other in others]}


@st.composite
def sequences(draw, rows, as_of):
    count = draw(st.integers(2, 3))
    steps = []
    for i in range(count):
        step = draw(selections(rows, as_of, has_window=i == 0))
        if i and draw(st.booleans()):
            step["within_days"] = draw(st.sampled_from([1, 3, 7, 30]))
        if i == count - 1 and draw(st.booleans()):
            step["happens"] = False
        steps.append(step)
    return {"sequence": steps}


@st.composite
def trends(draw, rows, as_of):
    found = draw(selections(rows, as_of, word="trend", has_window=False))
    is_line = found["trend"] in ("order_line", "return_line")
    measure = draw(st.sampled_from([{}, {"measure": "sum"}, {"measure": "distinct", "of": "channel"}]))
    if "sum" in measure.values():
        measure = {"measure": "sum", "of": "amount" if is_line else "value"}
    found |= measure
    op = draw(st.sampled_from(["fell_by", "rose_by", "stopped", "started"]))
    found |= {
        "op": op,
        "days": draw(st.sampled_from([1, 7, 30])),
        "against": draw(st.sampled_from(["before", "year_before"])),
    }
    return found | ({"value": draw(st.sampled_from([10, 33.3, 50, 100]))} if op in ("fell_by", "rose_by") else {})


@st.composite
def segment_conditions(draw, as_of):
    found = {
        "segment": draw(st.sampled_from(SEGMENTS)),
        "op": draw(st.sampled_from(["in", "not_in", "entered", "left"])),
    }
    if found["op"] in ("entered", "left"):
        return found | {"last_days": draw(st.integers(0, 40))}
    return found | ({"on": draw(iso(days_around(as_of)))} if draw(st.booleans()) else {})


@st.composite
def responses(draw, rows, as_of):
    found = {"response": draw(st.sampled_from(["click", "open", "conversion"]))}
    found |= {"campaign": draw(st.sampled_from(["spring", "autumn"]))} if draw(st.booleans()) else {}
    return found | ({"window": draw(windows(rows, as_of))} if draw(st.booleans()) else {})


def conditions(as_of):
    features = st.sampled_from(list(CATALOGUE.values())).flatmap(
        lambda feature: compared(feature.kind, OPERATORS, as_of).map(lambda found: {"feature": feature.key, **found})
    )
    return st.one_of(
        *[siblings(as_of)] * 2,
        *[features] * 5,
        *[event_conditions(row, OPERATORS, as_of) for row in MEASURES],
        sequences(OPERATORS, as_of),
        trends(OPERATORS, as_of),
        segment_conditions(as_of),
        responses(OPERATORS, as_of),
        st.just({"everyone": True}),
        st.builds(
            lambda purpose, channel: {"consent": purpose, "channel": channel},
            st.sampled_from(["marketing", "profiling"]),
            st.sampled_from(["email", "sms", "any"]),
        ),
        st.sampled_from(["email", "sms"]).map(lambda channel: {"reachable": channel}),
    )


@cache
def rules(as_of):
    def groups(parts):
        some = st.lists(parts, min_size=1, max_size=3)
        return st.one_of(
            some.map(lambda found: {"all": found}),
            some.map(lambda found: {"any": found}),
            parts.map(lambda found: {"not": found}),
        )

    nodes = st.recursive(conditions(as_of), groups, max_leaves=4)
    return nodes.map(lambda where: {"version": 1, "where": where})


PLACES = [(seed, MOMENTS[seed % len(MOMENTS)], ZONES[seed % len(ZONES)]) for seed in range(5)]


def situations():
    """(rule as JSON, place): a place is (seed, as_of, zone)."""
    return st.sampled_from(PLACES).flatmap(lambda place: st.tuples(rules(place[1]), st.just(place)))


# --- an engine -------------------------------------------------------------------------------------------------------

TYPES_OF = {
    "int64": "bigint",
    "string": "varchar",
    "float64": "double",
    "array<string>": "varchar[]",
    tables.MONEY: "decimal(16, 4)",
}


def columns_of():
    profile = {"customer_id": "int64", **{key: tables.COLUMN_TYPES[kind] for key, kind in KINDS.items()}}
    return {
        "profile": profile,
        "event": tables.EVENT,
        "order_line": tables.ORDER_LINE,
        "membership": tables.MEMBERSHIP,
        "consent": tables.CONSENT,
        "reach": tables.REACH,
    }


def engine():
    """An empty DuckDB with the tables of a snapshot; event types are an enum there, as in the warehouse."""
    connection = duckdb.connect()
    connection.execute("set threads = 1")
    connection.execute("create type event_type as enum ('order', 'page', 'cart', 'click', 'conversion', 'seen')")
    for table, columns in columns_of().items():
        typed = {name: TYPES_OF.get(kind, kind) for name, kind in columns.items()}
        if table == "event":
            typed["type"] = "event_type"
        connection.execute(f"create table {table} ({', '.join(f'{name} {kind}' for name, kind in typed.items())})")
    return connection


def load(connection, world):
    for table, columns in columns_of().items():
        rows = pa.Table.from_pylist([{name: row[name] for name in columns} for row in world[table]], schema_of(columns))
        connection.register("incoming", rows)
        connection.execute(f"insert into {table} from incoming")
        connection.unregister("incoming")


ARROW = {
    "int64": pa.int64(),
    "string": pa.string(),
    "float64": pa.float64(),
    "date": pa.date32(),
    "timestamp": pa.timestamp("us"),
    "boolean": pa.bool_(),
    "array<string>": pa.list_(pa.string()),
    tables.MONEY: pa.decimal128(16, 4),
}


def schema_of(columns):
    return pa.schema([(name, ARROW[kind]) for name, kind in columns.items()])

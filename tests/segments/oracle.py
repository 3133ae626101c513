"""A plain-Python reading of rules, written from docs/rules.md: no compiler, no engine, only loops over dicts.

A world is a dict of lists of dicts: profile, event, order_line, membership, consent, reach. Times are naive UTC.
`reads(rule, world, kinds, as_of, zone)` gives the ids of the customers for whom the rule (JSON) is true.
"""

import json
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from fractions import Fraction

import re2

FIXED = {
    "event": {
        "time": "ts", "value": "value", "margin": "margin_amount", "channel": "channel", "category": "category",
        "source": "source",
    },
    "order_line": {
        "time": "ts", "sku": "sku", "product": "product", "category": "category", "quantity": "quantity",
        "amount": "amount", "margin": "margin_amount", "channel": "channel", "currency": "currency",
    },
}  # fmt: skip
DATES = {"time"}


class Reader:
    def __init__(self, world, kinds, as_of, zone):
        self.world, self.kinds, self.zone = world, kinds, zone
        self.now = as_of.astimezone(UTC).replace(tzinfo=None)
        self.today = as_of.astimezone(zone).date()

    def members(self, rule):
        return {row["customer_id"] for row in self.world["profile"] if self.holds(rule["where"], row)}

    def local(self, moment):
        return moment.replace(tzinfo=UTC).astimezone(self.zone)

    def holds(self, node, row):
        """True or False: missing has been decided."""
        if "all" in node:
            return all(self.holds(part, row) for part in node["all"])
        if "any" in node:
            return any(self.holds(part, row) for part in node["any"])
        if "not" in node:
            return not self.holds(node["not"], row)
        answer = self.answer(node, row)
        return node.get("missing") == "yes" if answer is None else answer

    def answer(self, node, row):
        for word in (
            "everyone",
            "feature",
            "event",
            "sequence",
            "trend",
            "segment",
            "consent",
            "reachable",
            "response",
        ):
            if word in node:
                return getattr(self, word)(node, row)
        raise AssertionError(node)

    def everyone(self, node, row):
        return True

    def feature(self, node, row):
        key, op = node["feature"], node["op"]
        value = row[key]
        if op in ("is_missing", "is_present"):
            return (value is None) == (op == "is_missing")
        if value is None:
            return None
        if op in ("top_percent", "bottom_percent", "top", "bottom", "quintile"):
            return self.rank(key, op, value, node["value"])
        return self.compare(value, self.kinds[key], op, node.get("value"))

    def rank(self, key, op, value, limit):
        others = [row[key] for row in self.world["profile"] if row[key] is not None]
        above, below = sum(other > value for other in others), sum(other < value for other in others)
        if op == "top":
            return above < limit
        if op == "bottom":
            return below < limit
        if op == "quintile":
            return int(Fraction(5 * below, len(others))) + 1 == limit
        ahead = above if op == "top_percent" else below
        return Fraction(ahead, len(others)) < Fraction(str(limit)) / 100

    def compare(self, value, kind, op, given):
        if kind in ("date", "datetime"):
            return self.compare_day(self.local(value) if kind == "datetime" else value, kind, op, given)
        if kind == "list":
            return {
                "includes": lambda: given in value,
                "excludes": lambda: given not in value,
                "includes_any": lambda: bool(set(given) & set(value)),
                "includes_all": lambda: set(given) <= set(value),
            }[op]()
        if kind == "money":
            given = [Decimal(str(x)) for x in given] if isinstance(given, list) else Decimal(str(given))
        return self.compare_plain(value, op, given)

    def compare_plain(self, value, op, given):
        return {
            "is": lambda: value == given,
            "is_not": lambda: value != given,
            "one_of": lambda: value in given,
            "none_of": lambda: value not in given,
            "contains": lambda: given.lower() in value.lower(),
            "starts_with": lambda: value.lower().startswith(given.lower()),
            "ends_with": lambda: value.lower().endswith(given.lower()),
            "matches": lambda: re2.search(given, value) is not None,
            "at_least": lambda: value >= given,
            "at_most": lambda: value <= given,
            "more_than": lambda: value > given,
            "less_than": lambda: value < given,
            "between": lambda: given[0] <= value <= given[1],
        }[op]()

    def compare_day(self, value, kind, op, given):
        day = value.date() if kind == "datetime" else value
        iso = date.fromisoformat
        back = (self.today - day).days
        return {
            "on": lambda: day == iso(given),
            "before": lambda: day < iso(given),
            "after": lambda: day > iso(given),
            "from": lambda: day >= iso(given),
            "until": lambda: day <= iso(given),
            "between_dates": lambda: iso(given[0]) <= day <= iso(given[1]),
            "in_last_days": lambda: 0 <= back <= given,
            "in_next_days": lambda: 0 <= -back <= given,
            "more_than_days_ago": lambda: back > given,
            "at_least_years_ago": lambda: self.full_years(day) >= given,
            "less_than_years_ago": lambda: self.full_years(day) < given,
            "anniversary_in_days": lambda: self.days_to_anniversary(day) <= given,
            "weekday": lambda: day.isoweekday() in given,
            "month": lambda: day.month in given,
            "hour": lambda: value.hour in given,
        }[op]()

    def full_years(self, day):
        """Birthdays had; who was born on 29 February has one on 28 February of a short year… seen from today's side:
        today counts as its own day so many years before, and 29 February as 28 February where there is none."""
        years = self.today.year - day.year
        try:
            then = self.today.replace(year=day.year)
        except ValueError:
            then = date(day.year, 2, 28)
        return years if day <= then else years - 1

    def days_to_anniversary(self, day):
        for ahead in range(400):
            then = self.today + timedelta(days=ahead)
            is_leap = then.year % 4 == 0 and (then.year % 100 != 0 or then.year % 400 == 0)
            if (then.month, then.day) == (day.month, day.day):
                return ahead
            if (day.month, day.day) == (2, 29) and not is_leap and (then.month, then.day) == (2, 28):
                return ahead
        raise AssertionError("a year has passed")

    # --- events

    def events(self, node, word, customer_id):
        """Selected events of the customer, window included."""
        types = node[word] if isinstance(node[word], list) else [node[word]]
        if types[0] in ("order_line", "return_line"):
            kind = {"order_line": "sale", "return_line": "return"}[types[0]]
            table, found = "order_line", [e for e in self.world["order_line"] if e["kind"] == kind]
        else:
            table = "event"
            found = [e for e in self.world["event"] if types == ["any"] or e["type"] in types]
        found = [e for e in found if e["customer_id"] == customer_id and e["ts"] <= self.now]
        found = [e for e in found if all(self.test(test, e, table) for test in node.get("where", []))]
        window = node.get("window")
        return [e for e in found if window is None or self.inside(e, window, customer_id)]

    def test(self, test, event, table):
        value, kind = self.property(test["property"], event, table, test.get("kind", "text"))
        op = test["op"]
        if op in ("is_missing", "is_present"):
            return (value is None) == (op == "is_missing")
        if value is None:
            return test.get("missing") == "yes"
        return self.compare(value, kind, op, test.get("value"))

    def property(self, name, event, table, kind):
        if name in FIXED[table]:
            fixed = (
                "datetime"
                if name in DATES
                else "money"
                if name in ("value", "quantity", "amount", "margin")
                else "text"
            )
            return event[FIXED[table][name]], fixed
        value = json.loads(event["properties"] or "{}").get(name.removeprefix("properties."))
        right = {"text": str, "number": (int, float), "truth": bool}[kind]
        if not isinstance(value, right) or (kind == "number" and isinstance(value, bool)):
            return None, kind
        return (Decimal(str(value)), "money") if kind == "number" else (value, kind)

    def inside(self, event, window, customer_id):
        day = self.local(event["ts"]).date()
        if "last_days" in window:
            return (self.today - day).days <= window["last_days"]
        if "from_days_ago" in window:
            return window["to_days_ago"] <= (self.today - day).days <= window["from_days_ago"]
        if "before" in window or "after" in window:
            side = "before" if "before" in window else "after"
            others = [e["ts"] for e in self.events(window[side], "event", customer_id)]
            if not others:
                return False
            mark = min(others) if window[side].get("which", "first") == "first" else max(others)
            return event["ts"] < mark if side == "before" else event["ts"] > mark
        first, last = window.get("from"), window.get("to")
        return (not first or day >= date.fromisoformat(first)) and (not last or day <= date.fromisoformat(last))

    def table_of(self, types):
        first = types[0] if isinstance(types, list) else types
        return "order_line" if first in ("order_line", "return_line") else "event"

    def measure(self, node, word, events):
        """The measure's value; None is missing."""
        measure, table = node.get("measure", "count"), self.table_of(node[word])
        if measure == "count":
            return len(events)
        times = [e["ts"] for e in events]
        if measure in ("first", "last", "days_since"):
            return (min(times) if measure == "first" else max(times)) if times else None
        if measure == "share":
            inner = [e for e in events if all(self.test(test, e, table) for test in node["of"])]
            return Fraction(len(inner), len(events)) if events else None
        kind = "text" if measure == "distinct" else "number"
        values = [self.property(node["of"], e, table, kind)[0] for e in events]
        values = [value for value in values if value is not None]
        if measure == "distinct":
            return len(set(values))
        if measure == "sum":
            return sum(values, Decimal(0))
        if not values:
            return None
        if measure == "average":
            return Fraction(sum(values, Decimal(0))) / len(values)
        return min(values) if measure == "minimum" else max(values)

    def event(self, node, row):
        measure = node.get("measure", "count")
        value = self.measure(node, "event", self.events(node, "event", row["customer_id"]))
        if value is None:
            return None
        if measure in ("first", "last"):
            return self.compare_day(self.local(value), "datetime", node["op"], node["value"])
        if measure == "days_since":
            value = (self.today - self.local(value).date()).days
        given = node.get("value", 1)
        exact = [Fraction(str(x)) for x in given] if isinstance(given, list) else Fraction(str(given))
        return self.compare_plain(Fraction(value), node.get("op", "at_least"), exact)

    def response(self, node, row):
        where = (
            [{"property": "properties.campaign", "op": "is", "value": node["campaign"]}] if "campaign" in node else []
        )
        where += [{"property": "properties.by", "op": "is_not", "value": "machine", "missing": "yes"}]
        event = {"event": node["response"], "where": where, "window": node.get("window")}
        return bool(self.events(event, "event", row["customer_id"]))

    def sequence(self, node, row):
        steps = node["sequence"]
        found = [self.events(step, "event", row["customer_id"]) for step in steps]
        return any(self.goes_on(steps, found, 1, [event]) for event in found[0])

    def goes_on(self, steps, found, i, path):
        """Whether the sequence can go on from step i after the events of its path."""
        if i == len(steps):
            return True
        step = steps[i]
        within = timedelta(days=step["within_days"]) if "within_days" in step else None
        later = [e for e in found[i] if self.follows(path, e, steps, step, within)]
        if step.get("happens", True):
            return any(self.goes_on(steps, found, i + 1, [*path, event]) for event in later)
        return not later and (within is None or path[-1]["ts"] + within <= self.now)

    def follows(self, path, event, steps, step, within):
        """At or after the last one, later than each that could be the same event, within its time."""
        apart = (event["ts"] > b["ts"] or not self.overlap(s, step) for b, s in zip(path, steps, strict=False))
        before = path[-1]["ts"]
        return event["ts"] >= before and all(apart) and (within is None or event["ts"] <= before + within)

    def overlap(self, earlier, step):
        one, other = ([x] if isinstance(x, str) else x for x in (earlier["event"], step["event"]))
        return bool(set(one) & set(other)) or ("any" in one + other and self.table_of(one) == self.table_of(other))

    def trend(self, node, row):
        days, shift = node.get("days", 90), 364 if node.get("against") == "year_before" else node.get("days", 90)
        events = self.events(node, "trend", row["customer_id"])
        back = [(self.today - self.local(e["ts"]).date()).days for e in events]
        now = self.measure(node, "trend", [e for e, b in zip(events, back, strict=True) if 1 <= b <= days])
        old = self.measure(node, "trend", [e for e, b in zip(events, back, strict=True) if 1 <= b - shift <= days])
        if node["op"] == "stopped":
            return old > 0 and now == 0
        if node["op"] == "started":
            return old == 0 and now > 0
        if old <= 0:
            return None
        change = (Fraction(now) - Fraction(old)) / Fraction(old) * 100
        percent = Fraction(str(node["value"]))
        return change <= -percent if node["op"] == "fell_by" else change >= percent

    # --- the rest

    def segment(self, node, row):
        ledger = [m for m in self.world["membership"] if m["segment"] == node["segment"]
                  and m["customer_id"] == row["customer_id"]]  # fmt: skip
        op = node.get("op", "in")
        if op in ("entered", "left"):
            times = [m["entered_at" if op == "entered" else "left_at"] for m in ledger if m["entered_at"] <= self.now]
            times = [t for t in times if t is not None and t <= self.now]
            return any((self.today - self.local(t).date()).days <= node["last_days"] for t in times)
        on = date.fromisoformat(node["on"]) if node.get("on") else None
        if on is None or on >= self.today:
            inside = any(
                m["entered_at"] <= self.now and (m["left_at"] is None or m["left_at"] > self.now) for m in ledger
            )
        else:
            inside = any(
                self.local(m["entered_at"]).date() <= on
                and (m["left_at"] is None or self.local(m["left_at"]).date() > on)
                for m in ledger
            )
        return inside if op == "in" else not inside

    def consent(self, node, row):
        said = [
            c
            for c in self.world["consent"]
            if c["customer_id"] == row["customer_id"] and c["purpose"] == node["consent"] and c["since_at"] <= self.now
            if c["channel"] in (node["channel"], "any")
        ]
        if not said:
            return None
        withdrawn = [c["since_at"] for c in said if not c["is_granted"]]
        unexpired = [c for c in said if c["is_granted"] and (c["expires_at"] is None or c["expires_at"] > self.now)]
        return any(all(then < c["since_at"] for then in withdrawn) for c in unexpired)

    def reachable(self, node, row):
        return any(
            r["has_address"] and not r["is_suppressed"]
            for r in self.world["reach"]
            if r["customer_id"] == row["customer_id"] and r["channel"] == node["reachable"]
        )


def reads(rule, world, kinds, as_of: datetime, zone):
    """Ids of the customers for whom the rule is true."""
    return Reader(world, kinds, as_of, zone).members(rule)

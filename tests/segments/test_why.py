"""Why in, why not: the marks agree with membership, and the smallest change really turns the rule and is smallest."""

from itertools import combinations

import pytest
from django.utils import timezone, translation
from hypothesis import given, settings

from segments import explanations
from segments.rules import tree
from segments.rules.compiler import sql
from segments.rules.moments import Moment
from segments.rules.reading import Known, read_rule
from segments.rules.why import evidence, explain, smallest_change
from tests.segments import worlds
from tests.segments.oracle import reads
from tests.segments.test_compiler import HURRY, KNOWN, loaded  # noqa: F401

SEED, AS_OF, ZONE = worlds.PLACES[0]


def marks(engine, rule, moment, customer_ids):
    found = evidence(rule, worlds.CATALOGUE, moment, customer_ids)
    rows = engine.execute(sql(found.rows)).fetchall()
    answers = {number: [] for number in customer_ids}
    for customer_id, *answer in rows:
        answers[customer_id].append(answer)
    return {number: explain(rule, found.leaves, answers[number], moment) for number in customer_ids}


def counts(node, path, turned, marked):
    """Whether the rule counts as true once some conditions are turned: a fold written apart from the code's."""
    parts = [counts(part, place, turned, marked) for place, part in tree.children(node, path)]
    if isinstance(node, tree.AllOf):
        return all(parts)
    if isinstance(node, tree.AnyOf):
        return any(parts)
    if isinstance(node, tree.Not):
        return not parts[0]
    return marked[path] != (path in turned)


def leaf_marks(mark):
    return {mark.path: mark} if not mark.parts else {k: v for part in mark.parts for k, v in leaf_marks(part).items()}


@settings(max_examples=12, **HURRY)
@given(situation=worlds.situations())
def test_marks_agree_with_membership_and_the_change_turns_it(loaded, situation):  # noqa: F811
    given_rule, place = situation
    engine, world = loaded[place]
    rule, moment = read_rule(given_rule, KNOWN), Moment(place[1], place[2])
    ids = [row["customer_id"] for row in world["profile"]][:6]
    inside = reads(given_rule, world, worlds.KINDS, place[1], place[2])
    for number, mark in marks(engine, rule, moment, ids).items():
        assert mark.counts == (number in inside)
        marked = {path: leaf.counts for path, leaf in leaf_marks(mark).items()}
        change = {one.path for one in smallest_change(mark)}
        free = [path for path, leaf in leaf_marks(mark).items() if not isinstance(leaf.node, tree.Everyone)]
        smaller = [set(c) for size in range(len(free)) for c in combinations(free, size)][:200]
        ways = [one for one in smaller if counts(rule.where, "where", one, marked) != mark.counts]
        if change:
            assert counts(rule.where, "where", change, marked) != mark.counts
            assert all(len(one) >= len(change) for one in ways)


@pytest.fixture(scope="module")
def shop():
    engine = worlds.engine()
    engine.execute("insert into profile (customer_id, city, age) values (1, 'Espoo', 40), (2, null, 20)")
    engine.execute("""insert into event (customer_id, type, ts, value) values
        (1, 'order', '2026-10-01 10:00', 10), (1, 'order', '2026-10-20 10:00', 20.5)""")
    yield engine
    engine.close()


def why(engine, where, number):
    rule = read_rule({"version": 1, "where": where}, Known(worlds.CATALOGUE))
    return marks(engine, rule, Moment(AS_OF, ZONE), [number])[number]


def test_value_seen_and_missing_are_told_apart(shop):
    where = {
        "all": [{"feature": "city", "op": "is", "value": "Helsinki"}, {"feature": "age", "op": "at_least", "value": 18}]
    }
    first, second = why(shop, where, 1), why(shop, where, 2)
    assert (first.parts[0].answer, first.parts[0].seen) == (False, "Espoo")
    assert (second.parts[0].answer, second.parts[0].counts, second.parts[0].seen) == (None, False, None)
    assert [one.path for one in smallest_change(first)] == ["where.all[0]"]
    assert smallest_change(first)[0].becomes is True


@pytest.mark.parametrize(
    ("where", "number", "answer", "seen"),
    [
        ({"event": "order", "op": "at_least", "value": 3}, 1, False, "2"),
        ({"event": "order", "op": "at_least", "value": 3}, 2, False, "0"),
        ({"event": "order", "measure": "sum", "of": "value", "op": "more_than", "value": 30}, 1, True, "30.5000"),
        ({"event": "order", "measure": "days_since", "op": "at_most", "value": 30}, 1, True, "12"),
        ({"event": "order", "measure": "days_since", "op": "at_most", "value": 30}, 2, None, None),
        ({"event": "order", "measure": "average", "of": "value", "op": "more_than", "value": 30}, 1, False, "15.25"),
        ({"trend": "order", "days": 20, "op": "rose_by", "value": 10}, 1, False, "1 → 1"),
    ],
)
def test_value_seen_of_events_is_what_a_person_would_compare(shop, where, number, answer, seen):
    mark = why(shop, where, number)
    assert (mark.answer, mark.seen) == (answer, seen)


def test_nothing_can_turn_everyone(shop):
    assert smallest_change(why(shop, {"everyone": True}, 1)) == ()


@pytest.mark.parametrize(("key", "seen", "english", "finnish"), [
    ("is_eco", "true", "yes", "kyllä"), ("age", "34.0", "34", "34"), ("age", "2.25", "2.25", "2,25"),
    ("income", "71250.5000", "71,250.50", "71\xa0250,50"), ("born_on", "2004-02-29", "29 Feb 2004", "29.2.2004"),
    ("city", "true", "true", "true"), ("age", "", "", ""),
])  # fmt: skip
def test_a_value_seen_is_told_as_people_write_it(key, seen, english, finnish):
    node = tree.FeatureCondition(key, "is", None, False)
    for language, told in (("en", english), ("fi", finnish)):
        with translation.override(language):
            assert explanations.told_of(seen, node, worlds.CATALOGUE, language) == told


@pytest.mark.parametrize(("where", "seen", "english", "finnish"), [
    ({"event": "order", "measure": "sum", "of": "value", "op": "at_least", "value": 1}, "30.5000", "30.50", "30,50"),
    ({"event": "order", "measure": "last", "op": "in_last_days", "value": 1}, "2026-11-01 08:00:00",
     "1 Nov 2026, 10:00", "1.11.2026 klo 10.00"),
    ({"event": "order", "measure": "share", "of": [{"property": "channel", "op": "is", "value": "web"}],
      "op": "at_least", "value": 0.5}, "0.666666", "66.7%", "66,7\xa0%"),
    ({"trend": "order", "measure": "sum", "of": "value", "op": "fell_by", "value": 1}, "1200.0000 → 3.5000",
     "1,200 → 3.50", "1\xa0200 → 3,50"),
    ({"segment": "vip"}, "2026-11-01 08:00:00.123456", "1 Nov 2026, 10:00", "1.11.2026 klo 10.00"),
    ({"consent": "marketing", "channel": "email"}, "false", "no", "ei"),
    ({"feature": "joined_at", "op": "in_last_days", "value": 1}, "2026-07-01 21:30:00", "2 Jul 2026, 00:30",
     "2.7.2026 klo 0.30"),
    ({"feature": "income", "op": "quintile", "value": 1}, "2.5000", "2.50", "2,50"),
])  # fmt: skip
def test_what_was_counted_is_told_as_people_write_it(where, seen, english, finnish):
    node = read_rule({"version": 1, "where": where}, KNOWN).where
    for language, told in (("en", english), ("fi", finnish)):
        with translation.override(language), timezone.override("Europe/Helsinki"):
            assert explanations.told_of(seen, node, worlds.CATALOGUE, language) == told

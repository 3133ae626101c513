"""Refreshing on real rows: who entered and left, when, by which rule version, and what failures leave untouched."""

from datetime import UTC, datetime, timedelta

import pytest
from django.db import OperationalError, connection

from crm.models import Customer, Order, User
from crm.rights import machine
from profiles import actions as profile_actions
from segments import actions, evaluation, ledger, queries
from segments import refresh as segment_refresh
from segments.models import Membership, Segment, SegmentRun
from segments.rules.errors import RuleError

pytestmark = pytest.mark.django_db
AT = datetime(2026, 11, 1, 12, tzinfo=UTC)
BY = machine("test")
REPEAT = {"version": 1, "where": {"event": "order", "measure": "count", "op": "at_least", "value": 2}}


def customer(number: str, **more) -> Customer:
    return Customer.objects.create(number=number, created_at=AT, updated_at=AT, **more)


def order(buyer: Customer, number: str, at: datetime) -> None:
    Order.objects.create(
        source="shop", number=number, customer=buyer, ordered_at=at, currency="EUR", total_amount=10,
        created_at=at, updated_at=at,
    )  # fmt: skip


def refresh(at: datetime, *slugs: str) -> dict[str, actions.Refreshed]:
    profile_actions.refresh(at=at)
    return {row.slug: row for row in actions.refresh_segments(at=at, slugs=slugs or None)}


def test_the_ledger_shows_who_entered_and_left_when_and_by_which_rule_version() -> None:
    ada, bo = customer("1", city="Turku"), customer("2", city="Oulu")
    order(ada, "a", AT - timedelta(days=3))
    order(ada, "b", AT - timedelta(days=2))
    segment = actions.create_segment(name="Repeat buyers", rule=REPEAT, by=BY, at=AT)
    assert refresh(AT)["repeat-buyers"].entered == 1

    order(bo, "c", AT + timedelta(minutes=1))
    order(bo, "d", AT + timedelta(minutes=2))
    assert refresh(AT + timedelta(minutes=5))["repeat-buyers"].entered == 1

    three = {"version": 1, "where": {"event": "order", "op": "at_least", "value": 3}}
    actions.change_segment(segment=segment, rule=three, by=BY, at=AT + timedelta(minutes=6))
    assert refresh(AT + timedelta(minutes=10))["repeat-buyers"].left == 2
    rows = Membership.objects.order_by("id").values_list(
        "customer__number", "entered_at", "entered_reason", "entered_version", "left_at", "left_reason", "left_version"
    )
    left = AT + timedelta(minutes=10)
    assert list(rows) == [
        ("1", AT, "matched", 1, left, "rule_changed", 2),
        ("2", AT + timedelta(minutes=5), "matched", 1, left, "rule_changed", 2),
    ]
    assert queries.versions(segment)[0].sentence.startswith("Customers where there are at least")


def test_only_due_segments_are_refreshed_and_each_keeps_its_own_period() -> None:
    slow = actions.create_segment(name="Slow", rule=REPEAT, by=BY, at=AT, period_minutes=60)
    actions.create_segment(name="Quick", rule=REPEAT, by=BY, at=AT)
    assert set(refresh(AT)) == {"slow", "quick"}
    assert set(refresh(AT + timedelta(minutes=6))) == {"quick"}
    assert refresh(AT + timedelta(minutes=6), "slow")["slow"].late_seconds == 0
    slow.refresh_from_db()
    assert slow.due_at == AT + timedelta(minutes=66)


def test_one_segment_that_fails_never_stops_the_others_and_waits_longer_each_time() -> None:
    broken = actions.create_segment(name="Broken", rule=REPEAT, by=BY, at=AT)
    Segment.objects.filter(pk=broken.pk).update(
        rule={"version": 1, "where": {"feature": "gone", "op": "is", "value": 1}}
    )
    actions.create_segment(name="Sound", rule=REPEAT, by=BY, at=AT)
    done = refresh(AT)
    assert "gone" in done["broken"].error
    assert done["sound"].error == ""
    broken.refresh_from_db()
    assert (broken.failures, broken.due_at) == (1, AT + timedelta(minutes=5))
    refresh(AT + timedelta(minutes=5))
    broken.refresh_from_db()
    assert (broken.failures, broken.due_at) == (2, AT + timedelta(minutes=15))
    assert queries.is_stale(broken, at=AT)
    assert SegmentRun.objects.filter(segment=broken).exclude(error="").count() == 2


@pytest.mark.parametrize("rule", [REPEAT, {"version": 1, "where": {"feature": "gone", "op": "is", "value": 1}}])
def test_a_refresh_wished_for_while_one_is_under_way_is_not_lost(rule) -> None:
    segment = actions.create_segment(name="Repeat", rule=REPEAT, by=BY, at=AT)
    Segment.objects.update(rule=rule)
    profile_actions.refresh(at=AT)
    taken_up, wished_at = segment_refresh.due(at=AT), AT + timedelta(seconds=2)
    actions.request_refresh(segment=segment, by=BY, at=wished_at)
    segment_refresh.refresh(taken_up, at=AT, engine=evaluation.engine(at=AT))
    segment.refresh_from_db()
    assert segment.due_at == wished_at
    assert [one.slug for one in segment_refresh.waiting(["repeat"], at=wished_at)] == ["repeat"]
    refresh(wished_at)
    segment.refresh_from_db()
    assert segment.due_at > wished_at


def test_a_ledger_that_cannot_be_written_stops_no_other_segment_and_leaves_its_own_as_it_was(monkeypatch) -> None:
    for name in ("Broken", "Sound"):
        actions.create_segment(name=name, rule=REPEAT, by=BY, at=AT)
    written = ledger.replace

    def locked(segment, *words, **more):
        if segment.slug == "broken":
            Segment.objects.filter(pk=segment.pk).update(size=77)
            raise OperationalError("database is locked")
        return written(segment, *words, **more)

    monkeypatch.setattr(ledger, "replace", locked)
    done = refresh(AT)
    assert (done["sound"].error, "log says more" in done["broken"].error) == ("", True)
    rows = Segment.objects.order_by("slug").values_list("slug", "failures", "refreshed_at", "size")
    assert list(rows) == [("broken", 1, None, 0), ("sound", 0, AT, 0)]


@pytest.mark.django_db(transaction=True)
def test_the_ledger_is_read_ahead_where_another_connection_sees_it(monkeypatch) -> None:
    ada, bo = customer("1"), customer("2")
    for name in ("One", "Two", "Three"):
        actions.create_segment(name=name, rule=REPEAT, by=BY, at=AT)
    order(ada, "a", AT)
    order(ada, "b", AT)
    refresh(AT)
    order(bo, "c", AT + timedelta(minutes=1))
    order(bo, "d", AT + timedelta(minutes=1))
    Order.objects.filter(customer=ada).update(kind="quote", updated_at=AT + timedelta(minutes=2))
    if connection.vendor == "postgresql":  # the tests' SQLite is in memory
        monkeypatch.setattr(ledger, "members", None)
    done = refresh(AT + timedelta(minutes=6))
    assert {(row.entered, row.left, row.error) for row in done.values()} == {(1, 1, "")}
    assert len(done) == 3


def test_a_refresh_overtaken_by_one_on_a_newer_snapshot_writes_nothing() -> None:
    ada = customer("1")
    actions.create_segment(name="Repeat", rule=REPEAT, by=BY, at=AT)
    profile_actions.refresh(at=AT)
    slow = evaluation.engine(at=AT)
    order(ada, "a", AT)
    order(ada, "b", AT)
    assert refresh(AT + timedelta(minutes=1))["repeat"].entered == 1
    (done,) = segment_refresh.refresh(list(Segment.objects.all()), at=AT + timedelta(minutes=2), engine=slow)
    assert (done.size, done.left, Membership.objects.get().left_at) == (1, 0, None)


def test_a_segment_in_a_rule_is_evaluated_first_in_the_same_refresh() -> None:
    ada = customer("1")
    order(ada, "a", AT - timedelta(days=3))
    order(ada, "b", AT - timedelta(days=2))
    customer("2")
    actions.create_segment(name="Zebra", rule=REPEAT, by=BY, at=AT)
    others = {"version": 1, "where": {"segment": "zebra", "op": "not_in"}}
    actions.create_segment(name="Alpha", rule=others, by=BY, at=AT)
    done = refresh(AT)
    assert (done["zebra"].size, done["alpha"].size) == (1, 1)


def test_rules_may_not_lead_back_to_themselves_and_a_used_segment_cannot_vanish() -> None:
    first = actions.create_segment(name="First", rule=REPEAT, by=BY, at=AT)
    actions.create_segment(name="Second", rule={"version": 1, "where": {"segment": "first", "op": "in"}}, by=BY, at=AT)
    with pytest.raises(RuleError, match="circle"):
        actions.change_segment(
            segment=first, rule={"version": 1, "where": {"segment": "second", "op": "in"}}, by=BY, at=AT
        )
    with pytest.raises(actions.SegmentInUse, match="second"):
        actions.archive_segment(segment=first, by=BY, at=AT)


def test_named_lists_change_by_hand_only() -> None:
    people = [customer(str(n)) for n in range(3)]
    listed = actions.create_segment(name="Fair visitors", kind="static", by=BY, at=AT)
    moved = actions.add_members(segment=listed, customers=[p.pk for p in people], by=BY, at=AT)
    assert (moved.size, moved.entered) == (3, 3)
    assert actions.remove_members(segment=listed, customers=[people[0].pk], by=BY, at=AT).left == 1
    assert [c.number for c in queries.members(listed, BY).order_by("number")] == ["1", "2"]
    ruled = actions.create_segment(name="Ruled", rule=REPEAT, by=BY, at=AT)
    with pytest.raises(actions.Refused, match="named lists"):
        actions.add_members(segment=ruled, customers=[people[0].pk], by=BY, at=AT)
    with pytest.raises(actions.Refused, match="no customer 99999"):
        actions.add_members(segment=listed, customers=[99999], by=BY, at=AT)


def test_archiving_closes_every_interval_and_restoring_brings_members_back() -> None:
    ada = customer("1")
    order(ada, "a", AT - timedelta(days=3))
    order(ada, "b", AT - timedelta(days=2))
    segment = actions.create_segment(name="Repeat", rule=REPEAT, by=BY, at=AT)
    refresh(AT)
    actions.archive_segment(segment=segment, by=BY, at=AT + timedelta(days=1))
    assert list(Membership.objects.values_list("left_reason", flat=True)) == ["archived"]
    assert refresh(AT + timedelta(days=2)) == {}
    actions.restore_segment(segment=segment, by=BY, at=AT + timedelta(days=3))
    assert refresh(AT + timedelta(days=3))["repeat"].entered == 1


def test_preview_gives_size_sentence_and_people_without_saving_anything() -> None:
    ada = customer("1", first_name="Ada")
    order(ada, "a", AT - timedelta(days=3))
    order(ada, "b", AT - timedelta(days=2))
    profile_actions.refresh(at=AT)
    answer = queries.preview(actions.check_rule(REPEAT, by=BY), BY, as_of=AT)
    assert (answer.size, [c.first_name for c in answer.sample]) == (1, ["Ada"])
    assert answer.sentence.startswith("Customers where there are at least")
    assert not Segment.objects.exists()


def test_an_accepted_cluster_is_kept_up_by_the_timetable() -> None:
    for n in range(60):
        customer(str(n), city="Turku" if n % 2 else "Oulu", country="FI" if n % 2 else "SE")
    profile_actions.refresh(at=AT)
    asked = actions.start_clustering(features=["city", "country"], by=BY, at=AT, seed=3)
    found = actions.run_clustering(clustering_id=asked.pk, at=AT)
    assert (found.status, found.proposed_k) == ("finished", 2)
    accepted = actions.accept_cluster(cluster=found.clusters.get(position=0), name="Group one", by=BY, at=AT)
    assert refresh(AT)[accepted.slug].size == 30
    city = queries.members(accepted, BY).values_list("city", flat=True)[0]
    customer("new", city=city, country="FI" if city == "Turku" else "SE")
    assert refresh(AT + timedelta(minutes=5))[accepted.slug].entered == 1


def test_sales_staff_may_not_change_segments() -> None:
    from crm import access

    seller = access.of_user(User.objects.create_user("anna-s", role="sales"))
    with pytest.raises(actions.Refused):
        actions.create_segment(name="Mine", rule=REPEAT, by=seller, at=AT)

"""Merging and taking apart: nothing is lost, nothing is loosened, and both come back exactly."""

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import date, timedelta
from decimal import Decimal
from time import sleep
from types import SimpleNamespace
from typing import Any

import pytest
from django.db import OperationalError, connection, transaction
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from crm import access, actions, queries, rights
from crm.actions.joined_consents import allows, read
from crm.models import AuditLine, Channel, ConsentState, Customer, Event, Merge, Order, Purpose, Touch, User
from crm.refusals import Refused
from tests.crm.conftest import NOW

MACHINE = rights.machine("test")
LATER = NOW + timedelta(days=1)
TEXTS = st.sampled_from(["", "Aada", "Åke", "O'Neil"])
PURPOSES, CHANNELS = ("marketing", "tracking"), ("any", "email", "sms")
SAID = st.lists(
    st.tuples(
        st.sampled_from(PURPOSES),
        st.sampled_from(CHANNELS),
        st.booleans(),
        st.integers(0, 6),
        st.sampled_from([None, -1, 40]),
    ),
    max_size=6,
)
PERSONS = st.fixed_dictionaries(
    {
        "first_name": TEXTS,
        "last_name": TEXTS,
        "email": st.sampled_from(["", "a@example.fi", "b@example.fi"]),
        "city": TEXTS,
        "birth_date": st.none() | st.dates(min_value=date(1950, 1, 1), max_value=date(2000, 1, 1)),
        "stage": st.sampled_from(["prospect", "regular"]),
        "attributes": st.dictionaries(st.sampled_from(["pet", "income"]), st.sampled_from(["cat", "12.50"])),
        "objected_at": st.none() | st.just(NOW - timedelta(days=3)),
    }
)
TAKEN = st.sets(st.sampled_from(["first_name", "email", "city", "birth_date", "stage"]))


few = settings(
    max_examples=12,
    phases=[Phase.explicit, Phase.generate],
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)


@contextmanager
def undone() -> Iterator[None]:
    """What happens inside never happened: one example must not meet another."""
    with transaction.atomic():
        yield
        transaction.set_rollback(True)


def person(number: str, values: dict[str, Any], said: list[Any], rows: int) -> Customer:
    one = Customer.objects.create(number=number, created_at=NOW - timedelta(days=9), updated_at=NOW, **values)
    for purpose, channel, is_granted, days, expires in said:
        ConsentState.objects.update_or_create(
            customer=one,
            purpose=purpose,
            channel=channel,
            defaults={
                "is_granted": is_granted,
                "since_at": NOW - timedelta(days=days),
                "expires_at": NOW + timedelta(days=expires) if is_granted and expires is not None else None,
                "updated_at": NOW,
            },
        )
    for index in range(rows):
        event = actions.NewEvent("web", f"{number}-{index}", "page", NOW, one.pk)
        order = actions.NewOrder("s", f"{number}-{index}", NOW, "EUR", total_amount=Decimal(1), customer_id=one.pk)
        actions.record_events([event], by=MACHINE, at=NOW)
        actions.record_order(order, by=MACHINE, at=NOW)
    return one


def picture() -> dict[str, list[Any]]:
    """All that a merge may touch, without the times at which rows were written."""
    left_out = {"updated_at", "received_at"}
    tables = (Customer, ConsentState, Event, Order)
    return {
        table.__name__: [
            {name: value for name, value in row.items() if name not in left_out}
            for row in table.objects.order_by("pk").values()
        ]
        for table in tables
    }


def admin() -> rights.Actor:
    return access.of_user(User.objects.get(username="adele"))


@few
@given(PERSONS, PERSONS, SAID, SAID, TAKEN, st.integers(0, 3), st.booleans())
def test_a_merge_taken_apart_leaves_both_as_they_were(
    cast: SimpleNamespace, one: dict, two: dict, said: list, also: list, take: set, rows: int, order: bool
) -> None:
    with undone():
        first, second = person("1", one, said, rows), person("2", two, also, 3 - rows)
        survivor, merged = (first, second) if order else (second, first)
        before = picture()
        merge = actions.merge_customers(survivor, merged, take=take, by=admin(), at=NOW)
        assert merge.pk and picture() != before
        undone_merge = actions.unmerge(merge, by=admin(), at=LATER)
        assert picture() == before and undone_merge.kept == []


@few
@given(PERSONS, PERSONS, SAID, SAID)
def test_no_channel_is_open_that_one_of_the_two_had_closed(
    cast: SimpleNamespace, one: dict, two: dict, said: list, also: list
) -> None:
    with undone():
        first, second = person("1", one, said, 0), person("2", two, also, 0)
        sides = {
            (purpose, channel): [allows(read(row.pk), purpose, channel, at=NOW) for row in (first, second)]
            for purpose in Purpose.values
            for channel in Channel.values
        }
        actions.merge_customers(first, second, by=admin(), at=NOW)
        for (purpose, channel), was in sides.items():
            is_open = queries.consenting(purpose, channel, at=NOW).filter(customer=first).exists()
            assert not is_open or (True in was and False not in was), (purpose, channel, was)
        assert not ConsentState.objects.filter(customer=second).exists()
        first.refresh_from_db()
        assert bool(first.objected_at) == bool(one["objected_at"] or two["objected_at"])


@few
@given(SAID)
def test_what_is_allowed_is_read_as_the_rest_of_the_house_reads_it(cast: SimpleNamespace, said: list) -> None:
    with undone():
        one = person("1", {}, said, 0)
        for purpose in PURPOSES:
            for channel in Channel.values:
                mine = allows(read(one.pk), purpose, channel, at=NOW) is True
                assert mine == queries.consenting(purpose, channel, at=NOW).filter(customer=one).exists()


@pytest.fixture
def pair(cast: SimpleNamespace, make_customer: Callable) -> tuple[Customer, Customer]:
    """Two records of one person in team North."""
    first = make_customer("1", cast.north, first_name="Aada", email="aada@example.fi")
    return first, make_customer("2", cast.north, first_name="Ada", city="Turku", email="ada@example.fi")


def test_the_number_merged_away_leads_to_who_stayed(pair: tuple, cast: SimpleNamespace) -> None:
    first, second = pair
    actions.merge_customers(first, second, take=["email"], by=access.of_user(cast.anna), at=NOW)
    first.refresh_from_db()
    assert (first.first_name, first.city, first.email) == ("Aada", "Turku", "ada@example.fi")
    assert actions.living_ids(["1", "2"], by=MACHINE) == {"1": first.pk, "2": first.pk}
    living = queries.customers(MACHINE).filter(email="ada@example.fi")
    assert [row.pk for row in living] == [first.pk], "no address on two living customers"
    assert set(Touch.objects.values_list("customer_id", flat=True)) == {first.pk, second.pk}
    lines = AuditLine.objects.filter(verb="merged")
    assert {line.object_id for line in lines} == {first.pk, second.pk} and {line.by for line in lines} == {cast.anna}


def test_who_was_merged_before_follows_and_comes_back(pair: tuple, make_customer: Callable, cast: Any) -> None:
    first, second = pair
    third, by = make_customer("3", cast.north), access.of_user(cast.adele)
    actions.merge_customers(first, second, by=by, at=NOW)
    later = actions.merge_customers(third, first, by=by, at=NOW)
    assert set(actions.living_ids(["1", "2", "3"], by=MACHINE).values()) == {third.pk}
    with pytest.raises(actions.MergeRefused, match="undo that first"):
        actions.unmerge(Merge.objects.get(merged=second), by=by, at=NOW)
    actions.unmerge(later, by=by, at=NOW)
    assert actions.living_ids(["1", "2", "3"], by=MACHINE) == {"1": first.pk, "2": first.pk, "3": third.pk}


def test_what_changed_since_is_kept_and_said(pair: tuple, cast: SimpleNamespace) -> None:
    first, second = pair
    by = access.of_user(cast.adele)
    merge = actions.merge_customers(first, second, by=by, at=NOW)
    first.refresh_from_db()
    actions.change_customer(first, values={"city": "Oulu"}, by=by, at=NOW)
    actions.record_events([actions.NewEvent("web", "new", "page", NOW, first.pk)], by=MACHINE, at=NOW)
    no = {"purpose": "marketing", "channel": "email", "act": "withdrawn", "said_at": LATER, "source": "t"}
    actions.record_consent(first, **no, evidence={}, by=by, at=LATER)
    actions.record_objection(first, by=by, at=LATER)
    kept = actions.unmerge(merge, by=by, at=LATER).kept
    first.refresh_from_db()
    second.refresh_from_db()
    assert set(kept) == {"city", "consent.marketing.email"}
    assert first.city == "Oulu" and second.city == "Turku" and second.merged_into is None
    assert Event.objects.get().customer == first
    assert first.objected_at and second.objected_at, "one person said it, and was both"
    assert not any(state.is_granted for state in ConsentState.objects.all()) and ConsentState.objects.count() == 2


@pytest.mark.parametrize("which", ["machine", "foreign", "same", "erased", "analyst", "unknown field"])
def test_a_merge_is_refused(which: str, pair: tuple, cast: SimpleNamespace) -> None:
    first, second = pair
    by, take = access.of_user(cast.adele), []
    if which == "machine":
        by = MACHINE
    elif which == "foreign":
        by = access.of_user(cast.bertil)
    elif which == "analyst":
        by = access.of_user(cast.aino)
    elif which == "same":
        second = first
    elif which == "erased":
        actions.erase_customer(second, by=MACHINE, at=NOW)
    else:
        take = ["number"]
    with pytest.raises(Refused):
        actions.merge_customers(first, second, take=take, by=by, at=NOW)
    assert not Merge.objects.exists() and not Customer.objects.filter(merged_into__isnull=False).exists()


def test_after_thirty_days_a_merge_stands_and_its_memory_is_let_go(pair: tuple, cast: SimpleNamespace) -> None:
    first, second = pair
    by = access.of_user(cast.adele)
    merge = actions.merge_customers(first, second, by=by, at=NOW)
    old = NOW + actions.UNDOABLE + timedelta(days=1)
    with pytest.raises(actions.MergeRefused, match="30 days"):
        actions.unmerge(merge, by=by, at=old)
    assert actions.forget_merges(at=NOW + timedelta(days=30)) == 0
    assert actions.forget_merges(at=old) == 1
    merge.refresh_from_db()
    assert merge.before == {} and "ada@" not in str(Merge.objects.values())


def test_a_merge_costs_the_same_whatever_is_moved(
    cast: SimpleNamespace, make_customer: Callable, django_assert_max_num_queries: Any
) -> None:
    for index, rows in enumerate((1, 60)):
        one, two = make_customer(f"a{index}"), make_customer(f"b{index}")
        events = [actions.NewEvent("web", f"{index}-{n}", "page", NOW, two.pk) for n in range(rows)]
        actions.record_events(events, by=MACHINE, at=NOW)
        with django_assert_max_num_queries(52):
            actions.merge_customers(one, two, by=admin(), at=NOW)
        assert one.events.count() == rows


def test_what_one_granted_and_the_other_never_spoke_of_stays_granted(pair: tuple, cast: SimpleNamespace) -> None:
    first, second = pair
    said = {"channel": "email", "act": "granted", "said_at": NOW, "source": "t", "evidence": {"form": 1}}
    actions.record_consent(second, purpose="marketing", **said, by=MACHINE, at=NOW)
    actions.merge_customers(first, second, by=access.of_user(cast.anna), at=NOW)
    assert queries.consenting("marketing", "email", at=NOW).filter(customer=first).exists()
    assert first.consent_entries.count() == 1, "the proof came along"


def test_tags_of_both_are_on_the_survivor_and_go_back(cast: SimpleNamespace, make_customer: Callable) -> None:
    first, second = make_customer("1", cast.north), make_customer("2", cast.north)
    for name, whose in (("Both", [first, second]), ("Hers", [second]), ("His", [first])):
        tag = actions.create_tag(name=name, by=admin(), at=NOW)
        actions.add_tag(tag, to=Customer, ids=[one.pk for one in whose], by=admin(), at=NOW)
    merge = actions.merge_customers(first, second, by=admin(), at=NOW)
    assert sorted(first.tagged.values_list("tag__name", flat=True)) == ["Both", "Hers", "His"]
    actions.unmerge(merge, by=admin(), at=LATER)
    assert sorted(first.tagged.values_list("tag__name", flat=True)) == ["Both", "His"]
    assert sorted(second.tagged.values_list("tag__name", flat=True)) == ["Both", "Hers"]


def test_what_two_refused_stays_refused_when_one_of_them_leaves(cast: SimpleNamespace, make_customer: Callable) -> None:
    """The last merge is undone first: with an earlier one, what a later one refused would be lost."""
    stays, first, second = (make_customer(number, cast.north) for number in ("1", "2", "3"))
    by, before = access.of_user(cast.adele), NOW - timedelta(days=2)
    for one, act, at in ((stays, "granted", before - timedelta(days=1)), (first, "withdrawn", before),
                         (second, "withdrawn", before)):  # fmt: skip
        said = {"purpose": "marketing", "channel": "email", "act": act, "said_at": at, "source": "form"}
        actions.record_consent(one, **said, evidence={"form": 1}, by=by, at=NOW)
    for one in (first, second):
        actions.record_objection(one, by=by, at=NOW)
    earlier, later = (actions.merge_customers(stays, one, by=by, at=NOW) for one in (first, second))
    with pytest.raises(actions.MergeRefused, match="take that apart first"):
        actions.unmerge(earlier, by=by, at=LATER)
    stays.refresh_from_db()
    assert stays.objected_at and not ConsentState.objects.get(customer=stays).is_granted
    for merge in (later, earlier):
        actions.unmerge(merge, by=by, at=LATER)
    stays.refresh_from_db()
    assert stays.objected_at is None and ConsentState.objects.get(customer=stays).is_granted


def test_who_is_frozen_is_taken_apart_by_administrators_alone(pair: tuple, cast: SimpleNamespace) -> None:
    merge = actions.merge_customers(*pair, by=access.of_user(cast.anna), at=NOW)
    actions.restrict_customer(pair[0], by=MACHINE, at=NOW)
    with pytest.raises(Refused, match="restricted"):
        actions.unmerge(merge, by=access.of_user(cast.anna), at=LATER)
    actions.unmerge(merge, by=access.of_user(cast.adele), at=LATER)


def test_who_is_erased_while_merged_is_erased_whole(pair: tuple, cast: SimpleNamespace) -> None:
    """Whoever asks holds a row from before the merge."""
    first, second = pair
    actions.merge_customers(first, second, take=["email"], by=access.of_user(cast.adele), at=NOW)
    actions.erase_customer(second, by=MACHINE, at=LATER)
    assert not Customer.objects.filter(erased_at=None).exists() and not Customer.objects.exclude(email="").exists()


def test_a_refused_merge_names_no_field_that_the_actor_may_not_see(pair: tuple, cast: SimpleNamespace) -> None:
    values = {"key": "allergy", "label": "Allergy", "type": "text", "dimension": "economic", "sensitivity": "special"}
    actions.define_field(values=values, by=MACHINE, at=NOW)
    first, second = pair
    Customer.objects.filter(pk=second.pk).update(attributes={"allergy": "nuts"})
    for take in ("attributes.nonsense", "attributes.allergy"):
        with pytest.raises(Refused) as refusal:
            actions.merge_customers(first, second, take=[take], by=access.of_user(cast.anna), at=NOW)
        assert refusal.value.path == f"take.{take}" and "attributes.allergy" not in refusal.value.choices


def test_what_was_looked_up_before_a_merge_is_written_to_whom_they_became(pair: tuple, cast: SimpleNamespace) -> None:
    first, second = pair
    merge = actions.merge_customers(first, second, by=access.of_user(cast.adele), at=NOW)
    said = {"purpose": "marketing", "channel": "email", "act": "withdrawn", "said_at": NOW, "source": "t"}
    assert actions.record_consent(second, **said, evidence={}, by=MACHINE, at=NOW).customer_id == first.pk
    assert actions.record_objection(second, by=MACHINE, at=NOW).pk == first.pk
    assert actions.restrict_customer(second, by=MACHINE, at=NOW).pk == first.pk
    event = actions.NewEvent("web", "late", "page", NOW, second.pk)
    order = actions.NewOrder("shop", "late", NOW, "EUR", total_amount=Decimal(5), customer_id=second.pk)
    actions.record_events([event], by=MACHINE, at=NOW)
    assert [one.status for one in actions.record_orders([order, order], by=MACHINE, at=NOW)] == ["stored", "duplicate"]
    assert Event.objects.get(source_id="late").customer_id == first.pk
    assert Order.objects.get(number="late").customer_id == first.pk
    tombstone = Customer.objects.get(pk=merge.merged_id)
    assert not tombstone.objected_at and not tombstone.restricted_at and not tombstone.consent_entries.exists()


@pytest.mark.django_db(transaction=True)
@pytest.mark.row_locks
def test_nobody_is_merged_away_while_something_about_them_is_written(make_customer: Callable) -> None:
    row = make_customer("1")

    def merging() -> str:
        try:
            with transaction.atomic():
                Customer.objects.select_for_update(nowait=True).get(pk=row.pk)
            return "free"
        except OperationalError:
            return "held"
        finally:
            connection.close()

    with ThreadPoolExecutor(1) as other:
        with transaction.atomic():
            actions.record_events([actions.NewEvent("web", "1", "page", NOW, row.pk)], by=MACHINE, at=NOW)
            assert other.submit(merging).result() == "held"
        assert other.submit(merging).result() == "free"


def write_consent(tombstone: Customer) -> None:
    said = {"purpose": "marketing", "channel": "email", "act": "withdrawn", "said_at": NOW, "source": "t"}
    actions.record_consent(tombstone, **said, evidence={}, by=MACHINE, at=NOW)


def write_event(tombstone: Customer) -> None:
    actions.record_events([actions.NewEvent("web", "1", "page", NOW, tombstone.pk)], by=MACHINE, at=NOW)


@pytest.mark.parametrize("write", [write_consent, write_event])
@pytest.mark.django_db(transaction=True)
@pytest.mark.row_locks
def test_who_writes_to_a_tombstone_waits_for_an_unmerge_and_holds_nothing_it_needs(
    write: Callable, make_customer: Callable, cast: SimpleNamespace
) -> None:
    """Both lock by id: a writer that held the tombstone while waiting for the survivor would be waited for in turn."""
    first, second = sorted((make_customer("1"), make_customer("2")), key=lambda one: one.pk)
    merge = actions.merge_customers(first, second, by=access.of_user(cast.adele), at=NOW)

    def writing() -> None:
        try:
            write(second)
        finally:
            connection.close()

    with ThreadPoolExecutor(1) as other:
        with transaction.atomic():
            Customer.objects.select_for_update().get(pk=first.pk)
            writer = other.submit(writing)
            until_somebody_waits()
            Customer.objects.select_for_update(nowait=True).get(pk=second.pk)
            actions.unmerge(merge, by=access.of_user(cast.adele), at=LATER)
        writer.result(timeout=20)
    owners = [
        *ConsentState.objects.values_list("customer", flat=True),
        *Event.objects.values_list("customer", flat=True),
    ]
    assert owners == [second.pk]


def until_somebody_waits() -> None:
    waiting = "select count(*) from pg_locks where not granted"
    for _ in range(200):
        with connection.cursor() as cursor:
            cursor.execute(waiting)
            if cursor.fetchone()[0]:
                return
        sleep(0.05)
    pytest.fail("Nobody waits for a lock.")

"""The warehouse as a whole: a snapshot of a few rows."""

import errno
import threading
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import duckdb
import pyarrow as pa
import pytest

from crm.models import Customer, Event, Order, OrderLine, Product
from profiles import actions, queries
from profiles.warehouse import building, files, readers

AT = datetime(2026, 11, 1, 12, tzinfo=UTC)


def customer(number: str, **more) -> Customer:
    made = {"created_at": AT - timedelta(days=500), "updated_at": AT - timedelta(days=1), **more}
    return Customer.objects.create(number=number, **made)


def order(customer: Customer, days_ago: int, *amounts: str, kind: str = "sale", **more) -> Order:
    when = AT - timedelta(days=days_ago)
    made = Order.objects.create(
        source="shop", number=f"{kind}{customer.pk}-{days_ago}", kind=kind, customer=customer, ordered_at=when,
        currency="EUR", total_amount=sum(map(Decimal, amounts)), created_at=when, updated_at=AT, **more,
    )  # fmt: skip
    for position, amount in enumerate(amounts):
        quantity = -1 if Decimal(amount) < 0 else 1
        OrderLine.objects.create(order=made, position=position, quantity=quantity,
                                 unit_amount=abs(Decimal(amount)), amount=amount)  # fmt: skip
    return made


def profile_of(made: Customer) -> dict:
    (row,) = queries.select("from profile where customer_id = ?", parameters=[made.pk]).to_pylist()
    return row


@pytest.mark.django_db
def test_a_snapshot_holds_one_profile_per_live_customer():
    ada = customer("1", city="Turku", birth_date="1990-11-02", email="ada@Example.com")
    gone = customer("2", erased_at=AT)
    customer("3", merged_into=ada)
    order(ada, 100, "10.00", "2.50")
    order(ada, 40, "30.0000")
    order(ada, 10, "-30.00", kind="return")
    Event.objects.create(source="web", source_id="1", type="page", customer=ada, occurred_at=AT - timedelta(days=3),
                         received_at=AT)  # fmt: skip
    Event.objects.create(source="web", source_id="2", type="page", customer=gone, occurred_at=AT, received_at=AT)

    done = actions.refresh(at=AT)

    assert done.is_full
    assert done.snapshot.counts["profile"] == 1
    row = profile_of(ada)
    assert row["city"] == "Turku"
    assert row["age"] == 35
    assert row["email_domain"] == "example.com"
    assert (row["frequency"], row["monetary_amount"]) == (2, Decimal("42.5000"))
    assert row["recency_days"] == 40
    assert row["days_between_orders"] == 60
    assert row["visits_7d"] == 1
    assert row["returns"] == 1
    assert row["journey_stage"] == "occasional"
    types = queries.select("select type, count(*) n from event group by type order by type").to_pylist()
    assert types == [{"type": "order", "n": 2}, {"type": "page", "n": 1}, {"type": "return", "n": 1}]


@pytest.mark.django_db
def test_the_next_snapshot_takes_what_changed():
    ada, bo = customer("1"), customer("2", city="Oulu")
    order(ada, 30, "5.00")
    order(bo, 20, "7.00")
    actions.refresh(at=AT)
    Customer.objects.filter(pk=bo.pk).update(merged_into=ada, updated_at=AT)
    later = actions.refresh(at=AT + timedelta(minutes=5))
    assert not later.is_full
    assert later.snapshot.counts["profile"] == 1
    assert profile_of(ada)["monetary_amount"] == Decimal("12")


@pytest.mark.django_db
def test_a_past_profile_takes_given_features_from_their_history_and_computed_ones_from_events():
    from crm.models import AuditLine, FieldDefinition

    FieldDefinition.objects.create(key="income", label="Income", type="money", dimension="economic", created_at=AT)
    FieldDefinition.objects.create(
        key="hobbies", label="Hobbies", type="list", dimension="psychographic", created_at=AT
    )
    ada = customer("1", city="Turku", attributes={"income": "3000.5", "hobbies": ["yoga"]})
    customer("2", created_at=AT - timedelta(days=3))
    order(ada, 100, "10.00")
    order(ada, 40, "30.00")
    for days, field, values in ((80, "city", ["Oulu", "Espoo"]), (50, "city", ["Espoo", "Turku"]),
                                (50, "income", ["2500", "3000.5"]), (50, "hobbies", [["golf"], ["yoga"]])):  # fmt: skip
        AuditLine.objects.create(kind="customer", object_id=ada.pk, verb="changed", changes={field: values},
                                 at=AT - timedelta(days=days), source="page")  # fmt: skip
    actions.refresh(at=AT)

    def then(days: int) -> dict:
        (row,) = queries.select("from profile", as_of=AT - timedelta(days=days)).to_pylist()
        return row

    assert [then(days)["city"] for days in (90, 60, 45)] == ["Oulu", "Espoo", "Turku"]
    assert then(60)["income"] == Decimal("2500")
    assert then(45)["income"] == Decimal("3000.5")
    assert then(60)["hobbies"] == ["golf"]
    assert (then(60)["frequency"], then(60)["recency_days"]) == (1, 40)
    assert then(39)["frequency"] == 2
    assert profile_of(ada)["hobbies"] == ["yoga"]


@pytest.mark.django_db
def test_past_consent_is_what_had_been_said_by_then():
    from crm import actions as crm_actions
    from crm.rights import machine

    ada, bo = customer("1"), customer("2")

    def says(who: Customer, days_ago: int, act: str) -> None:
        said = {"purpose": "marketing", "channel": "email", "act": act, "source": "form", "evidence": {"form": 1}}
        crm_actions.record_consent(who, **said, said_at=AT - timedelta(days=days_ago), by=machine("test"), at=AT)

    for who, days_ago, act in ((ada, 50, "granted"), (ada, 20, "withdrawn"), (bo, 10, "granted"), (bo, 10, "withdrawn"),
                               (ada, 5, "granted")):  # fmt: skip
        says(who, days_ago, act)
    actions.refresh(at=AT)

    def then(days: int) -> list[tuple]:
        rows = queries.select("from consent order by customer_id", as_of=AT - timedelta(days=days)).to_pylist()
        return [(row["customer_id"], row["is_granted"]) for row in rows]

    assert [then(60), then(30), then(15)] == [[], [(ada.pk, True)], [(ada.pk, False)]]
    assert then(7) == [(ada.pk, False), (bo.pk, False)]
    assert then(0) == [(ada.pk, True), (bo.pk, False)]


@pytest.mark.django_db
def test_features_of_a_customer_say_since_when_and_how_well_each_is_known():
    from crm.models import AuditLine

    ada = customer("1", city="Turku", stage="regular")
    customer("2")
    AuditLine.objects.create(kind="customer", object_id=ada.pk, verb="changed", changes={"city": ["", "Turku"]},
                             at=AT - timedelta(days=9), source="page")  # fmt: skip
    actions.refresh(at=AT)
    found = {one.feature.key: one for one in queries.features_of(ada.pk)}
    assert (found["city"].value, found["city"].since) == ("Turku", AT - timedelta(days=9))
    assert found["frequency"].since == AT
    quality = {one.feature.key: one for one in queries.quality()}
    assert quality["city"].coverage_share == 0.5
    assert quality["city"].changed_at == AT - timedelta(days=9)
    assert quality["stage"].valid_share == 1
    assert queries.value_counts("stage") == [("prospect", 1), ("regular", 1)]


@pytest.mark.django_db
def test_reach_knows_suppressed_addresses_by_their_keys():
    from crm.addresses import address_key
    from crm.models import Suppression

    ada = customer(
        "1", email="Ada@Example.com", phone="+358401234567", street="Katu  1", postal_code="00 100", city="Helsinki"
    )
    bo = customer("2", email="bo@example.com")
    cy = customer("3", street="Katu 1", postal_code="33100", city="Tampere")
    for channel, address in (
        ("email", " ada@example.com"),
        ("sms", "+358401234567"),
        ("post", "katu 1\n00100\nHELSINKI\nFI"),
    ):
        Suppression.objects.create(channel=channel, address_key=address_key(channel, address), reason="manual", at=AT)
    actions.refresh(at=AT)
    reach = queries.select("from reach order by customer_id, channel").to_pylist()
    assert {(r["customer_id"], r["channel"]) for r in reach if r["has_address"]} == {
        (ada.pk, "email"), (ada.pk, "sms"), (ada.pk, "phone"), (ada.pk, "post"), (bo.pk, "email"),
        (cy.pk, "post"),
    }  # fmt: skip
    assert {(r["customer_id"], r["channel"]) for r in reach if r["is_suppressed"]} == {
        (ada.pk, "email"), (ada.pk, "sms"), (ada.pk, "post")
    }  # fmt: skip


@pytest.mark.django_db
def test_two_builders_at_once_leave_one_snapshot():

    customer("1")
    with files.builder_lock(), pytest.raises(actions.BuilderBusy):
        actions.refresh(at=AT)
    assert actions.refresh(at=AT).snapshot == queries.current()


@pytest.mark.django_db
def test_a_failed_build_leaves_the_last_snapshot_and_nothing_beside_it(monkeypatch):
    from profiles.models import Snapshot
    from profiles.warehouse import building, files

    customer("1")
    good = actions.refresh(at=AT).snapshot
    customer("2")
    monkeypatch.setattr(building, "finish", lambda *_, **__: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        actions.refresh(at=AT + timedelta(minutes=5))
    assert queries.current() == good
    assert Snapshot.objects.first().error == "ZeroDivisionError: division by zero"
    assert not list(files.folder().glob("*.building*"))


@pytest.mark.django_db
def test_a_snapshot_can_be_read_on_while_newer_ones_replace_it():
    customer("1")
    first = actions.refresh(at=AT).snapshot
    with queries.cursor(first) as engine:
        for minutes in range(1, actions.SNAPSHOTS_KEPT + 2):
            customer(f"more {minutes}")
            actions.refresh(at=AT + timedelta(minutes=minutes))
        assert engine.execute("select count(*) from profile").fetchone() == (1,)
    first.refresh_from_db()
    assert first.status == "removed"
    assert queries.select("select count(*) as n from profile").to_pylist() == [{"n": actions.SNAPSHOTS_KEPT + 2}]


@pytest.mark.django_db
def test_a_newer_question_of_the_same_run_stops_the_older_one_and_no_other():
    actions.refresh(at=AT)
    newest = queries.current()
    begun, raised = {run: threading.Event() for run in ("mine", "other")}, set()

    def endless(run):
        batch = pa.record_batch({"n": [1]})
        while True:
            begun[run].set()
            yield batch

    def ask(run):
        rows = pa.RecordBatchReader.from_batches(pa.schema({"n": pa.int64()}), endless(run))
        try:
            queries.select("select count(*) from endless", snapshot=newest, tables={"endless": rows}, run=run)
        except queries.Overtaken:
            raised.add(run)

    asking = {run: threading.Thread(target=ask, args=(run,), daemon=True) for run in begun}
    for run, thread in asking.items():
        thread.start()
        assert begun[run].wait(timeout=60)
    for run, still in (("mine", ["other"]), ("other", [])):
        assert queries.select("select 1 as one", run=run).to_pylist() == [{"one": 1}]
        asking[run].join(timeout=60)
        assert [one for one, thread in asking.items() if thread.is_alive()] == still
    assert raised == {"mine", "other"} and readers._runs == {}


@pytest.mark.django_db
def test_a_builder_closes_what_nobody_reads_and_nothing_else():
    from profiles.warehouse import readers

    customer("1")
    first = actions.refresh(at=AT).snapshot
    assert queries.select("select count(*) as n from profile", snapshot=first).to_pylist() == [{"n": 1}]
    customer("2")
    second = actions.refresh(at=AT + timedelta(minutes=1)).snapshot
    with queries.cursor(second) as engine:
        customer("3")
        actions.refresh(at=AT + timedelta(minutes=2))
        assert list(readers.pool().opened) == [second.file_name]
        assert engine.execute("select count(*) from profile").fetchone() == (2,)


@pytest.mark.django_db
@pytest.mark.parametrize(
    "fault",
    [
        duckdb.OutOfMemoryException("could not allocate block"),
        duckdb.IOException('Checkpoint failed for database "snapshot". Original error: failed to pin block of size'),
    ],
)
def test_what_does_not_fit_into_the_memory_is_built_once_more_by_one_thread(monkeypatch, fault):
    """As the engine does it: at ten million events two threads may hold more of a sort at a time than it may take."""
    taken, first = [], building.FIRST["event_row"]

    def sort(db, source, streams) -> None:
        first(db, source, streams)
        taken.append(db.execute("select current_setting('threads')").fetchall()[0][0])
        if taken[-1] > 1:
            raise fault

    limits = {**building.engine_limits(), "threads": 2}
    monkeypatch.setattr(building, "engine_limits", lambda: limits)
    monkeypatch.setitem(building.FIRST, "event_row", sort)
    order(customer("1"), 3, "5.00")
    done = actions.refresh(at=AT)
    assert taken == [2, 1]
    assert done.snapshot.counts["profile"] == done.snapshot.counts["event"] == 1
    assert not list(files.folder().glob("*.building*"))


@pytest.mark.django_db
def test_a_copy_that_the_disk_has_no_room_for_leaves_nothing_behind(monkeypatch):
    customer("1")
    good = actions.refresh(at=AT).snapshot
    customer("2")

    def until_full(_, aside) -> None:
        aside.write_bytes(b"half of it")
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(files.shutil, "copyfile", until_full)
    with pytest.raises(OSError, match="No space left"):
        actions.refresh(at=AT + timedelta(minutes=5))
    assert queries.current() == good
    assert not list(files.folder().glob("*.building*"))


@pytest.mark.django_db
def test_sums_beyond_what_money_holds_keep_nobodys_snapshot_from_being_built():
    """Each of these orders is one that the API, imports and forms take."""
    odd, usual = customer("1"), customer("2")
    for days_ago in (2, 3):
        order(odd, days_ago, "900000000000")
    order(odd, 4, "900000000000", "900000000000", "-900000000000")
    order(usual, 3, "5.00")
    stock = Product.objects.create(sku="s", currency="EUR", cost_amount="900000", created_at=AT)
    many = order(odd, 5, "1.00", "2.00")
    many.lines.update(product=stock, quantity=99_999_999)
    actions.refresh(at=AT)
    assert profile_of(usual)["monetary_amount"] == Decimal("5.00")
    assert profile_of(odd)["monetary_amount"] == profile_of(odd)["spend_30d_amount"] == Decimal("999999999999.9999")
    assert profile_of(odd)["frequency"] == 4
    assert profile_of(odd)["margin_365d_amount"] is None
    order(odd, 1, "7.00")
    assert not actions.refresh(at=AT + timedelta(hours=1)).is_full
    assert profile_of(odd)["frequency"] == 5

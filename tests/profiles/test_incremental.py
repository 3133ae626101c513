"""The next snapshot from what changed equals the one from every row, whatever happened in between."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from itertools import count

import duckdb
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from hypothesis.extra.django import TestCase

from crm.addresses import address_key
from crm.models import (
    AuditLine,
    Company,
    ConsentState,
    Customer,
    Event,
    FieldDefinition,
    Order,
    OrderLine,
    Product,
    Suppression,
)
from profiles import actions, queries
from profiles.models import Snapshot
from profiles.warehouse import building, sources

AT = datetime(2026, 11, 1, 12, tzinfo=UTC)
TABLES = ("profile", "event", "order_line", "consent", "reach", "field_history")
STEPS = ("customer", "change", "event", "late_event", "order", "rewrite_order", "merge", "unmerge", "erase", "forget",
         "undo_order", "product", "consent", "backdated", "ahead", "company", "define", "suppress", "wait", "hand_over",
         "rewrite_event", "add_line", "take_back")  # fmt: skip
HAPPENING = st.tuples(st.sampled_from(STEPS), st.integers(0, 40))
UNSEEN = ("forget", "undo_order")  # deletions, which only the count of the rows tells
EXAMPLES = settings().max_examples // 5  # each builds half a dozen snapshots


class Shop:
    """A small shop in which things happen, each by a number that chooses whom it concerns."""

    def __init__(self) -> None:
        self.now = AT
        self.numbers = count(1)
        for _ in range(3):
            self.customer(0)
        self.product(0)

    def happen(self, step: str, choice: int) -> None:
        self.now += timedelta(minutes=7)
        getattr(self, step)(choice)

    def someone(self, choice: int) -> Customer | None:
        live = list(Customer.objects.filter(merged_into=None, erased_at=None).order_by("id"))
        return live[choice % len(live)] if live else None

    def audit(self, customer: Customer, **changes: list) -> None:
        AuditLine.objects.create(kind="customer", object_id=customer.pk, verb="changed", changes=changes,
                                 at=self.now, source="test")  # fmt: skip

    def touch(self, customer: Customer, **values) -> None:
        Customer.objects.filter(pk=customer.pk).update(updated_at=self.now, **values)

    def customer(self, choice: int) -> None:
        number = next(self.numbers)
        Customer.objects.create(number=str(number), email=f"c{number}@example.com", created_at=AT - timedelta(days=400),
                                updated_at=self.now, attributes={"age_group": str(choice)})  # fmt: skip

    def change(self, choice: int) -> None:
        if who := self.someone(choice):
            self.touch(who, city=f"city {choice}")
            self.audit(who, city=[who.city, f"city {choice}"])

    def backdated(self, choice: int) -> None:
        """A change recorded with an old time: only the audit line tells."""
        if who := self.someone(choice):
            Customer.objects.filter(pk=who.pk).update(language=f"l{choice}", updated_at=AT - timedelta(days=300))
            self.audit(who, language=[who.language, f"l{choice}"])

    def event(self, choice: int, received: datetime | None = None, ahead: float = 0) -> None:
        Event.objects.create(
            source="web", source_id=str(next(self.numbers)), type=("page", "cart", "open", "return")[choice % 4],
            occurred_at=self.now + timedelta(days=ahead - choice), received_at=received or self.now,
            customer=self.someone(choice) if choice % 5 else None, value=choice % 4 or None, properties={"n": choice},
        )  # fmt: skip

    def late_event(self, choice: int) -> None:
        self.event(choice, received=AT - timedelta(days=200))

    def ahead(self, choice: int) -> None:
        """Dated in the next hours, by a clock that is fast: it becomes true as time passes."""
        self.event(choice, ahead=choice + choice / 24)

    def wait(self, choice: int) -> None:
        """Some hours pass, now and then a day."""
        self.now += timedelta(hours=choice)

    def company(self, choice: int) -> None:
        firm, _ = Company.objects.update_or_create(
            number=str(choice % 3), defaults={"name": "Firm", "city": f"city {choice}", "updated_at": self.now,
                                              "created_at": self.now})  # fmt: skip
        if choice % 2 and (who := self.someone(choice)):
            self.touch(who, company=firm)

    def define(self, choice: int) -> None:
        key, kind = ("age_group", "field")[choice % 2], ("text", "number")[choice % 2]
        FieldDefinition.objects.update_or_create(
            key=key, defaults={"label": key, "type": kind, "dimension": "social", "created_at": self.now})  # fmt: skip

    def suppress(self, choice: int) -> None:
        """An address is suppressed, or taken off the list again."""
        if who := self.someone(choice):
            Suppression.objects.filter(reason="test").delete()
            if choice % 3:
                key = address_key("email", who.email or "nobody@example.com")
                Suppression.objects.create(channel="email", address_key=key, reason="test", at=self.now)

    def order(self, choice: int) -> None:
        kind = "return" if choice % 4 == 0 else "sale"
        self.write_lines(
            Order.objects.create(
                source="shop", number=str(next(self.numbers)), kind=kind,
                customer=self.someone(choice) if choice % 7 else None,
                ordered_at=self.now - timedelta(days=choice), currency="EUR", total_amount=choice, created_at=self.now,
                updated_at=self.now, channel=("web", "store")[choice % 2],
            ),
            choice,
        )  # fmt: skip

    def write_lines(self, order: Order, choice: int) -> None:
        order.lines.all().delete()
        products = [*Product.objects.order_by("id"), None]
        for position in range(choice % 3):
            OrderLine.objects.create(
                order=order, position=position, product=products[(choice + position) % len(products)],
                quantity=1 if order.kind == "sale" else -1, unit_amount=Decimal(choice), amount=Decimal(choice),
            )  # fmt: skip

    def add_line(self, choice: int) -> None:
        """A line comes to an old order, which itself stays as it was."""
        if (order := Order.objects.order_by("id").first()) is not None:
            OrderLine.objects.create(order=order, position=100 + next(self.numbers), product=None, quantity=1,
                                     unit_amount=Decimal(choice), amount=Decimal(choice))  # fmt: skip

    def rewrite_event(self, choice: int) -> None:
        if (event := Event.objects.order_by("id").first()) is not None:
            Event.objects.filter(pk=event.pk).update(category=f"category {choice}", received_at=self.now)

    def rewrite_order(self, choice: int) -> None:
        if (order := Order.objects.order_by("id").last()) is not None:
            self.write_lines(order, choice)
            Order.objects.filter(pk=order.pk).update(updated_at=self.now)

    def merge(self, choice: int) -> None:
        loser, winner = self.someone(choice), self.someone(choice + 1)
        if loser and winner and loser != winner:
            self.touch(loser, merged_into=winner)
            self.touch(winner)

    def hand_over(self, choice: int) -> None:
        """Merged as the product does it: the rows change their customer and no time of theirs."""
        loser, winner = self.someone(choice), self.someone(choice + 1)
        if loser and winner and loser != winner:
            for model in (Event, Order):
                model.objects.filter(customer=loser).update(customer=winner)
            self.touch(loser, merged_into=winner)
            self.touch(winner)

    def unmerge(self, choice: int) -> None:
        tombstones = list(Customer.objects.filter(merged_into__isnull=False).order_by("id"))
        if tombstones:
            self.touch(tombstones[choice % len(tombstones)], merged_into=None)

    def erase(self, choice: int) -> None:
        if who := self.someone(choice):
            self.touch(who, erased_at=self.now, email="", city="", attributes={})

    def forget(self, choice: int) -> None:
        Event.objects.filter(pk__in=Event.objects.order_by("id").values("pk")[: choice % 3]).delete()

    def take_back(self, choice: int) -> None:
        """A call taken back as the product does it: the event goes, a line of the customer's audit says so."""
        who = self.someone(choice)
        if who and (event := Event.objects.filter(customer=who).order_by("-id").first()):
            event.delete()
            self.audit(who, outcome=["reached", None])

    def undo_order(self, choice: int) -> None:
        if (order := Order.objects.order_by("id").first()) is not None:
            order.delete()

    def product(self, choice: int) -> None:
        cost = Decimal(choice) / 4 if choice % 3 else None
        Product.objects.update(category=f"category {choice}", cost_amount=cost, currency=("EUR", "", "SEK")[choice % 3])
        Product.objects.create(sku=str(next(self.numbers)), name="thing", category="new", created_at=self.now)

    def consent(self, choice: int) -> None:
        if who := self.someone(choice):
            ConsentState.objects.update_or_create(
                customer=who, purpose="marketing", channel="email",
                defaults={"is_granted": choice % 2 == 0, "since_at": self.now, "updated_at": self.now},
            )  # fmt: skip


def contents() -> dict[str, list]:
    return {table: sorted(map(repr, queries.select(f"from {table}").to_pylist())) for table in TABLES}


@pytest.fixture(autouse=True)
def no_second_look(monkeypatch):
    """Without it every row of so small a shop would be read again each time."""
    monkeypatch.setattr(sources, "LATE_IDS", 0)
    monkeypatch.setattr(building, "OVERLAP", timedelta(0))


@pytest.mark.django_db
def test_a_renamed_product_renames_its_lines_and_retells_its_orders():
    shop = Shop()
    shop.happen("order", 10)
    actions.refresh(at=shop.now)
    shop.happen("product", 7)
    assert not actions.refresh(at=shop.now).is_full
    assert queries.select("select category from order_line union select category from event").to_pylist() == [
        {"category": "category 7"}
    ]


@pytest.mark.django_db
def test_an_event_taken_back_leaves_without_reading_every_row():
    shop = Shop()
    for choice in (1, 2, 6, 9):
        shop.happen("event", choice)
    actions.refresh(at=shop.now)
    shop.happen("take_back", Event.objects.order_by("-id").first().customer_id)
    assert Event.objects.count() == 3
    assert not actions.refresh(at=shop.now).is_full
    assert len(as_they_lie()) == 3


def as_they_lie() -> list[tuple]:
    """Type and time of the events in the order in which the engine meets them."""
    rows = queries.select("select type, ts from event order by rowid").to_pylist()
    return [(str(row["type"]), row["ts"]) for row in rows]


@pytest.mark.django_db
@pytest.mark.parametrize(("share", "is_sorted"), [(0.1, True), (0.6, False)])
def test_late_events_are_sorted_in_once_they_are_more_than_the_share(monkeypatch, share, is_sorted):
    monkeypatch.setattr(building, "REWRITE_SHARE", share)
    shop = Shop()
    for choice in (1, 2, 6, 9):  # cart and open
        shop.happen("event", choice)
    actions.refresh(at=shop.now)
    for choice in (13, 17):  # carts, which belong before the opens
        shop.happen("event", choice)
    assert not actions.refresh(at=shop.now).is_full
    assert len(as_they_lie()) == 6
    assert (as_they_lie() == sorted(as_they_lie())) is is_sorted


@pytest.mark.parametrize(("left", "is_closed"), [(9, False), (4, True)])  # of ten rows
def test_gaps_of_deleted_rows_stay_until_they_are_many(tmp_path, left, is_closed):
    with building.opened(tmp_path / "worn.duckdb") as db:
        db.execute("create table kept as select range as id from range(500_000)")
        building.put_down(db)
        db.execute(f"delete from kept where id % 10 >= {left}")
        building.put_down(db)
    with duckdb.connect(tmp_path / "worn.duckdb", read_only=True) as db:
        (places,) = db.execute("select estimated_size from duckdb_tables()").fetchone()
        assert db.execute("select count(*) from kept").fetchone() == (50_000 * left,)
    assert (places < 500_000) is is_closed


@pytest.mark.django_db
def test_a_refresh_without_changes_makes_no_snapshot_and_asks_little(django_assert_max_num_queries):
    shop = Shop()
    shop.happen("order", 10)
    made = actions.refresh(at=shop.now).snapshot
    with django_assert_max_num_queries(3):
        again = actions.refresh(at=shop.now + timedelta(hours=1))
    assert (again.is_new, again.snapshot) == (False, made)
    shop.event(5)  # of a visitor whom nobody knows
    AuditLine.objects.create(kind="segment", object_id=1, verb="changed", at=shop.now, source="test")
    assert not actions.refresh(at=shop.now + timedelta(hours=2)).is_new
    assert Snapshot.objects.count() == 1
    assert actions.refresh(at=shop.now + timedelta(hours=2), full=True).is_new


@pytest.mark.django_db
def test_where_the_numbers_of_a_table_begin_says_nothing_of_how_many_came():
    shop = Shop()
    actions.refresh(at=shop.now)
    shop.event(5)  # the first of all, of a visitor whom nobody knows
    Event.objects.update(id=10_000_000)
    assert not actions.refresh(at=shop.now + timedelta(hours=1)).is_new


@pytest.mark.django_db
@pytest.mark.parametrize(("hours", "is_new"), [(9, False), (10, True), (34, True)])
def test_a_snapshot_holds_until_the_end_of_the_day_of_the_firm(settings, hours, is_new):
    """Noon in Greenwich is 14:00 in Helsinki; in the night after it every customer's last order is a day older."""
    settings.FIRM_TIME_ZONE = "Europe/Helsinki"
    shop = Shop()
    shop.order(9)
    actions.refresh(at=AT)
    later = actions.refresh(at=AT + timedelta(hours=hours))
    assert later.is_new is is_new
    seen = queries.select("select max(recency_days) as days from profile").to_pylist()
    assert seen == [{"days": 9 + (hours >= 10) + (hours >= 34)}]


@pytest.mark.django_db
def test_a_snapshot_of_another_recipe_is_made_anew(monkeypatch, settings):
    shop = Shop()
    actions.refresh(at=shop.now)
    settings.FIRM_TIME_ZONE = "Pacific/Auckland"
    assert actions.refresh(at=shop.now).is_full
    monkeypatch.setattr(building, "RECIPE", b"other code")
    assert actions.refresh(at=shop.now).is_full
    assert not actions.refresh(at=shop.now).is_new


@pytest.mark.slow
class TestIncremental(TestCase):
    @settings(max_examples=EXAMPLES)
    @given(st.lists(st.lists(HAPPENING, max_size=8), min_size=1, max_size=3))
    @example([[("event", 3)], [("ahead", 4), ("wait", 3)], [("wait", 2)]])
    def test_what_changed_taken_in_equals_every_row_read_again(self, rounds):
        shop = Shop()
        actions.refresh(at=shop.now)
        for steps in rounds:
            for step, choice in steps:
                shop.happen(step, choice)
            taken = actions.refresh(at=shop.now)
            unseen = {*UNSEEN, *(["take_back"] if Customer.objects.filter(merged_into__merged_into__gt=0) else [])}
            if not any(step in unseen for step, _ in steps):
                assert not taken.is_full
            found = contents()
            actions.refresh(at=shop.now, full=True)
            assert found == contents()

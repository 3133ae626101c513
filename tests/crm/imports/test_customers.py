"""Customers from files: the public profile data with every known defect, and small files with one fault each."""

from collections import Counter
from datetime import UTC, date, datetime
from decimal import Decimal
from threading import Thread
from time import sleep

import pandas
import pytest
from django.db import connection

from crm import actions, queries
from crm.imports import customers
from crm.imports.undo import undo_import
from crm.models import AuditLine, ConsentEntry, ConsentState, Customer, FieldDefinition, Import
from crm.rights import machine

pytestmark = pytest.mark.django_db


def snapshot():
    """Every customer and field as plain values, the time of the last change left out."""
    customers = list(Customer.objects.order_by("number").values())
    for customer in customers:
        del customer["updated_at"]
    return customers, list(FieldDefinition.objects.order_by("key").values())


@pytest.fixture
def marketing(load, data_dir, saved_mapping):
    return load("customers", data_dir / "marketing_campaign.csv", saved_mapping("marketing_campaign"))


@pytest.mark.data
def test_every_row_of_the_profile_data_becomes_a_customer_with_the_values_of_the_file(marketing, data_dir):
    table = pandas.read_csv(data_dir / "marketing_campaign.csv", dtype=str, keep_default_na=False)
    customers = {customer.number: customer for customer in Customer.objects.all()}
    assert len(customers) == len(table) == 2240
    spend = [name for name in table.columns if name.startswith("Mnt")]
    assert sum(Decimal(c.attributes[name.lower()]) for c in customers.values() for name in MONEY_KEYS) == 1_356_988
    assert len(spend) == len(MONEY_KEYS)
    for row in table.to_dict("records"):
        attributes = customers[row["ID"]].attributes
        assert attributes.get("income", "") == row["Income"]
        assert attributes["year_birth"] == row["Year_Birth"]
        assert attributes["marital_status"] == row["Marital_Status"]
        assert attributes["response"] is (row["Response"] == "1")
        assert customers[row["ID"]].created_at.date() == date.fromisoformat(row["Dt_Customer"])


MONEY_KEYS = (
    "mnt_wines",
    "mnt_fruits",
    "mnt_meat_products",
    "mnt_fish_products",
    "mnt_sweet_products",
    "mnt_gold_prods",
)


@pytest.mark.data
def test_every_known_defect_of_the_profile_data_is_reported_and_none_is_fatal(marketing):
    assert marketing.status == "finished"
    assert marketing.counts["problems"] == {
        "missing": 24,
        "filler": 1,
        "out_of_range": 4,  # three birth years before 1910, and the income of 666666
        "not_a_choice": 7,  # Alone 3, Absurd 2, YOLO 2
        "spend_without_purchase": 6,
        "deals_above_purchases": 3,
        "look_alike": 182,
        "constant_column": 2,
        "note": 1,
    }
    assert not marketing.problems.filter(is_fatal=True).exists()
    assert "refused" not in marketing.counts
    numbers = {
        number: row for row, number in enumerate(Customer.objects.order_by("id").values_list("number", flat=True), 2)
    }
    born = marketing.problems.filter(code="out_of_range", column="Year_Birth").values_list("row", flat=True)
    assert set(born) == {numbers["11004"], numbers["1150"], numbers["7829"]}
    assert marketing.problems.get(code="filler").row == numbers["9432"]


@pytest.mark.data
def test_fields_of_the_profile_data_stand_in_their_types_and_dimensions(marketing):
    fields = FieldDefinition.objects.all()
    assert Counter(fields.values_list("type", flat=True)) == {"number": 9, "choice": 2, "money": 7, "truth": 7}
    assert FieldDefinition.objects.get(key="income").dimension == "economic"
    assert {field.unit for field in fields.filter(type="money")} == {"MU"}
    assert FieldDefinition.objects.get(key="marital_status").choices == [
        "Single", "Together", "Married", "Divorced", "Widow",
    ]  # fmt: skip


@pytest.mark.data
def test_importing_the_same_file_again_changes_nothing(marketing, load, data_dir, saved_mapping):
    before, lines = snapshot(), AuditLine.objects.count()
    again = load("customers", data_dir / "marketing_campaign.csv", saved_mapping("marketing_campaign"))
    assert again.counts["unchanged"] == 2240
    assert not {"created", "changed"} & set(again.counts)
    assert (snapshot(), AuditLine.objects.count()) == (before, lines)


@pytest.mark.data
def test_undo_takes_back_the_whole_profile_data(marketing):
    from django.utils import timezone

    undone = undo_import(import_id=marketing.pk, by=None, clock=timezone.now)
    assert undone.status == "undone"
    assert not Customer.objects.exists()
    assert not FieldDefinition.objects.exists()


@pytest.mark.data
def test_a_dry_run_says_what_the_run_does_and_writes_nothing(rehearse, load, data_dir, saved_mapping):
    diff = rehearse("customers", data_dir / "marketing_campaign.csv", saved_mapping("marketing_campaign"))
    assert diff["counts"]["created"] == diff["rows"] == 2240
    assert len(diff["fields"]) == 25
    assert not Customer.objects.exists()
    assert not FieldDefinition.objects.exists()
    run = load("customers", data_dir / "marketing_campaign.csv", saved_mapping("marketing_campaign"))
    assert {**diff["counts"], "problems": diff["problems"]} == run.counts


@pytest.mark.data
def test_number_of_queries_does_not_grow_with_the_rows_of_a_chunk(
    begin, data_dir, saved_mapping, django_assert_max_num_queries
):
    from django.utils import timezone

    from crm.imports.runs import queue_import, run_import

    run = begin("customers", data_dir / "marketing_campaign.csv", saved_mapping("marketing_campaign"))
    queue_import(import_id=run.pk, at=timezone.now())
    # SQLite takes 999 values a statement, so 2,240 rows need about 2240 × (26 + 10) / 999 inserts.
    with django_assert_max_num_queries(150 if connection.vendor == "sqlite" else 60):
        run_import(import_id=run.pk, clock=timezone.now)


PEOPLE = {
    "number": "id",
    "style": {"time_zone": "Europe/Helsinki", "decimal": ","},
    "columns": {
        "name": "full_name",
        "mail": "email",
        "phone": "phone",
        "born": "birth_date",
        "city": "city",
        "limit": {"field": "credit_limit", "type": "money", "unit": "EUR", "dimension": "economic"},
        "vip": {"field": "is_vip", "type": "truth", "dimension": "behavioural"},
    },
    "consents": [{"column": "news", "evidence": {"wording": "v1"}, "at": "news_at"}],
}
HEADING = "id;name;mail;phone;born;city;limit;vip;news;news_at\n"


def people(*rows):
    return (HEADING + "".join(row + "\n" for row in rows)).encode()


def test_typed_values_are_read_as_people_write_them(load):
    load(
        "customers",
        people("7;Anna Maria Virtanen;Anna@x.fi;040 123 4567;24.12.1980;Oulu;1 204,50;kyllä;1;1.2.2025 klo 12.00"),
        PEOPLE,
    )
    anna = Customer.objects.get(number="7")
    assert (anna.first_name, anna.last_name, anna.email) == ("Anna Maria", "Virtanen", "Anna@x.fi")
    assert (anna.phone, anna.birth_date, anna.city) == ("+358401234567", date(1980, 12, 24), "Oulu")
    assert anna.attributes == {"credit_limit": "1204.5", "is_vip": True}
    entry = ConsentEntry.objects.get(customer=anna)
    assert (entry.purpose, entry.channel, entry.act) == ("marketing", "email", "granted")
    assert entry.at == datetime(2025, 2, 1, 10, tzinfo=UTC)
    assert entry.evidence["wording"] == "v1"
    assert ConsentState.objects.get(customer=anna).is_granted


def test_a_value_that_cannot_be_read_is_left_out_and_reported_with_its_place(load):
    run = load("customers", people("7;Anna;anna(at)x.fi;12;30.2.1980;Oulu;much;perhaps;;"), PEOPLE)
    anna = Customer.objects.get(number="7")
    assert (anna.email, anna.phone, anna.birth_date, anna.attributes) == ("", "", None, {})
    assert anna.city == "Oulu"
    assert {(problem.row, problem.column, problem.code) for problem in run.problems.all()} == {
        (2, "mail", "invalid_email"),
        (2, "phone", "invalid_phone"),
        (2, "born", "not_a_date"),
        (2, "limit", "not_a_number"),
        (2, "vip", "not_a_truth"),
    } | {(1, column, "constant_column") for column in ()}


def test_rows_without_a_usable_number_are_refused_and_the_others_kept(load):
    run = load(
        "customers",
        people(";Nobody;;;;;;;;", "8;Bo;;;;Turku;;;;", "8;Bo again;;;;Vaasa;;;;", "9;short", f"{'9' * 65};;;;;X;;;;"),
        PEOPLE,
    )
    assert list(Customer.objects.values_list("number", "city")) == [("8", "Turku")]
    assert {(problem.row, problem.code) for problem in run.problems.filter(is_fatal=True)} == {
        (2, "missing_number"),
        (4, "repeated_number"),
        (5, "wrong_width"),
        (6, "too_long"),
    }
    assert run.counts["refused"] == 4


def test_empty_cells_keep_what_is_known(load):
    load("customers", people("7;Anna Virtanen;anna@x.fi;;;Oulu;;;;"), PEOPLE)
    run = load("customers", people("7;;;;;Espoo;;;;"), PEOPLE)
    anna = Customer.objects.get(number="7")
    assert (anna.email, anna.city) == ("anna@x.fi", "Espoo")
    assert AuditLine.objects.get(import_run=run, kind="customer").changes == {"city": ["Oulu", "Espoo"]}


def test_undo_restores_every_value_the_import_changed(load):
    load("customers", people("7;Anna Virtanen;anna@x.fi;;24.12.1980;Oulu;10;no;;"), PEOPLE)
    before = snapshot()
    run = load("customers", people("7;Anna Salo;a@y.fi;0401234567;1.1.1990;Espoo;20,5;yes;;", "8;Bo;;;;;;;;"), PEOPLE)
    assert snapshot() != before
    undo(run)
    assert snapshot() == before


def undo(run):
    from django.utils import timezone

    return undo_import(import_id=run.pk, by=None, clock=timezone.now)


def test_undo_keeps_a_value_that_was_changed_since_and_says_so(load):
    load("customers", people("7;Anna Virtanen;anna@x.fi;;;Oulu;;;;"), PEOPLE)
    run = load("customers", people("7;Anna Salo;;;;Espoo;;;;"), PEOPLE)
    Customer.objects.filter(number="7").update(city="Vantaa")
    undo(run)
    anna = Customer.objects.get(number="7")
    assert (anna.last_name, anna.city) == ("Virtanen", "Vantaa")
    problem = run.problems.get(code="changed_since")
    assert problem.column == "city"
    assert "Vantaa" in problem.message


def test_undo_keeps_a_customer_that_has_orders_by_now(load):
    from crm.models import Order

    run = load("customers", people("7;Anna;;;;Oulu;;;;", "8;Bo;;;;Oulu;;;;"), PEOPLE)
    now = datetime(2026, 1, 1, tzinfo=UTC)
    anna = Customer.objects.get(number="7")
    Order.objects.create(
        source="shop", number="1", customer=anna, ordered_at=now, currency="EUR", total_amount=1,
        created_at=now, updated_at=now,
    )  # fmt: skip
    undo(run)
    assert list(Customer.objects.values_list("number", flat=True)) == ["7"]
    assert run.problems.get(code="used_since")


def test_undo_takes_a_consent_back_by_a_line_of_its_own(load):
    load("customers", people("7;Anna;;;;Oulu;;;;"), PEOPLE)
    run = load("customers", people("7;Anna;;;;Oulu;;;1;1.2.2025"), PEOPLE)
    assert ConsentState.objects.get().is_granted
    undo(run)
    assert not ConsentState.objects.get().is_granted
    assert [entry.act for entry in ConsentEntry.objects.order_by("id")] == ["granted", "withdrawn"]


def test_a_file_never_lifts_a_withdrawal_that_came_later(load):
    load("customers", people("7;Anna;;;;Oulu;;;no;1.3.2025"), PEOPLE)
    run = load("customers", people("7;Anna;;;;Oulu;;;yes;1.2.2025"), PEOPLE)
    assert not ConsentState.objects.get().is_granted
    assert run.problems.get(code="consent_withdrawn").column == "news"
    load("customers", people("7;Anna;;;;Oulu;;;yes;1.4.2025"), PEOPLE)
    assert ConsentState.objects.get().is_granted


@pytest.mark.parametrize(("refused", "granted"), [("any", "email"), ("email", "any")])
def test_a_file_that_does_not_say_when_lifts_no_withdrawal_of_a_wider_or_narrower_channel(load, refused, granted):
    load("customers", people("7;Anna;;;;Oulu;;;;"), PEOPLE)
    anna = Customer.objects.get()
    said_at = datetime(2026, 3, 1, tzinfo=UTC)
    actions.record_consent(
        anna, purpose="marketing", channel=refused, act="withdrawn", said_at=said_at, source="page", evidence={},
        by=machine("test"), at=said_at,
    )  # fmt: skip
    mapping = {**PEOPLE, "consents": [{**PEOPLE["consents"][0], "channel": granted}]}
    for since in ("", "1.2.2026"):
        run = load("customers", people(f"7;Anna;;;;Oulu;;;yes;{since}"), mapping)
        assert run.problems.get(code="consent_withdrawn").row == 2
        assert not queries.consenting("marketing", "email", at=datetime(2030, 1, 1, tzinfo=UTC)).exists()
    load("customers", people("7;Anna;;;;Oulu;;;yes;1.4.2026"), mapping)
    assert queries.consenting("marketing", "email", at=datetime(2030, 1, 1, tzinfo=UTC)).exists()


def test_undo_of_a_withdrawal_gives_the_consent_back_with_its_time_and_its_end(load):
    load("customers", people("7;Anna;;;;Oulu;;;;"), PEOPLE)
    anna, began, ends = Customer.objects.get(), datetime(2025, 1, 1, tzinfo=UTC), datetime(2026, 6, 1, tzinfo=UTC)
    said = {"purpose": "marketing", "source": "page", "evidence": {"form": "1"}, "by": machine("test")}
    actions.record_consent(anna, channel="email", act="granted", said_at=began, at=began, expires_at=ends, **said)
    run = load("customers", people("7;Anna;;;;Oulu;;;no;1.2.2025"), PEOPLE)
    later = datetime(2025, 3, 1, tzinfo=UTC)
    actions.record_consent(anna, channel="any", act="withdrawn", said_at=later, at=later, **said)
    undo(run)
    state = ConsentState.objects.get(channel="email")
    assert (state.is_granted, state.since_at, state.expires_at) == (True, began, ends)
    assert not queries.consenting("marketing", "email", at=datetime(2026, 1, 1, tzinfo=UTC)).exists()


@pytest.mark.row_locks
@pytest.mark.django_db(transaction=True)
def test_what_somebody_changes_while_a_chunk_is_written_is_not_set_back(load, monkeypatch):
    load("customers", people("7;Anna;;;;Oulu;10,00;;;", "8;Bo;;;;Oulu;10,00;;;"), PEOPLE)
    others: list[Thread] = []

    def erase_and_change():
        try:
            now = datetime(2026, 5, 1, tzinfo=UTC)
            actions.erase_customer(Customer.objects.get(number="7"), by=machine("test"), at=now)
            actions.change_customer(
                Customer.objects.get(number="8"), values={"city": "Vantaa"}, by=machine("test"), at=now
            )
        finally:
            connection.close()

    def meanwhile(plan, stamp):
        others.append(Thread(target=erase_and_change))
        others[0].start()
        sleep(0.5)
        return write(plan, stamp)

    write = customers.write
    monkeypatch.setattr(customers, "write", meanwhile)
    load("customers", people("7;Anna Salo;;;;Turku;20,00;;;", "8;Bo;;;;;20,00;;;"), PEOPLE)
    others[0].join()
    anna, bo = Customer.objects.order_by("pk")
    assert (anna.first_name, anna.city, anna.attributes) == ("", "", {})
    assert (bo.city, bo.attributes["credit_limit"]) == ("Vantaa", "20")


def test_erased_and_restricted_customers_are_left_alone(load):
    load("customers", people("7;Anna;;;;Oulu;;;;", "8;Bo;;;;Oulu;;;;"), PEOPLE)
    Customer.objects.filter(number="7").update(erased_at=datetime(2026, 1, 1, tzinfo=UTC))
    Customer.objects.filter(number="8").update(restricted_at=datetime(2026, 1, 1, tzinfo=UTC))
    run = load("customers", people("7;Anna;;;;Espoo;;;;", "8;Bo;;;;Espoo;;;;"), PEOPLE)
    assert set(Customer.objects.values_list("city", flat=True)) == {"Oulu"}
    assert set(run.problems.filter(is_fatal=True).values_list("code", flat=True)) == {"erased", "restricted"}


def test_an_undone_import_cannot_be_undone_again(load):
    from crm.imports.runs import ImportNotPossible

    run = load("customers", people("7;Anna;;;;Oulu;;;;"), PEOPLE)
    undo(run)
    with pytest.raises(ImportNotPossible, match="undone"):
        undo(run)
    assert Import.objects.get().undo["customers deleted"] == 1

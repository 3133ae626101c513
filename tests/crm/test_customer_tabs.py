"""One customer's page: its tabs, what stands on them, and what floors above bring."""

import csv
import io
from collections.abc import Callable
from datetime import timedelta
from decimal import Decimal
from types import SimpleNamespace
from typing import Any

import pytest
from django.test import Client
from django.utils import translation

from crm import access, actions, panels, rights, timeline
from crm.models import AuditLine, Customer, Event, FieldDefinition
from tests.crm.conftest import NOW

MACHINE = rights.machine("test")


def browser(user: Any) -> Client:
    client = Client()
    client.force_login(user)
    return client


@pytest.fixture
def aada(cast: SimpleNamespace, make_customer: Callable) -> Customer:
    """A customer of team North with two sales, a return and a cart."""
    row = make_customer("1", cast.north, first_name="Aada", last_name="Virtanen", email="aada@example.fi")
    lines = [actions.NewLine(Decimal(3), Decimal("10.00"), sku="X", description="Cups")]
    for number, kind, amount, given in (("A-1", "sale", 30, lines), ("A-2", "sale", 12, []), ("R-1", "return", -5, [])):
        order = actions.NewOrder(
            "shop", number, NOW - timedelta(days=9), "EUR", kind=kind, lines=given, total_amount=Decimal(amount),
            customer_id=row.pk,
        )  # fmt: skip
        actions.record_order(order, by=MACHINE, at=NOW)
    event = actions.NewEvent("web", "1", "cart", NOW - timedelta(days=2), row.pk, properties={"page": "/bikes/"})
    actions.record_events([event], by=MACHINE, at=NOW)
    return row


def test_every_tab_has_its_own_address_and_says_which_one_it_is(aada: Customer, cast: SimpleNamespace) -> None:
    client = browser(cast.adele)
    tabs = panels.tabs(access.of_user(cast.adele), aada.pk)
    assert {"overview", "timeline", "profile", "orders", "segments", "messages", "consents", "audit"} <= {
        panel.key for panel, _url in tabs
    }
    for _panel, url in tabs:
        page = client.get(url).content.decode()
        assert f'<a href="{url}" aria-current="page">' in page and page.count("<h1>") == 1, url


def test_a_tab_that_the_role_may_not_open_is_not_offered(aada: Customer, cast: SimpleNamespace) -> None:
    for user, offered in ((cast.adele, True), (cast.anna, False)):
        page = browser(user).get(f"/customers/{aada.pk}/").content.decode()
        assert (f'"/customers/{aada.pk}/audit/"' in page) is offered


def test_no_tab_of_another_teams_customer_is_found(aada: Customer, cast: SimpleNamespace) -> None:
    order = aada.orders.first()
    client = browser(cast.bertil)
    for part in ("", "timeline/", "orders/", f"orders/{order.pk}/", "consents/", "profile/", "segments/", "messages/"):
        assert client.get(f"/customers/{aada.pk}/{part}").status_code == 404, part


def test_a_panel_of_another_floor_becomes_a_tab_around_its_fragment(
    aada: Customer, cast: SimpleNamespace, monkeypatch: pytest.MonkeyPatch
) -> None:
    mine = [
        panels.Panel("deals", "Deals", "customer-segments", "segments.view"),
        panels.Panel("beside", "Beside", "customer-segments", "segments.view", tab="deals"),
    ]
    monkeypatch.setattr(panels, "PANELS", [*panels.PANELS, *mine])
    client = browser(cast.anna)
    assert f'"/customers/{aada.pk}/tabs/deals/"' in client.get(f"/customers/{aada.pk}/").content.decode()
    page = client.get(f"/customers/{aada.pk}/tabs/deals/").content.decode()
    assert page.count(f'hx-get="/customers/{aada.pk}/segments/"') == 2
    assert client.get(f"/customers/{aada.pk}/tabs/nothing/").status_code == 404


def test_the_timeline_is_narrowed_by_kind_and_by_day(aada: Customer, cast: SimpleNamespace) -> None:
    client, address = browser(cast.adele), f"/customers/{aada.pk}/timeline/"
    everything = client.get(address).content.decode()
    assert "Order A-1" in everything and "Put something in the cart" in everything and "/bikes/" in everything
    visits = client.get(address + "?kind=visits").content.decode()
    assert "Order A-1" not in visits and "Put something in the cart" in visits
    late = client.get(f"{address}?since={(NOW - timedelta(days=3)).date()}").content.decode()
    assert "Order A-1" not in late and "Put something in the cart" in late
    early = client.get(f"{address}?until={(NOW - timedelta(days=3)).date()}").content.decode()
    assert "Order A-1" in early and "Put something in the cart" not in early
    for odd in ("?kind=x&since=x", "?until=9999-12-31", "?since=0001-01-01", "?before=x", "?kind=%00"):
        assert client.get(address + odd).status_code == 200, odd


def test_what_an_answer_says_of_itself_stands_in_the_readers_words(aada: Customer) -> None:
    click = actions.NewEvent("campaigns", "k", "click", NOW, aada.pk, properties={"campaign": "spring", "by": "human"})
    actions.record_events([click], by=MACHINE, at=NOW)
    with translation.override("fi"):
        told = timeline.of_event(Event.objects.get(source="campaigns")).detail
        assert [str(name) for name, _ in told] == ["Kampanja", "Tekijä", "Lähde"]
        assert [str(value) for _, value in told] == ["spring", "Ihminen", "Kampanja"]


def test_who_left_is_told_in_words_among_the_messages(aada: Customer) -> None:
    left = actions.NewEvent("campaigns", "u", "unsubscribe", NOW - timedelta(days=1), aada.pk)
    actions.record_events([left], by=MACHINE, at=NOW)
    found, _more = timeline.of_customer(MACHINE, aada, before=NOW, most=9, kind="messages")
    assert [one.words for one in found] == ["Unsubscribed"]


def test_a_registered_source_of_the_timeline_may_be_seen_alone(
    aada: Customer, cast: SimpleNamespace, monkeypatch: pytest.MonkeyPatch
) -> None:
    def parties(actor: Any, customer: Customer, before: Any, most: int) -> list[timeline.Happening]:
        return [timeline.Happening(NOW - timedelta(days=1), "bolt", "A party")]

    monkeypatch.setattr(timeline, "SOURCES", list(timeline.SOURCES))
    monkeypatch.setattr(timeline, "KINDS", dict(timeline.KINDS))
    timeline.register(parties, "parties", "Parties")
    found, _more = timeline.of_customer(MACHINE, aada, before=NOW, most=9, kind="parties")
    assert [one.words for one in found] == ["A party"]


def test_orders_are_summed_by_kind_and_opened_line_by_line(aada: Customer, cast: SimpleNamespace) -> None:
    client = browser(cast.anna)
    page = client.get(f"/customers/{aada.pk}/orders/").content.decode()
    assert "€42.00" in page and "−€5.00" in page and "2 orders" in page
    order = aada.orders.get(number="A-1")
    one = client.get(f"/customers/{aada.pk}/orders/{order.pk}/").content.decode()
    assert "Cups" in one and "€30.00" in one
    assert client.get(f"/customers/{aada.pk}/orders/{9**18}/").status_code == 404


def test_a_grant_on_the_page_takes_the_right_and_its_proof(aada: Customer, cast: SimpleNamespace) -> None:
    said = {"purpose": "marketing", "channel": "email", "act": "granted"}
    address = f"/customers/{aada.pk}/consents/record/"
    assert browser(cast.anna).post(address, said).status_code == 400
    assert browser(cast.adele).post(address, said).status_code == 400
    assert browser(cast.adele).post(address, {**said, "evidence": "Paper form 7"}).status_code == 302
    entry = aada.consent_entries.get()
    assert entry.act == "granted" and entry.evidence == {"words": "Paper form 7"}
    assert browser(cast.anna).post(address, {**said, "act": "withdrawn"}).status_code == 302
    assert not aada.consents.get().is_granted


def test_the_audit_file_holds_a_row_per_changed_field(aada: Customer, cast: SimpleNamespace) -> None:
    values = {"city": "Oulu", "first_name": "=cmd()"}
    actions.change_customer(aada, values=values, by=access.of_user(cast.anna), at=NOW)
    client = browser(cast.adele)
    page = client.get(f"/customers/{aada.pk}/audit/").content.decode()
    assert "→ Oulu" in page and "First name" in page and "first_name" not in page
    file = client.get(f"/customers/{aada.pk}/audit.csv")
    rows = list(csv.DictReader(io.StringIO(b"".join(file.streaming_content).decode("utf-8-sig"))))
    told = {(row["by"], row["field"], row["before"], row["after"]) for row in rows}
    assert ("anna", "city", "–", "Oulu") in told and ("anna", "first_name", "Aada", "'=cmd()") in told


def test_the_audit_is_told_in_words_and_names(aada: Customer, cast: SimpleNamespace) -> None:
    fields = {"label": "Yearly income", "label_fi": "Vuositulot", "type": "money", "dimension": "economic"}
    actions.define_field(values={"key": "income", **fields}, by=MACHINE, at=NOW)
    company = actions.create_company(values={"number": "C9", "name": "Polku Oy"}, by=MACHINE, at=NOW)
    values = {"company": company, "stage": "lapsed", "birth_date": "1972-01-08", "attributes": {"income": "1200.50"}}
    actions.change_customer(aada, values=values, by=access.of_user(cast.adele), at=NOW)
    client = browser(cast.adele)
    page = client.get(f"/customers/{aada.pk}/audit/").content.decode()
    for words in ("→ Polku Oy", "→ Lapsed", "→ 8 Jan 1972", "Yearly income", "→ €1,200.50"):
        assert words in page, words
    for raw in (f"→ {company.pk}<", "lapsed", "1972-01-08", "attributes.income"):
        assert raw not in page, raw
    file = b"".join(client.get(f"/customers/{aada.pk}/audit.csv").streaming_content).decode()
    assert f",company,–,{company.pk}" in file and ",1200.50" in file  # for machines: as it is kept


def test_the_tabs_take_few_queries(aada: Customer, cast: SimpleNamespace, django_assert_max_num_queries: Any) -> None:
    client = browser(cast.adele)
    for tab, most in (("", 15), ("timeline/", 9), ("orders/", 8), ("consents/", 9), ("audit/", 9), ("messages/", 7)):
        client.get(f"/customers/{aada.pk}/{tab}")
        with django_assert_max_num_queries(most):
            client.get(f"/customers/{aada.pk}/{tab}")


def test_values_of_special_categories_stand_on_the_page_alone_where_seeing_is_noted(
    make_customer: Callable, cast: SimpleNamespace
) -> None:
    FieldDefinition.objects.create(
        key="health", label="Health", type="text", dimension="psychographic", sensitivity="special", created_at=NOW
    )
    row, client = make_customer("9", cast.north), Client()
    actions.change_customer(row, values={"attributes": {"health": "asthma"}}, by=MACHINE, at=NOW)
    client.force_login(cast.adele)
    line = AuditLine.objects.get(kind="customer", object_id=row.pk, verb="changed")
    for address in (f"/customers/{row.pk}/audit/", f"/customers/{row.pk}/audit.csv",
                    f"/admin/crm/customer/{row.pk}/change/", f"/admin/crm/auditline/{line.pk}/change/"):  # fmt: skip
        answer = client.get(address)
        assert answer.status_code == 200
        assert b"asthma" not in (b"".join(answer.streaming_content) if answer.streaming else answer.content), address

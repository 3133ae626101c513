"""The list and the page of customers, as each role sees them."""

import re
from collections.abc import Callable
from datetime import timedelta
from decimal import Decimal
from html import unescape
from typing import Any

import pytest

from crm import access, actions, rights, timeline
from crm.models import AuditLine, ConsentState, Customer
from tests.crm.conftest import NOW

MACHINE = rights.machine("test")


def test_the_list_finds_by_name_number_mail_and_phone(as_: Callable, make_customer: Callable) -> None:
    make_customer("1001", first_name="Aada", last_name="Virtanen", email="aada@example.fi", phone="+358401234567")
    make_customer("2002", first_name="Eino", last_name="Korhonen", stage="lapsed")
    client = as_("adele")
    for text in ("virt", "1001", "Aada@Example.fi", "%2B358401234567", "aada vir", "Aada"):
        page = client.get(f"/customers/?q={text}").content.decode()
        assert "Aada Virtanen" in page and "Korhonen" not in page, text
    assert "Virtanen" not in client.get("/customers/?stage=lapsed").content.decode()
    assert "No customer matches" in client.get("/customers/?q=nobody").content.decode()


@pytest.mark.parametrize(
    "query", ["?sort=evil", "?cursor=x", "?stage=king", "?team=none", "?q=%00", "?cursor=" + "A" * 999]
)
def test_a_list_with_odd_parameters_still_answers(query: str, as_: Callable, make_customer: Callable) -> None:
    make_customer("1")
    assert as_("adele").get("/customers/" + query).status_code == 200


def test_the_list_goes_on_page_after_page(as_: Callable, make_customer: Callable) -> None:
    for index in range(120):
        make_customer(f"N{index}", last_name=f"L{index:03}")
    client, seen, address = as_("adele"), 0, "/customers/?sort=last_name"
    while address:
        page = client.get(address)
        seen += len(page.context["page"].rows)
        address = page.context["more_url"]
    assert seen == 120


def test_sales_see_their_team_only_on_every_address(as_: Callable, make_customer: Callable, cast: Any) -> None:
    mine, theirs = make_customer("MINE", cast.north), make_customer("THEIRS", cast.south)
    client = as_("anna")
    page = client.get("/customers/").content.decode()
    assert "MINE" in page and "THEIRS" not in page and "South" not in page
    assert client.get(f"/customers/{mine.pk}/").status_code == 200
    for address in (f"/customers/{theirs.pk}/", f"/customers/{theirs.pk}/edit/", f"/customers/{9**30}/"):
        assert client.get(address).status_code == 404


def test_analysts_see_no_names(as_: Callable, make_customer: Callable) -> None:
    row = make_customer("1", first_name="Aada", last_name="Virtanen", email="aada@example.fi", street="Katu 1")
    client = as_("aino")
    for address in ("/customers/", f"/customers/{row.pk}/", "/customers/?q=Virtanen", "/customers/?sort=last_name"):
        page = client.get(address).content.decode()
        assert "Virtanen<" not in page and "aada@" not in page and "Katu" not in page, address


def test_the_page_tells_what_happened_newest_first(as_: Callable, make_customer: Callable) -> None:
    row = make_customer("1", first_name="Aada")
    order = actions.NewOrder(
        "shop", "A-7", NOW - timedelta(days=2), "EUR", total_amount=Decimal("12.50"), customer_id=row.pk
    )
    actions.record_orders([order], by=MACHINE, at=NOW)
    event = actions.NewEvent("web", "1", "cart", NOW - timedelta(days=1), row.pk, category="Cups")
    actions.record_events([event], by=MACHINE, at=NOW)
    page = as_("adele").get(f"/customers/{row.pk}/").content.decode()
    assert page.index("Put something in the cart · Cups") < page.index("Order A-7") and "€12.50" in page


def test_the_timeline_shows_each_happening_once_across_pages(make_customer: Callable) -> None:
    row = make_customer("1")
    events = [actions.NewEvent("web", str(n), "page", NOW - timedelta(hours=n // 3), row.pk) for n in range(50)]
    actions.record_events(events, by=MACHINE, at=NOW)
    seen, before, has_more = [], NOW + timedelta(days=1), True
    while has_more:
        found, has_more = timeline.of_customer(MACHINE, row, before=before, most=7)
        seen += found
        before = found[-1].at
    assert len(seen) == 50 and seen == sorted(seen, key=lambda one: one.at, reverse=True)


def test_an_opt_out_is_recorded_by_one_button(as_: Callable, make_customer: Callable, cast: Any) -> None:
    row = make_customer("1", cast.north)
    said = {"purpose": "marketing", "channel": "email", "act": "granted", "said_at": NOW, "source": "t"}
    actions.record_consent(row, **said, evidence={"form": "x"}, by=MACHINE, at=NOW)
    state = ConsentState.objects.get()
    client = as_("anna")
    assert "Opts out" in client.get(f"/customers/{row.pk}/").content.decode()
    assert client.post(f"/customers/{row.pk}/consents/{state.pk}/withdraw/").status_code == 302
    state.refresh_from_db()
    assert not state.is_granted and row.consent_entries.filter(by=cast.anna).exists()


def test_a_customer_is_entered_and_changed_on_the_page(as_: Callable, cast: Any) -> None:
    for key, type, more in (("income", "money", {"unit": "EUR"}), ("pet", "choice", {"choices": ["cat", "dog"]})):
        values = {"key": key, "label": key.title(), "type": type, "dimension": "economic", **more}
        actions.define_field(values=values, by=MACHINE, at=NOW)
    client = as_("anna")
    given = {"number": "77", "first_name": "Aada", "stage": "prospect", "email": "aada@example.fi"}
    response = client.post("/customers/new/", {**given, "attributes.income": "1200.50", "attributes.pet": "cat"})
    assert response.status_code == 302, response.context["form"].errors
    row = Customer.objects.get()
    assert response["Location"] == f"/customers/{row.pk}/" and row.team == cast.north
    assert row.attributes == {"income": "1200.50", "pet": "cat"}
    client.post(f"/customers/{row.pk}/edit/", {**given, "city": "Oulu", "attributes.pet": ""})
    row.refresh_from_db()
    assert row.city == "Oulu" and row.attributes == {}
    assert AuditLine.objects.filter(kind="customer", by=cast.anna).count() == 2


def test_what_somebody_else_saved_while_a_form_was_open_stays(
    as_: Callable, make_customer: Callable, cast: Any
) -> None:
    row = make_customer("77", cast.north, first_name="Aada", city="Oulu", phone="+358401234567", owner=cast.anna)
    firm = actions.create_company(values={"number": "1", "name": "Firma", "team": cast.north}, by=MACHINE, at=NOW)
    client = as_("anna")
    for address, one, mine, theirs in (
        (f"/customers/{row.pk}/edit/", row, {"city": "Turku"}, {"phone": "", "first_name": "Aino"}),
        (f"/companies/{firm.pk}/edit/", firm, {"city": "Turku"}, {"name": "Toinen"}),
    ):
        opened = inputs(client.get(address))
        type(one).objects.filter(pk=one.pk).update(**theirs)
        assert client.post(address, {**opened, **mine}).status_code == 302
        one.refresh_from_db()
        assert {name: getattr(one, name) for name in {**mine, **theirs}} == {**mine, **theirs}
    client.post(f"/customers/{row.pk}/edit/", {**inputs(client.get(f"/customers/{row.pk}/edit/")), "city": ""})
    row.refresh_from_db()
    assert row.city == ""


def inputs(page: Any) -> dict[str, str]:
    """What a browser would send of the form of a page."""
    sent, select = {}, ""
    for tag, told in re.findall(r"<(input|select|option)([^>]*)>", page.content.decode()):
        given = {name: unescape(value) for name, value in re.findall(r'([\w-]+)="([^"]*)"', told)}
        if tag == "input" and "name" in given:
            sent[given["name"]] = given.get("value", "")
        elif tag == "select":
            select = given.get("name", "")
        elif tag == "option" and " selected" in told:
            sent[select] = given["value"]
    return sent


def test_what_the_action_refuses_stands_beside_its_field(as_: Callable, make_customer: Callable, cast: Any) -> None:
    make_customer("77", cast.south)
    response = as_("anna").post("/customers/new/", {"number": "77", "stage": "prospect", "phone": "12"})
    assert response.status_code == 400 and set(response.context["form"].errors) == {"phone"}
    response = as_("anna").post("/customers/new/", {"number": "77", "stage": "prospect"})
    assert set(response.context["form"].errors) == {"number"}


def test_special_fields_need_the_grant_and_each_look_is_noted(
    as_: Callable, make_customer: Callable, cast: Any
) -> None:
    values = {
        "key": "health",
        "label": "Health",
        "type": "text",
        "dimension": "life_situation",
        "sensitivity": "special",
    }
    actions.define_field(values=values, by=MACHINE, at=NOW)
    row = make_customer("1", attributes={"health": "planted"})
    address = f"/customers/{row.pk}/"
    assert "planted" not in as_("maija").get(address).content.decode()
    cast.maija.may_see_special = True
    cast.maija.save()
    assert "planted" in as_("maija").get(address).content.decode()
    line = AuditLine.objects.get(verb="special seen")
    assert line.by == cast.maija and "planted" not in str(line.changes)
    assert not access.of_user(cast.aino).may_see_special


def test_text_of_customers_is_never_markup(as_: Callable, make_customer: Callable) -> None:
    row = make_customer("1", first_name="<script>alert(1)</script>", city="<img src=x>")
    for address in ("/customers/", f"/customers/{row.pk}/", f"/customers/{row.pk}/edit/"):
        page = as_("adele").get(address).content.decode()
        assert "<script>alert" not in page and "<img src=x" not in page


def test_the_pages_take_few_queries(as_: Callable, make_customer: Callable, django_assert_max_num_queries: Any) -> None:
    for index in range(60):
        row = make_customer(str(index))
    client = as_("adele")
    with django_assert_max_num_queries(16):  # filters and columns each read the catalogue: its fields and its tags
        client.get("/customers/")
    with django_assert_max_num_queries(15):
        client.get(f"/customers/{row.pk}/")

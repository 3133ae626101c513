"""The customer's page as profiles see it: sources, ages and doubts of values; worth; next steps."""

from datetime import UTC, datetime, timedelta

import pytest
from django.test import Client

from crm import actions as crm_actions
from crm import rights
from crm.models import Customer
from profiles import actions, customer_pages

AT = datetime(2026, 11, 1, 12, tzinfo=UTC)
pytestmark = pytest.mark.django_db


def visitor(user) -> Client:
    client = Client()
    client.force_login(user)
    return client


def test_each_value_says_its_source_its_age_and_how_many_have_one(cast):
    by = rights.machine("shop")
    ada = crm_actions.create_customer(
        values={"number": "1", "city": "Turku", "team": cast.north}, by=by, at=AT - timedelta(days=500)
    )
    crm_actions.create_customer(values={"number": "2", "team": cast.north}, by=by, at=AT)
    actions.refresh(at=AT)
    page = visitor(cast.anna).get(f"/customers/{ada.pk}/profile/")
    rows = {row["label"]: row for dimension in page.context["dimensions"] for row in dimension["rows"]}
    city = rows["City"]
    assert (city["value"], city["door"], city["since"]) == ("Turku", "shop", AT - timedelta(days=500))
    assert city["is_old"] and city["coverage"] == 0.5 and not city["is_sparse"]
    assert not rows["Orders"]["is_old"] and rows["Orders"]["door"] == ""


def test_several_values_are_doubted_one_by_one(cast):
    by = rights.machine("shop")
    field = {"label": "Sport", "type": "choice", "dimension": "psychographic", "choices": ["ski", "run"]}
    crm_actions.define_field(values={"key": "sport", **field}, by=by, at=AT)
    tag = crm_actions.create_tag(name="VIP", by=by, at=AT)
    values = {"team": cast.north, "attributes": {"sport": "ski"}}
    people = [crm_actions.create_customer(values={"number": n, **values}, by=by, at=AT) for n in "12"]
    crm_actions.add_tag(tag, to=Customer, ids=[people[0].pk], by=by, at=AT)
    Customer.objects.filter(pk=people[1].pk).update(attributes={"sport": "chess"})
    actions.refresh(at=AT)
    client, doubt = visitor(cast.anna), "Not one of the choices"
    pages = [client.get(f"/customers/{one.pk}/profile/").content.decode() for one in people]
    assert [page.count(doubt) for page in pages] == [0, 1] and "VIP" in pages[0]


def test_worth_stands_on_the_overview_with_its_reasons(cast):
    ada = Customer.objects.create(number="1", team=cast.north, created_at=AT, updated_at=AT)
    client = visitor(cast.anna)
    address = f"/customers/{ada.pk}/value/"
    assert "appears with the next refresh" in client.get(address).content.decode()
    actions.refresh(at=AT)
    assert f'hx-get="{address}"' in client.get(f"/customers/{ada.pk}/").content.decode()
    part = client.get(address, headers={"HX-Request": "true"}).content.decode()
    assert "Spend in all" in part and "No purchase yet" in part and "<main" not in part
    assert visitor(cast.bertil).get(address).status_code == 404


@pytest.mark.parametrize(
    ("known", "words"),
    [
        ({"cart_abandoned_days": 3.0}, "Ask about the cart they left"),
        ({"journey_stage": "slowed_down", "days_between_orders": 20.0, "recency_days": 70.0}, "Get in touch"),
        ({"rfm_cell": "cannot_lose", "recency_days": 200.0}, "Call them"),
    ],
)
def test_a_next_step_says_why_and_nobody_is_told_to_write_to_those_who_object(known, words):
    (step,) = customer_pages.next_steps(known, objects=False)
    assert step[0].startswith(words) and "%" not in step[1]
    assert customer_pages.next_steps(known, objects=True) == []


def test_a_score_counts_the_fifths_of_buyers_behind():
    assert customer_pages.place("rfm_monetary", {"rfm_monetary": 5.0}) == "5 of 5: ahead of at least 80% of buyers"

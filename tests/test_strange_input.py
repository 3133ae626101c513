"""No page breaks on what only a machine or a mischief-maker would write into its address."""

from datetime import UTC, datetime
from types import SimpleNamespace

import pytest
from django.contrib.auth.models import AnonymousUser
from django.http import HttpResponse
from django.test import Client, RequestFactory

from campaigns.models import Campaign
from crm import access, actions, middleware
from crm.models import Customer, Note

HUGE = "9" * 5000
NOW = datetime(2026, 5, 1, 12, tzinfo=UTC)


@pytest.mark.parametrize(
    "address",
    [
        f"/mail/?before={HUGE}",
        "/mail/?before=%D9%A3",
        f"/mail/{HUGE[:30]}/",
        f"/mail/{HUGE[:30]}/html/",
        "/imports/?cursor=nonsense",
        "/customers/?cursor=nonsense",
        "/segments/?cursor=nonsense",
        "/campaigns/?cursor=nonsense",
        "/customers/{customer}/?before=0001-01-01T00:00:00%2B14:00",
        "/customers/{customer}/?before=9999-12-31T23:59:59-14:00",
        f"/campaigns/{{campaign}}/preview/?customer={HUGE}",
        "/customers/?where=customer.created_at:until:9999-12-31",
        "/customers/?where=customer.created_at:from:0001-01-01",
    ],
)
def test_a_strange_address_is_answered(address: str, cast: SimpleNamespace) -> None:
    customer = Customer.objects.create(number="1", created_at=NOW, updated_at=NOW)
    campaign = Campaign.objects.create(slug="spring", name="Spring", created_at=NOW, updated_at=NOW)
    client = Client()
    client.force_login(cast.adele)
    response = client.get(address.format(customer=customer.pk, campaign=campaign.pk))
    assert response.status_code in (200, 404)


@pytest.mark.parametrize("moment", ["0001-01-01T00:00:00", "0001-01-01T00:00:00+14:00", "9999-12-31T23:59:59-14:00"])
def test_a_time_outside_of_the_calendar_is_refused_at_its_place(moment: str, cast: SimpleNamespace) -> None:
    client = Client()
    client.force_login(cast.adele)
    body = {"name": "Spring", "send_at": moment}
    response = client.post("/api/v1/campaigns/", body, content_type="application/json")
    assert (response.status_code, response.json()["error"]["path"]) == (400, "send_at")


@pytest.mark.parametrize("field", ["include", "exclude"])
def test_ids_that_no_row_can_have_are_refused_at_their_field(field: str, cast: SimpleNamespace) -> None:
    client = Client()
    client.force_login(cast.maija)
    page = client.post("/campaigns/new/", {field: [HUGE[:20]]})
    assert page.status_code == 400 and HUGE[:20] in page.context["form"].errors[field][0]


def test_a_number_of_groups_that_none_can_have_breaks_nothing(cast: SimpleNamespace) -> None:
    client = Client()
    client.force_login(cast.maija)
    assert client.post("/segments/discover/", {"k": HUGE, "features": "city"}).status_code in (302, 400)


@pytest.mark.parametrize(
    "address", ["/segments/?q=%00", "/customers/{customer}/segments/?why=%00", "/campaigns/?q=a%00b", "/mail/?q=%00"]
)
def test_a_question_with_a_nul_is_asked_without_it(address: str, cast: SimpleNamespace) -> None:
    customer = Customer.objects.create(number="1", created_at=NOW, updated_at=NOW)
    client = Client()
    client.force_login(cast.adele)
    response = client.get(address.format(customer=customer.pk))
    assert response.status_code == 200 and "\0" not in "".join(response.wsgi_request.GET.values())
    assert client.post("/segments/discover/", {"base": "a\0b", "features": "city"}).status_code in (302, 400)


def test_what_is_written_in_a_form_is_kept_without_nul(cast: SimpleNamespace) -> None:
    customer = Customer.objects.create(number="1", created_at=NOW, updated_at=NOW)
    values = {"title": "Skis", "customer": customer, "amount": 1, "expected_on": NOW.date()}
    deal = actions.create_deal(values=values, by=access.of_user(cast.adele), at=NOW)
    client = Client()
    client.force_login(cast.adele)
    assert client.post(f"/deals/{deal.pk}/notes/", {"text": "Rang\0 twice", "a\0": ["\0", "ä"]}).status_code == 302
    assert client.get(f"/deals/{deal.pk}/").content.count(b"Rang twice") == 1
    assert client.post(f"/customers/{customer.pk}/notes/new/", {"text": "Ähtäri\0"}).status_code == 302
    assert Note.objects.get().text == "Ähtäri"


@pytest.mark.parametrize(
    ("address", "path"),
    [("segments/overlap/?slugs=a,%00", "slugs"), ("segments/flows/?slugs=%00,b", "slugs"), ("customers/?q=%00", "q")],
)
def test_the_api_refuses_a_nul_at_its_parameter(address: str, path: str, cast: SimpleNamespace) -> None:
    client = Client()
    client.force_login(cast.adele)
    response = client.get(f"/api/v1/{address}")
    assert response.status_code == 400 and response.json()["error"]["path"] == path


def test_a_list_keeps_and_asks_nothing_that_no_database_holds(cast: SimpleNamespace) -> None:
    client = Client()
    client.force_login(cast.adele)
    asked = {"list": "where=customer.city:is:a%00&sort=%00", "columns": ["city\0"], "name": "A\0", "all": "1"}
    for address in ("/customers/columns/", "/views/customers/save/", "/customers/bulk/"):
        assert client.post(address, asked).status_code in (200, 302), address
    assert client.get("/customers/").status_code == 200


@pytest.mark.parametrize(
    ("who", "path", "size", "status"),
    [
        ("", "/sign-in/", "6000000", 413),
        ("", "/sign-in/", "5000000", 200),
        ("", "/sign-in/", "x", 413),
        ("", "/api/v1/imports/", "6000000", 200),
        ("maija", "/imports/new/", "2000000000", 200),
        ("maija", "/imports/new/", "3000000000", 413),
        ("maija", "/customers/", "6000000", 413),
        ("maija", "/imports/", "6000000", 413),
        ("maija", "/imports/1/mapping/", "6000000", 413),
        ("maija", "/nowhere/", "6000000", 413),
        ("maija", "/customers/1/notes/new/", "100000000", 200),
        ("maija", "/customers/1/notes/new/", "200000000", 413),
    ],
)
def test_a_body_that_nobody_could_mean_is_refused_unread(
    who: str, path: str, size: str, status: int, cast: SimpleNamespace
) -> None:
    request = RequestFactory().post(path, CONTENT_LENGTH=size)
    request.user = getattr(cast, who) if who else AnonymousUser()
    assert middleware.bounded(lambda _request: HttpResponse())(request).status_code == status

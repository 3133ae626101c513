"""The API's frame, seen through the customers endpoint: keys, scope, shape of errors, pages."""

import base64
import json
from collections.abc import Callable
from datetime import timedelta
from types import SimpleNamespace

import pytest
from django.test import Client
from django.utils import timezone

from crm import access, actions
from crm.models import Customer
from tests.crm.conftest import NOW

LIST = "/api/v1/customers/"


def numbers(response: object) -> list[str]:
    return [row["number"] for row in response.json()["results"]]  # type: ignore[attr-defined]


def test_without_a_key_the_answer_is_401_and_says_how(db: None) -> None:
    response = Client().get(LIST)
    assert response.status_code == 401
    assert response["WWW-Authenticate"].startswith("Bearer")
    assert response.json()["error"]["code"] == "not_authenticated"


@pytest.mark.parametrize(
    "header", ["Bearer kohde_nonsense", "Bearer", "Bearer a b", "Bearer \xe4", "Bearer " + "x" * 9000]
)
def test_a_wrong_key_is_refused_without_saying_why(header: str, db: None) -> None:
    response = Client(headers={"Authorization": header}).get(LIST)
    assert response.status_code == 401
    assert response.json()["error"]["message"] == "This API key is not valid."


def test_a_revoked_an_expired_and_an_orphaned_key_stop_at_once(caller: Callable, cast: SimpleNamespace) -> None:
    revoked, expired, orphaned = caller(), caller(expires_at=timezone.now() + timedelta(hours=1)), caller()
    admin = access.of_user(cast.adele)
    assert [client.get(LIST).status_code for client in (revoked, expired, orphaned)] == [200, 200, 200]
    actions.revoke_key(revoked.key, by=admin, at=NOW)
    type(expired.key).objects.filter(pk=expired.key.pk).update(expires_at=NOW - timedelta(days=999))
    assert [client.get(LIST).status_code for client in (revoked, expired, orphaned)] == [401, 401, 200]
    cast.adele.is_active = False
    cast.adele.save()
    assert orphaned.get(LIST).status_code == 401


def test_the_key_itself_is_stored_nowhere(cast: SimpleNamespace) -> None:
    key, raw = actions.issue_key(name="x", scopes=["orders:read"], by=access.of_user(cast.adele), at=NOW)
    stored = {field.name: str(getattr(key, field.name)) for field in key._meta.concrete_fields}
    assert raw not in stored.values() and raw.startswith(stored["prefix"]) and len(raw) > 40


def test_a_key_lacking_the_scope_gets_403_naming_it(caller: Callable) -> None:
    response = caller("orders:read").get(LIST)
    assert response.status_code == 403
    assert "customers:read" in response.json()["error"]["message"]


def test_sales_and_team_keys_see_their_teams_customers_only(
    caller: Callable, cast: SimpleNamespace, make_customer: Callable
) -> None:
    mine, theirs, nobodys = make_customer("1", cast.north), make_customer("2", cast.south), make_customer("3")
    signed_in = Client()
    signed_in.force_login(cast.anna)
    for client in (signed_in, caller(team=cast.north)):
        assert numbers(client.get(LIST)) == ["1"]
        assert client.get(f"{LIST}{mine.pk}/").status_code == 200
        assert [client.get(f"{LIST}{row.pk}/").status_code for row in (theirs, nobodys)] == [404, 404]


def test_a_team_key_shrinks_with_its_issuer(caller: Callable, cast: SimpleNamespace, make_customer: Callable) -> None:
    make_customer("1", cast.north)
    client = caller(team=cast.north)
    cast.adele.role = "sales"
    cast.adele.save()
    assert numbers(client.get(LIST)) == []
    cast.adele.teams.add(cast.north)
    assert numbers(client.get(LIST)) == ["1"]


def test_tombstones_and_erased_customers_are_gone(caller: Callable, make_customer: Callable) -> None:
    kept = make_customer("kept")
    make_customer("merged", merged_into=kept)
    make_customer("erased", erased_at=NOW)
    assert numbers(caller().get(LIST)) == ["kept"]


def test_analysts_see_no_names_and_cannot_ask_for_them(cast: SimpleNamespace, make_customer: Callable) -> None:
    row = make_customer(
        "1", first_name="Aada", last_name="Virtanen", email="aada@example.fi", phone="+35840", city="Oulu"
    )
    client = Client()
    client.force_login(cast.aino)
    for response in (client.get(LIST), client.get(f"{LIST}{row.pk}/")):
        assert b"Aada" not in response.content and b"Virtanen" not in response.content
        assert b"aada@" not in response.content and b"+358" not in response.content and b"Oulu" in response.content
    for question in ("?email=aada@example.fi", "?ordering=last_name", "?ordering=-last_name"):
        assert client.get(LIST + question).status_code == 403


@pytest.mark.parametrize(
    ("question", "path"),
    [
        ("?ordering=password", "ordering"),
        ("?ordering=last_name;drop table", "ordering"),
        ("?limit=0", "limit"),
        ("?limit=501", "limit"),
        ("?limit=%F0%9D%9F%99", "limit"),
        ("?limit=000100999", "limit"),
        ("?limit=1" + "0" * 5000, "limit"),
        # ["-updated_at", "0001-01-01T00:00:00+14:00", 1]
        ("?ordering=-updated_at&cursor=WyItdXBkYXRlZF9hdCIsICIwMDAxLTAxLTAxVDAwOjAwOjAwKzE0OjAwIiwgMV0", "cursor"),
        ("?cursor=nonsense", "cursor"),
        ("?cursor=" + "W" * 4000, "cursor"),
        ("?team__name=x", "team__name"),
        ("?stage=king", "stage"),
        ("?updated_since=yesterday", "updated_since"),
        ("?city=%00", "city"),
    ],
)
def test_a_bad_parameter_is_400_at_its_place(question: str, path: str, caller: Callable) -> None:
    response = caller().get(LIST + question)
    assert response.status_code == 400, response.content
    error = response.json()["error"]
    assert error["path"] == path and error["message"] and error["details"][0]["path"] == path


def test_an_unknown_parameter_lists_the_known_ones(caller: Callable) -> None:
    choices = caller().get(LIST + "?sort=name").json()["error"]["choices"]
    assert {"ordering", "cursor", "limit", "number"} <= set(choices)


@pytest.mark.parametrize("order", ["-id", "id", "last_name", "-last_name", "updated_at", "-updated_at"])
def test_pages_by_cursor_show_every_row_once_in_order(order: str, caller: Callable, make_customer: Callable) -> None:
    for index in range(23):
        row = make_customer(str(index), last_name="ABC"[index % 3])
        Customer.objects.filter(pk=row.pk).update(updated_at=NOW + timedelta(days=index % 4))
    client, seen, address = caller(), [], f"{LIST}?limit=5&ordering={order}"
    while address:
        page = client.get(address).json()
        seen += [row["id"] for row in page["results"]]
        address = page["next"]
    column = order.lstrip("-")
    expected = sorted(
        Customer.objects.all(), key=lambda row: (getattr(row, column), row.pk), reverse=order.startswith("-")
    )
    assert seen == [row.pk for row in expected]


def test_a_cursor_of_another_order_is_refused(caller: Callable, make_customer: Callable) -> None:
    for index in range(3):
        make_customer(str(index))
    client = caller()
    after = client.get(f"{LIST}?limit=1").json()["next"].split("cursor=")[1].split("&")[0]
    response = client.get(f"{LIST}?limit=1&ordering=last_name&cursor={after}")
    assert response.status_code == 400 and response.json()["error"]["code"] == "cursor_unknown"


@pytest.mark.parametrize("text", ["\ud800", "\0", "a\udfff"])
def test_a_cursor_holding_what_no_database_holds_is_refused(text: str, caller: Callable) -> None:
    cursor = base64.urlsafe_b64encode(json.dumps(["last_name", text, 1]).encode()).decode()
    response = caller().get(LIST, {"ordering": "last_name", "cursor": cursor})
    assert response.status_code == 400 and response.json()["error"]["code"] == "cursor_unknown"


@pytest.mark.parametrize(
    ("method", "address", "status"),
    [
        ("get", "/api/v1/nothing/", 404),
        ("get", "/api/v1/customers", 404),
        ("get", LIST + "99999999/", 404),
        ("get", LIST + "9" * 40 + "/", 404),
        ("delete", LIST, 405),
        ("options", LIST, 405),
    ],
)
def test_every_error_has_the_one_shape(method: str, address: str, status: int, caller: Callable) -> None:
    response = getattr(caller(), method)(address)
    assert response.status_code == status
    error = json.loads(response.content)["error"]
    assert set(error) >= {"code", "message", "path", "details"}


def test_signed_in_pages_need_the_csrf_token_to_write(cast: SimpleNamespace) -> None:
    client = Client(enforce_csrf_checks=True)
    client.force_login(cast.adele)
    response = client.post(LIST, "{}", content_type="application/json")
    assert response.status_code == 403
    assert "CSRF" in response.json()["error"]["message"]


def test_last_use_is_noted_at_most_once_a_minute(caller: Callable) -> None:
    client = caller()
    client.get(LIST)
    client.key.refresh_from_db()
    first = client.key.last_used_at
    client.get(LIST)
    client.key.refresh_from_db()
    assert first is not None and client.key.last_used_at == first

"""What callers of the API do with customers, fields, orders, events and consents."""

import json
from collections.abc import Callable
from datetime import timedelta
from decimal import Decimal
from types import SimpleNamespace
from typing import Any

import pytest
from django.test import Client

from crm import access, actions, rights
from crm.models import AuditLine, ConsentState, Customer, Event, Order, OrderLine
from tests.crm.conftest import NOW

API = "/api/v1/"
ORDER = {
    "source": "shop",
    "number": "536365",
    "ordered_at": "2010-12-01T08:26:00+00:00",
    "currency": "GBP",
    "customer": "17850",
    "lines": [
        {"sku": "85123A", "quantity": "6", "unit_amount": "2.55"},
        {"sku": "71053", "quantity": "-1", "unit_amount": "3.39"},
    ],
}
EVENT = {"source": "web", "source_id": "1", "type": "page", "anonymous_id": "v", "occurred_at": "2026-11-01T12:00:00Z"}


def send(client: Client, address: str, data: Any, method: str = "post", **more: Any) -> Any:
    body = data if isinstance(data, bytes | str) else json.dumps(data)
    return getattr(client, method)(API + address, body, content_type="application/json", **more)


def error(response: Any) -> dict:
    assert response.status_code >= 400, response.content
    return response.json()["error"]


def test_a_customer_is_created_changed_and_found_again(caller: Callable, cast: SimpleNamespace) -> None:
    client = caller()
    send(client, "fields/", {"key": "income", "label": "Income", "type": "money", "dimension": "economic"})
    made = send(
        client, "customers/", {"number": "7", "email": "A@B.fi", "team": "north", "attributes": {"income": 12.5}}
    )
    assert made.status_code == 201 and made.json()["attributes"] == {"income": "12.5"}
    address = f"customers/{made.json()['id']}/"
    assert send(client, address, {"city": "Oulu", "attributes": {"income": None}}, "patch").json()["attributes"] == {}
    found = client.get(API + "customers/?email=a@b.fi&team=north").json()["results"]
    assert [row["city"] for row in found] == ["Oulu"]
    line = AuditLine.objects.filter(kind="customer").latest("id")
    assert line.by == cast.adele and line.source == f"api:{client.key.prefix}"
    assert line.changes == {"city": ["", "Oulu"], "attributes.income": ["12.5", None]}


@pytest.mark.parametrize(
    ("data", "path", "status"),
    [
        ({}, "number", 400),
        ({"number": "1", "nickname": "x"}, "nickname", 400),
        ({"number": "1", "stage": "king"}, "stage", 400),
        ({"number": "1", "email": "x"}, "email", 400),
        ({"number": "1", "attributes": {"x": 1}}, "attributes.x", 400),
        ({"number": "1", "attributes": 5}, "attributes", 400),
        ({"number": "1", "company": "nobody"}, "company", 400),
        ({"number": "1", "company": {"a": 1}}, "company", 400),
        ({"number": "taken"}, "number", 409),
        ([], "", 400),
        ("x", "", 400),
        (None, "", 400),
    ],
)
def test_what_is_wrong_with_a_customer_is_told_at_its_place(
    data: Any, path: str, status: int, caller: Callable, make_customer: Callable
) -> None:
    make_customer("taken")
    response = send(caller(), "customers/", data)
    assert response.status_code == status and error(response)["path"] == path
    assert Customer.objects.count() == 1


def test_unknown_fields_and_choices_name_the_valid_ones(caller: Callable) -> None:
    fault = error(send(caller(), "customers/", {"number": "1", "nickname": "x"}))
    assert fault["code"] == "unknown_field" and "first_name" in fault["choices"] and "id" not in fault["choices"]
    fault = error(send(caller(), "customers/", {"number": "1", "stage": "king"}))
    assert fault["choices"] == ["prospect", "occasional", "regular", "lapsed"]


def test_every_column_that_is_not_offered_is_refused(caller: Callable, make_customer: Callable) -> None:
    """Generated from the model, so that a new column is closed until somebody opens it."""
    offered = {
        "number", "first_name", "last_name", "email", "phone", "language", "time_zone", "birth_date", "gender",
        "street", "postal_code", "city", "country", "stage", "attributes", "company", "owner", "team", "source",
        "is_test",
    }  # fmt: skip
    row = make_customer("1")
    client = caller()
    for column in Customer._meta.concrete_fields:
        if column.name not in offered:
            assert send(client, f"customers/{row.pk}/", {column.name: None}, "patch").status_code == 400, column.name


def test_special_category_values_never_leave_by_the_api(caller: Callable, make_customer: Callable, cast: Any) -> None:
    values = {
        "key": "health",
        "label": "Health",
        "type": "text",
        "dimension": "life_situation",
        "sensitivity": "special",
    }
    actions.define_field(values=values, by=rights.machine("test"), at=NOW)
    row = make_customer("1", attributes={"health": "planted"})
    cast.adele.may_see_special = True
    cast.adele.save()
    signed_in = Client()
    signed_in.force_login(cast.adele)
    for client in (caller(), signed_in):
        assert b"planted" not in client.get(f"{API}customers/{row.pk}/").content
    assert send(caller(), f"customers/{row.pk}/", {"attributes": {"health": "x"}}, "patch").status_code == 400


def test_a_team_key_creates_in_its_team_and_sees_no_foreign_company(caller: Callable, cast: SimpleNamespace) -> None:
    firm = {"number": "C", "name": "Firm", "team": cast.south}
    actions.create_company(values=firm, by=rights.machine("test"), at=NOW)
    client = caller(team=cast.north)
    assert send(client, "customers/", {"number": "1"}).json()["team"] == "north"
    assert error(send(client, "customers/", {"number": "2", "team": "south"}))["path"] == "team"
    assert error(send(client, "customers/", {"number": "2", "company": "C"}))["path"] == "company"
    assert client.get(f"{API}companies/").json()["results"] == []


def test_an_order_is_stored_once_and_answers_with_its_total(caller: Callable, make_customer: Callable) -> None:
    customer, client = make_customer("17850"), caller()
    first, again = send(client, "orders/", ORDER), send(client, "orders/", ORDER)
    assert (first.status_code, again.status_code) == (201, 200) and first.json() == again.json()
    assert first.json()["total_amount"] == "11.9100" and first.json()["customer"] == "17850"
    assert [line["position"] for line in first.json()["lines"]] == [1, 2]
    assert Order.objects.get().customer == customer
    assert error(send(client, "orders/", {**ORDER, "currency": "EUR"}))["code"] == "number_taken"


@pytest.mark.parametrize(
    ("change", "path"),
    [
        ({"customer": "nobody"}, "customer"),
        ({"total_amount": "12"}, "total_amount"),
        ({"lines": [{"quantity": "x", "unit_amount": "1"}]}, "lines[0].quantity"),
        ({"lines": [{"quantity": "1", "unit_amount": "1", "colour": 1}]}, "lines[0].colour"),
        ({"lines": [{"quantity": "1"}]}, "lines[0].unit_amount"),
        ({"lines": {}}, "lines"),
        ({"lines": [7]}, "lines[0]"),
        ({"lines": []}, "lines"),
        ({"currency": "eur"}, "currency"),
        ({"ordered_at": "yesterday"}, "ordered_at"),
        ({"ordered_at": "0001-01-01T00:00:00+14:00"}, "ordered_at"),
        ({"kind": "gift"}, "kind"),
    ],
)
def test_a_bad_order_is_refused_at_its_place(
    change: dict, path: str, caller: Callable, make_customer: Callable
) -> None:
    make_customer("17850")
    assert error(send(caller(), "orders/", {**ORDER, **change}))["path"] == path
    verdict = send(caller(), "orders/bulk/", {"orders": [{**ORDER, **change}]}).json()["verdicts"][0]
    assert (verdict["status"], verdict["path"]) == ("refused", path)
    assert not Order.objects.exists() and not OrderLine.objects.exists()


def test_a_batch_of_events_gets_a_verdict_each_and_bad_ones_stop_nothing(
    caller: Callable, make_customer: Callable
) -> None:
    make_customer("1")
    rows = [
        {**EVENT},
        {**EVENT},
        {**EVENT, "source_id": "2", "customer": "1", "properties": {"deep": {"er": [1, None]}}},
        {**EVENT, "source_id": "3", "customer": "nobody"},
        {**EVENT, "source_id": "4", "properties": {"x": "y" * 33_000}},
        {**EVENT, "source_id": "5", "type": "order"},
        {**EVENT, "source_id": "6", "occurred_at": "2999-01-01T00:00:00Z"},
        {**EVENT, "source_id": "7\0"},
        "not an event",
        None,
        [],
    ]
    answer = send(caller(), "events/bulk/", {"events": rows}).json()
    assert [row["status"] for row in answer["verdicts"]] == ["stored", "duplicate", "stored"] + ["refused"] * 8
    assert [row["index"] for row in answer["verdicts"]] == list(range(11))
    assert (answer["stored"], answer["duplicate"], answer["refused"]) == (2, 1, 8) and Event.objects.count() == 2
    assert [row["path"] for row in answer["verdicts"]][3:8] == ["customer", "", "type", "occurred_at", "source_id"]


@pytest.mark.parametrize(
    ("poison", "path"),
    [
        ('{"a": "\\u0000"}', "properties.a"),
        ('{"\\u0000": 1}', "properties"),
        ('{"a": "\\ud800"}', "properties.a"),
        ('{"a": [1e999]}', "properties.a[0]"),
        ('{"a": 9223372036854775808}', "properties.a"),
        ('{"a": ' + "[" * 200 + "]" * 200 + "}", "properties.a" + "[0]" * 30),
        ("[]", "properties"),
        ('"x"', "properties"),
        ("null", "properties"),
        ('{"a": "' + "y" * 33_000 + '"}', ""),
    ],
)
def test_poison_in_one_event_refuses_that_event_only(poison: str, path: str, caller: Callable) -> None:
    good, bad = json.dumps(EVENT), json.dumps({**EVENT, "source_id": "2"})[:-1] + f', "properties": {poison}}}'
    response = send(caller(), "events/bulk/", f'{{"events": [{bad}, {good}]}}')
    assert response.status_code == 200, response.content
    refused, stored = response.json()["verdicts"]
    assert (refused["status"], refused["path"], stored["status"]) == ("refused", path, "stored")
    assert error(send(caller(), "events/", bad))["path"] == path


BODIES = {
    "nesting 1,500": b'{"events": ' + b"[" * 1_500 + b"]" * 1_500 + b"}",
    "nesting 100,000": b'{"events": ' + b"[" * 100_000 + b"]" * 100_000 + b"}",
    "open 100,000": b"[" * 100_000,
    "NUL": b'{"events": "\\u0000"}',
    "raw NUL": b'{"events": "\x00"}',
    "lone surrogate": b'{"events": "\\udfff"}',
    "1e999": b'{"events": 1e999}',
    "NaN": b'{"events": NaN}',
    "minus infinity": b'{"events": -Infinity}',
    "top-level list": b"[]",
    "top-level string": b'"x"',
    "top-level number": b"7",
    "top-level null": b"null",
    "top-level true": b"true",
    "bad UTF-8": b'{"events": "\xff\xfe"}',
    "UTF-16": '{"events": []}'.encode("utf-16"),
    "cut JSON": b'{"events": [{"a": ',
    "empty": b"",
    "blank": b" ",
    "long number": b'{"events": ' + b"1" * 10_000 + b"}",
    "twice": b'{"events": [], "events": []}',
    "wrong name": b'{"batch": []}',
}


@pytest.mark.parametrize("address", ["events/bulk/", "events/", "orders/bulk/", "orders/", "customers/", "consents/"])
@pytest.mark.parametrize("name", BODIES)
def test_the_probes_that_broke_others_are_400_everywhere(name: str, address: str, caller: Callable) -> None:
    response = send(caller(), address, BODIES[name])
    assert response.status_code == 400 and set(error(response)) >= {"code", "message", "path", "details"}


def test_ten_megabytes_are_413_before_they_are_read(caller: Callable) -> None:
    response = send(caller(), "events/bulk/", b'{"events": "' + b"x" * 10_000_000 + b'"}')
    assert response.status_code == 413 and error(response)["code"] == "too_large"


@pytest.mark.parametrize(
    ("content_type", "headers", "status"),
    [
        ("text/plain", {}, 415),
        ("application/x-www-form-urlencoded", {}, 415),
        ("multipart/form-data; boundary=x", {}, 415),
        ("application/json", {"Content-Encoding": "gzip"}, 415),
        ("application/json", {"Accept": "text/html"}, 406),
    ],
)
def test_other_kinds_of_body_are_refused(content_type: str, headers: dict, status: int, caller: Callable) -> None:
    response = caller().post(API + "events/", "{}", content_type=content_type, headers=headers)
    assert response.status_code == status and error(response)["message"]


def test_a_repeated_post_gets_the_first_answer_and_does_nothing_twice(caller: Callable) -> None:
    client, headers = caller(), {"Idempotency-Key": "k1"}
    first = send(client, "customers/", {"number": "1"}, headers=headers)
    again = send(client, "customers/", {"number": "1"}, headers=headers)
    assert (first.status_code, first.json()) == (again.status_code, again.json()) == (201, first.json())
    assert Customer.objects.count() == 1
    other = send(client, "customers/", {"number": "2"}, headers=headers)
    assert other.status_code == 422 and error(other)["code"] == "idempotency_mismatch"
    assert send(caller(), "customers/", {"number": "2"}, headers=headers).status_code == 201, "keys are per caller"


def test_a_refused_post_leaves_its_key_free(caller: Callable) -> None:
    client, headers = caller(), {"Idempotency-Key": "k1"}
    assert send(client, "customers/", {"number": ""}, headers=headers).status_code == 400
    assert send(client, "customers/", {"number": "1"}, headers=headers).status_code == 201


def test_an_answer_is_forgotten_after_a_day(caller: Callable, time_machine: Any) -> None:
    client, headers = caller(), {"Idempotency-Key": "k1"}
    time_machine.move_to(NOW, tick=False)
    assert send(client, "customers/", {"number": "1"}, headers=headers).status_code == 201
    time_machine.move_to(NOW + timedelta(hours=25), tick=False)
    assert send(client, "customers/", {"number": "1"}, headers=headers).status_code == 409


def test_consents_are_recorded_and_read_within_scope(caller: Callable, cast: Any, make_customer: Callable) -> None:
    make_customer("1", cast.north)
    make_customer("2", cast.south)
    given = {
        "customer": "1",
        "purpose": "marketing",
        "channel": "email",
        "act": "granted",
        "at": "2026-11-01T00:00:00Z",
    }
    given |= {"source": "form", "evidence": {"form": "/newsletter"}}
    assert send(caller(), "consents/", given).status_code == 201
    assert error(send(caller(), "consents/", {**given, "evidence": {}}))["path"] == "evidence"
    signed_in = Client()
    signed_in.force_login(cast.anna)
    assert send(signed_in, "consents/", given).status_code == 403
    assert send(signed_in, "consents/", {**given, "act": "withdrawn", "at": "2026-11-02T00:00:00Z"}).status_code == 201
    assert error(send(signed_in, "consents/", {**given, "customer": "2", "act": "withdrawn"}))["path"] == "customer"
    assert ConsentState.objects.get().is_granted is False
    assert [row["act"] for row in signed_in.get(API + "consent-entries/").json()["results"]] == ["withdrawn", "granted"]
    assert [row["is_granted"] for row in signed_in.get(API + "consents/?customer=1").json()["results"]] == [False]


def test_no_foreign_row_is_reachable_by_any_id(cast: SimpleNamespace, make_customer: Callable) -> None:
    south, machine = make_customer("s", cast.south), rights.machine("test")
    order = actions.NewOrder("shop", "1", NOW, "EUR", (actions.NewLine(Decimal(1), Decimal(1)),), customer_id=south.pk)
    actions.record_orders(
        [order, actions.NewOrder("shop", "2", NOW, "EUR", total_amount=Decimal(1))], by=machine, at=NOW
    )
    actions.record_events([actions.NewEvent("web", "1", "page", NOW, south.pk)], by=machine, at=NOW)
    client = Client()
    client.force_login(cast.anna)
    for noun in ("customers", "orders", "events", "companies"):
        assert client.get(f"{API}{noun}/").json()["results"] == []
        assert {client.get(f"{API}{noun}/{row_id}/").status_code for row_id in range(50)} == {404}


def test_a_list_page_takes_the_same_number_of_queries_for_one_row_or_fifty(
    caller: Callable, make_customer: Callable, cast: Any, django_assert_max_num_queries: Any
) -> None:
    client = caller()
    for index in range(50):
        make_customer(str(index), cast.north, owner=cast.anna)
        send(client, "orders/", {**ORDER, "number": str(index), "customer": str(index)})
    for noun, most in (("customers", 4), ("orders", 4), ("events", 3)):
        client.get(f"{API}{noun}/?limit=1")
        with django_assert_max_num_queries(most):
            assert client.get(f"{API}{noun}/?limit=50").status_code == 200


def test_a_lost_database_is_503_with_a_time_to_come_back(caller: Callable, monkeypatch: Any) -> None:
    from django.db import OperationalError

    client = caller()
    monkeypatch.setattr("crm.queries.customers", lambda actor: (_ for _ in ()).throw(OperationalError("gone")))
    response = client.get(API + "customers/")
    assert response.status_code == 503 and int(response["Retry-After"]) > 0 and "gone" not in response.content.decode()


def test_keys_reach_only_what_their_scopes_say(cast: SimpleNamespace, make_customer: Callable) -> None:
    """A key per scope against every address of the matrix that takes a right."""
    from tests.test_rights_matrix import MATRIX, address

    admin = access.of_user(cast.adele)
    for scope in rights.SCOPES:
        _key, raw = actions.issue_key(name=scope, scopes=[scope], by=admin, at=NOW)
        client = Client(headers={"Authorization": f"Bearer {raw}"})
        for route, methods in MATRIX.items():
            for method, right in methods.items():
                if not route.startswith("/api/") or right not in rights.RIGHTS:
                    continue
                status = client.generic(method, address(route), "{}", content_type="application/json").status_code
                assert (status == 403) == (rights.RIGHTS[right].scope != scope), (
                    f"{method} {route} with {scope}: {status}"
                )


@pytest.mark.parametrize("since, status", [("2026-01-01T00:00:00+23:58", 200), ("0001-01-01T00:00:00+23:58", 400)])
def test_a_moment_in_any_zone_is_compared_or_refused(caller, since: str, status: int) -> None:
    answer = caller("customers:read").get("/api/v1/customers/", {"updated_since": since})
    assert answer.status_code == status, answer.content

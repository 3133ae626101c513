"""Campaigns over REST: drafted, reached, launched once, paused, accounted for; bad input names its place."""

import pytest
from django.test import Client
from django.utils import timezone

from campaigns.models import Campaign, Run
from campaigns.sealing import seal
from chaos.sink import Sink
from tests.campaigns.conftest import HTML, sent

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def api(client: Client, maija):
    client.force_login(maija)

    def call(method, path, body=None, **headers):
        response = client.generic(
            method,
            f"/api/v1/campaigns/{path}",
            __import__("json").dumps(body or {}),
            "application/json",
            headers=headers,
        )
        return response.status_code, response.json()

    return call


def draft(api, **values):
    body = {
        "name": "Winter",
        "include": ["people"],
        "holdout_share": "0.5",
        "variants": [{"key": "A", "subject": "Hello", "html": HTML}],
        **values,
    }
    return api("POST", "", body)


def test_the_whole_thread_over_rest(api, new_customer, new_segment, sink: Sink):
    new_segment("people", [new_customer(1), new_customer(2), new_customer(3, "")])
    status, campaign = draft(api)
    assert (status, campaign["status"], campaign["include"]) == (201, "draft", ["people"])
    pk = campaign["id"]
    status, reach = api("GET", f"{pk}/reach/")
    assert reach["matches"] == 3
    assert [step["count"] for step in reach["steps"]] == [2, 2, 2, 2, 2]
    assert reach["steps"][0]["losses"] == {"no_address": 1}
    status, changed = api("PATCH", f"{pk}/", {"name": "Deep winter"})
    assert (status, changed["name"], len(changed["variants"])) == (200, "Deep winter", 1)
    first = api("POST", f"{pk}/launch/", **{"Idempotency-Key": "k1"})
    again = api("POST", f"{pk}/launch/", **{"Idempotency-Key": "k1"})
    assert first == again and first[0] == 202
    assert api("POST", f"{pk}/launch/")[0] == 409
    assert api("POST", f"{pk}/pause/")[1]["status"] == "paused"
    assert api("POST", f"{pk}/resume/")[1]["status"] == "sending"
    run = Run.objects.get()
    seal(run.pk, at=timezone.now())
    sent(run)
    status, account = api("GET", f"{pk}/account/")
    assert account["states"] == {"sent": 1, "held_out": 1, "skipped": 1} and account["is_accounted_for"]
    status, page = api("GET", f"{pk}/messages/?state=skipped")
    assert [row["reason"] for row in page["results"]] == ["no_address"]
    status, page = api("GET", f"{pk}/messages/?limit=2")
    assert (status, len(page["results"])) == (200, 2)
    status, page = api("GET", f"{pk}/messages/?{page['next'].partition('?')[2]}")
    assert (status, len(page["results"]), page["next"]) == (200, 1, None)


@pytest.mark.parametrize(
    ("body", "path"),
    [
        ({"include": ["nobody"]}, "include"),
        ({"variants": [{"key": "A", "colour": "red"}]}, "variants"),
        ({"holdout_share": "2"}, "holdout_share"),
        ({"status": "finished"}, "status"),
    ],
)
def test_bad_input_names_its_place(api, new_segment, body, path):
    new_segment("people", [])
    status, answer = draft(api, **body)
    assert status == 400
    assert answer["error"]["path"].startswith(path)


def test_a_text_with_an_unknown_field_is_not_launched(api, new_customer, new_segment):
    new_segment("people", [new_customer(1)])
    _, campaign = draft(api, variants=[{"key": "A", "subject": "Hi", "html": "<p>\n{{ customer.shoe_size }}</p>"}])
    status, answer = api("POST", f"{campaign['id']}/launch/")
    assert status == 400
    assert "line 2" in answer["error"]["message"] and "customer.first_name" in answer["error"]["choices"]
    assert Campaign.objects.get().status == "draft"


@pytest.mark.parametrize(
    ("values", "path"),
    [
        ({"guardrails": {"key": "complaint"}}, "guardrails"),
        ({"guardrails": ["complaint"]}, "guardrails[0]"),
        ({"guardrails": [{"ceiling": 0.1}]}, "guardrails[0].key"),
        ({"guardrails": [{"key": "sorrow"}]}, "guardrails[0].key"),
        ({"guardrails": [{"key": "complaint", "floor": 0.1}]}, "guardrails[0].floor"),
        ({"guardrails": [{"key": "complaint", "ceiling": -0.1}]}, "guardrails[0].ceiling"),
        ({"guardrails": [{"key": "complaint", "ceiling": 1.1}]}, "guardrails[0].ceiling"),
        ({"guardrails": [{"key": "complaint", "allowed_rise": "much"}]}, "guardrails[0].allowed_rise"),
        ({"worthwhile_lift": "-0.1"}, "worthwhile_lift"),
        ({"worthwhile_lift": "5.1"}, "worthwhile_lift"),
        ({"worthwhile_lift": "NaN"}, "worthwhile_lift"),
        ({"send_from": "09:00", "send_until": "09:00"}, "send_until"),
    ],
)
def test_a_limit_that_is_none_names_its_place(api, new_segment, values, path):
    new_segment("people", [])
    status, answer = draft(api, **values)
    assert (status, answer["error"]["path"]) == (400, path)

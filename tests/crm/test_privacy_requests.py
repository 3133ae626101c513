"""Requests about personal data: filed, due in a month, decided once, and emptied by erasure."""

from collections.abc import Callable
from datetime import date
from types import SimpleNamespace

from django.test import Client

from crm import access, actions, rights
from crm.models import AuditLine, PrivacyRequest
from tests.crm.conftest import NOW


def signed_in(user: object) -> Client:
    client = Client()
    client.force_login(user)  # type: ignore[arg-type]
    return client


def test_sales_file_it_and_administrators_refuse_it(cast: SimpleNamespace, make_customer: Callable) -> None:
    row = make_customer("17", cast.north, first_name="Aada")
    asked = {"kind": "access", "came_by": "phone", "asked_on": "2024-01-31", "words": "Wants all"}
    new = f"/customers/{row.pk}/privacy/requests/new/"
    assert signed_in(cast.bertil).post(new, asked).status_code == 404
    assert signed_in(cast.anna).post(new, {**asked, "asked_on": "2999-01-01"}).status_code == 400
    said = signed_in(cast.anna).post(new, asked, follow=True).content.decode()
    filed = PrivacyRequest.objects.get()
    assert (filed.due_on, filed.came_by, filed.filed_by) == (date(2024, 2, 29), "phone", cast.anna)
    assert "Access to their data" in said
    adele, decide = signed_in(cast.adele), f"/privacy/{filed.pk}/decide/"
    listed = adele.get("/privacy/").content.decode()
    assert "1 request is open, 1 is overdue." in listed and decide in listed
    assert decide not in signed_in(cast.maija).get("/privacy/").content.decode()
    assert "Privacy requests due" in adele.get("/").content.decode()
    assert adele.post(decide, {"state": "refused", "outcome": ""}).status_code == 400, "a refusal has its reason"
    adele.post(decide, {"state": "refused", "outcome": "Not who they say"})
    assert adele.post(decide, {"state": "done", "outcome": ""}).status_code == 400, "decided once"
    assert "Not who they say" in adele.get("/privacy/?state=closed").content.decode()
    assert "Privacy requests due" not in adele.get("/").content.decode()
    verbs = list(AuditLine.objects.filter(kind="privacy_request").order_by("id").values_list("verb", flat=True))
    assert verbs == ["filed", "refused"]


def test_the_api_files_lists_and_decides(cast: SimpleNamespace, make_customer: Callable, caller: Callable) -> None:
    make_customer("17", cast.north)
    at, json_ = "/api/v1/privacy-requests/", {"content_type": "application/json"}
    writer, body = caller("privacy:write"), {"customer": "17", "kind": "erasure"}
    made = writer.post(at, body, **json_)
    assert made.status_code == 201 and made.json()["state"] == "open"
    one = f"{at}{made.json()['id']}/"
    assert writer.get(at).status_code == 403
    assert caller("privacy:read").get(f"{at}?state=open").json()["results"][0]["customer"] == "17"
    assert caller(team=cast.south).get(one).status_code == 404
    assert caller(team=cast.south).post(at, body, **json_).status_code == 400
    assert writer.post(f"{one}decide/", {"state": "done"}, **json_).status_code == 403
    decider = caller("privacy:execute", "privacy:read", "privacy:write")
    assert decider.post(f"{one}decide/", {"state": "open"}, **json_).status_code == 400
    assert decider.post(f"{one}decide/", {"state": "done"}, **json_).json()["state"] == "done"
    assert decider.post(f"{one}decide/", {"state": "done"}, **json_).status_code == 409


def test_erasure_empties_the_words_and_the_request_stays(cast: SimpleNamespace, make_customer: Callable) -> None:
    row = make_customer("17", cast.north)
    actions.file_request(row, kind="erasure", words="Planted", by=access.of_user(cast.anna), at=NOW)
    actions.erase_customer(row, by=rights.machine("test"), at=NOW)
    filed = PrivacyRequest.objects.get()
    assert filed.words == "" and "lanted" not in str(list(AuditLine.objects.values()))
    assert signed_in(cast.adele).get("/privacy/?state=closed").status_code == 200


def test_a_request_is_prolonged_once_with_its_reason(
    cast: SimpleNamespace, make_customer: Callable, caller: Callable
) -> None:
    row, adele = make_customer("17", cast.north), signed_in(cast.adele)
    by = access.of_user(cast.adele)
    filed = actions.file_request(row, kind="access", by=by, at=NOW, asked_on=date(2025, 11, 30))
    page = f"/privacy/{filed.pk}/extend/"
    assert adele.post(page, {"because": " "}).status_code == 400
    assert adele.post(page, {"because": "Five systems hold it"}).status_code == 302
    filed.refresh_from_db()
    assert filed.due_on == date(2026, 2, 28)
    listed = adele.get("/privacy/").content.decode()
    assert "Five systems hold it" in listed and page not in listed
    again = caller("privacy:execute", "privacy:read").post(
        f"/api/v1/privacy-requests/{filed.pk}/extend/", {"because": "more"}, content_type="application/json"
    )
    assert again.status_code == 409


def test_erasing_a_person_closes_what_they_asked(cast: SimpleNamespace, make_customer: Callable) -> None:
    row, by = make_customer("17", cast.north), access.of_user(cast.adele)
    open_one = actions.file_request(row, kind="erasure", by=by, at=NOW)
    refused = actions.file_request(row, kind="access", by=by, at=NOW)
    actions.decide_request(refused, state="refused", outcome="Not who they say", by=by, at=NOW)
    actions.erase_customer(row, by=by, at=NOW)
    states = dict(PrivacyRequest.objects.values_list("pk", "state"))
    assert states == {open_one.pk: "done", refused.pk: "refused"}
    open_one.refresh_from_db()
    assert (open_one.outcome, open_one.decided_by) == ("Their data were erased.", cast.adele)

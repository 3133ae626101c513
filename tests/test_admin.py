"""Every model has its pages backstage: open to administrators, to nobody else, and quick on long lists."""

from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any

import pytest
from django.apps import apps
from django.contrib import admin
from django.db.models import Model
from django.test import Client
from django.urls import reverse

from crm.models import ApiKey, AuditLine, Customer, Event, FieldDefinition, Merge, Team, User
from tests.crm.conftest import NOW

APPS = ("crm", "profiles", "segments", "campaigns")
SELLING = {"pipeline", "pipelinestage", "lostreason"}
EDITABLE = SELLING | {
    "team",
    "user",
    "fielddefinition",
    "apikey",
    "sendingrules",
    "contactcap",
    "sendingrate",
    "webhooktarget",
}


def models() -> Iterator[type[Model]]:
    for label in APPS:
        yield from apps.get_app_config(label).get_models()


def names() -> list[str]:
    return [model._meta.label_lower for model in models()]


def page(model: type[Model], view: str, *args: Any) -> str:
    return reverse(f"admin:{model._meta.app_label}_{model._meta.model_name}_{view}", args=args)


def as_(cast: SimpleNamespace, name: str) -> Client:
    client = Client()
    client.force_login(getattr(cast, name))
    return client


def test_every_model_is_registered() -> None:
    missing = [model._meta.label for model in models() if not admin.site.is_registered(model)]
    assert not missing


@pytest.mark.parametrize("label", names())
def test_each_page_opens_for_admins_and_for_nobody_else(label: str, cast: SimpleNamespace) -> None:
    model = apps.get_model(label)
    addresses = [page(model, "changelist"), page(model, "changelist") + "?q=x", page(model, "add")]
    for name in ("anna", "maija", "aino"):
        for address in addresses:
            assert as_(cast, name).get(address).status_code in (302, 403), f"{address} as {name}"
    client = as_(cast, "adele")
    searchable = bool(admin.site._registry[model].search_fields)
    assert client.get(addresses[0]).status_code == 200
    assert not searchable or client.get(addresses[1]).status_code in (200, 302)
    assert client.get(addresses[2]).status_code == (200 if model._meta.model_name in EDITABLE else 403)


@pytest.mark.parametrize("label", names())
def test_nothing_is_deleted_backstage(label: str, cast: SimpleNamespace) -> None:
    model = apps.get_model(label)
    if model is not User:
        return
    response = as_(cast, "adele").post(page(model, "delete", cast.anna.pk), {"post": "yes"})
    assert response.status_code == 403 and User.objects.filter(pk=cast.anna.pk).exists()


def test_an_admin_needs_no_superuser_flag_and_a_superuser_needs_the_role(cast: SimpleNamespace) -> None:
    User.objects.filter(pk=cast.adele.pk).update(is_superuser=False, is_staff=False)
    User.objects.filter(pk=cast.maija.pk).update(is_superuser=True, is_staff=True)
    assert as_(cast, "adele").get(page(Team, "changelist")).status_code == 200
    assert as_(cast, "maija").get(page(Team, "changelist")).status_code == 302


def test_a_long_list_is_not_counted_to_its_end(cast: SimpleNamespace, django_assert_max_num_queries: Any) -> None:
    Event.objects.bulk_create(
        [Event(source="web", source_id=str(n), type="page", occurred_at=NOW, received_at=NOW) for n in range(300)]
    )
    client = as_(cast, "adele")
    with django_assert_max_num_queries(8) as captured:
        assert client.get(page(Event, "changelist")).status_code == 200
    counts = [query["sql"] for query in captured.captured_queries if "COUNT(" in query["sql"]]
    assert counts and all("LIMIT 10000" in sql for sql in counts)


def test_changes_backstage_are_audited(cast: SimpleNamespace) -> None:
    client = as_(cast, "adele")
    assert client.post(page(Team, "add"), {"name": "West", "slug": "west"}).status_code == 302
    line = AuditLine.objects.get(kind="team", verb="created")
    assert line.by == cast.adele and line.changes["name"] == [None, "West"]
    field = {"entity": "customer", "key": "income", "label": "Income", "type": "money", "dimension": "economic"}
    given = {**field, "sensitivity": "normal", "choices": "[]", "unit": "", "label_fi": "", "source": ""}
    assert client.post(page(FieldDefinition, "add"), given).status_code == 302
    row = FieldDefinition.objects.get()
    changed = client.post(page(FieldDefinition, "change", row.pk), {**given, "label": "Yearly income"})
    assert changed.status_code == 302, changed.context["errors"]
    row.refresh_from_db()
    assert row.label == "Yearly income" and AuditLine.objects.filter(kind="field").count() == 2


def test_a_key_issued_backstage_is_shown_once_and_revoked_for_good(cast: SimpleNamespace) -> None:
    client = as_(cast, "adele")
    given = {"name": "Shop", "scopes": ["orders:write"], "expires_at_0": "", "expires_at_1": ""}
    response = client.post(page(ApiKey, "add"), given, follow=True)
    assert b"kohde_" in response.content
    key = ApiKey.objects.get()
    shown = client.get(page(ApiKey, "change", key.pk))
    assert shown.status_code == 200 and key.key_hash.encode() not in shown.content
    client.post(page(ApiKey, "changelist"), {"action": "revoke", "_selected_action": [key.pk]})
    key.refresh_from_db()
    assert key.revoked_at is not None


def test_the_teams_of_a_user_are_changed_and_audited(cast: SimpleNamespace) -> None:
    client, address = as_(cast, "adele"), page(User, "change", cast.anna.pk)
    given = {"username": "anna", "language": "en", "role": "sales", "is_active": "on", "teams": [cast.south.pk]}
    for extra in ({}, {"teams": []}):
        response = client.post(address, {**given, **extra})
        assert response.status_code == 302, response.context["errors"]
    assert not cast.anna.teams.exists()
    changes = [line.changes["teams"] for line in AuditLine.objects.filter(kind="user").order_by("id")]
    assert changes == [[["North"], ["South"]], [["South"], []]]


def test_a_password_set_for_somebody_is_audited_without_it(cast: SimpleNamespace) -> None:
    address = reverse("admin:auth_user_password_change", args=[cast.anna.pk])
    client, given = as_(cast, "adele"), {"usable_password": "true", "password1": "kuusi-7-kissaa", "password2": "x"}
    assert client.post(address, given).status_code == 200
    assert client.post(address, given | {"password2": "kuusi-7-kissaa"}).status_code == 302
    line = AuditLine.objects.get(kind="user", object_id=cast.anna.pk)
    assert (line.verb, line.changes, line.by) == ("password_set", {}, cast.adele)


def test_what_a_merge_keeps_to_be_undone_is_not_shown_backstage(cast: SimpleNamespace) -> None:
    rows = [Customer.objects.create(number=number, created_at=NOW, updated_at=NOW) for number in "12"]
    told = {"merged": {"attributes": {"allergy": "hazelnuts"}}}
    row = Merge.objects.create(survivor=rows[0], merged=rows[1], at=NOW, by=cast.adele, before=told, after={}, moved={})
    shown = as_(cast, "adele").get(reverse("admin:crm_merge_change", args=[row.pk])).content.decode()
    assert "hazelnuts" not in shown and "adele" in shown


def test_the_last_administrator_stays_one(cast: SimpleNamespace) -> None:
    client, address = as_(cast, "adele"), page(User, "change", cast.adele.pk)
    given = {"username": "adele", "language": "en", "role": "admin", "is_active": "on", "teams": []}
    for refused in ({**given, "role": "sales"}, {**given, "is_active": ""}):
        response = client.post(address, refused)
        assert response.status_code == 200 and "last administrator" in str(response.context["errors"])
    assert client.post(address, {**given, "first_name": "Adele"}).status_code == 302
    User.objects.filter(pk=cast.anna.pk).update(role="admin")
    assert client.post(address, {**given, "role": "sales"}).status_code == 302


@pytest.mark.parametrize(
    ("model", "field", "text"),
    [
        (User, "teams", "9" * 20),
        (ApiKey, "team", "9" * 20),
        (ApiKey, "team", "nonsense"),
        (FieldDefinition, "choices", "1" * 5000),
        (FieldDefinition, "choices", "[" * 20_000),
        (FieldDefinition, "choices", '["\\u0000"]'),
    ],
)
def test_a_strange_value_backstage_is_refused_at_its_field(
    model: type[Model], field: str, text: str, cast: SimpleNamespace
) -> None:
    response = as_(cast, "adele").post(page(model, "add"), {field: text})
    assert response.status_code == 200
    assert field in response.context["adminform"].form.errors

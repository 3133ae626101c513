"""One feature on its page, and fields made, changed, archived and brought back there."""

from datetime import UTC, datetime

import pytest
from django.urls import reverse

from crm.models import AuditLine, Customer, FieldDefinition
from crm.rights import machine
from profiles import actions
from segments import actions as segment_actions

AT = datetime(2026, 11, 1, 12, tzinfo=UTC)
pytestmark = pytest.mark.django_db


@pytest.fixture
def towns(cast):
    for i, city in enumerate(("Oulu", "Oulu", "Turku", "")):
        Customer.objects.create(number=f"K{i}", city=city, email=f"k{i}@x.fi", created_at=AT, updated_at=AT)
    actions.refresh(at=AT)


def sent(**more):
    given = {"label": "Hobby", "key": "hobby", "entity": "customer", "type": "choice", "dimension": "psychographic"}
    return {**given, "choices": "ski\nswim", "sensitivity": "normal", "label_fi": "", "unit": "", "source": "", **more}


def test_page_shows_quality_commonest_values_and_who_rests_on_it(client, maija, towns):
    rule = {"version": 1, "where": {"feature": "city", "op": "is", "value": "Oulu"}}
    segment_actions.create_segment(name="North", rule=rule, by=machine("test"), at=AT)
    client.force_login(maija)
    page = client.get(reverse("feature", args=["city"]))
    assert page.context["values"] == [("Oulu", 2), ("Turku", 1)]
    text = page.content.decode()
    assert "Known of 75.0% of the customers." in text and "North" in text and "everyone who draws segments" in text
    rows = {row["quality"].feature.key: row["uses"] for row in client.get(reverse("data")).context["rows"]}
    assert rows["city"] == 1 and rows["country"] == 0


def test_what_identifies_and_what_is_special_is_not_shown_to_others(client, maija, aino, towns):
    FieldDefinition.objects.create(
        key="faith", label="Faith", type="text", dimension="cultural", sensitivity="special", created_at=AT
    )
    client.force_login(maija)
    assert client.get(reverse("feature", args=["email_domain"])).context["values"] == []
    assert client.get(reverse("feature", args=["faith"])).status_code == 404
    client.force_login(aino)
    assert client.get(reverse("feature", args=["email_domain"])).status_code == 404


def test_administrators_define_and_change_fields(client, adele, maija):
    client.force_login(maija)
    assert client.post(reverse("field-new"), sent()).status_code == 403
    client.force_login(adele)
    assert client.post(reverse("field-new"), sent()).status_code == 302
    field = FieldDefinition.objects.get()
    assert (field.key, field.choices) == ("hobby", ["ski", "swim"])
    assert "refresh of the profiles" in client.get(reverse("feature", args=["hobby"])).content.decode()
    client.post(reverse("field-change", args=[field.pk]), sent(label="Pastime", choices="ski\nswim\nsail", key="x"))
    field.refresh_from_db()
    assert (field.key, field.label, field.choices) == ("hobby", "Pastime", ["ski", "swim", "sail"])
    bad = client.post(reverse("field-new"), sent(key="Bad Key"))
    assert bad.status_code == 400 and "a-z, 0-9 and _" in bad.context["form"].errors["key"][0]
    taken = client.post(reverse("field-new"), sent())
    assert taken.status_code == 400 and "taken" in taken.context["form"].errors["key"][0]


def test_archiving_is_undone_and_refused_while_somebody_uses_the_field(client, adele):
    client.force_login(adele)
    client.post(reverse("field-new"), sent())
    field = FieldDefinition.objects.get()
    rule = {"version": 1, "where": {"feature": "hobby", "op": "is", "value": "ski"}}
    one = segment_actions.create_segment(name="Skiers", rule=rule, by=machine("test"), at=AT)
    client.post(reverse("field-archive", args=[field.pk]))
    field.refresh_from_db()
    assert field.archived_at is None
    segment_actions.archive_segment(segment=one, by=machine("test"), at=AT)
    client.post(reverse("field-archive", args=[field.pk]))
    field.refresh_from_db()
    assert field.archived_at and client.get(reverse("feature", args=["hobby"])).status_code == 404
    client.post(reverse("field-restore", args=[field.pk]))
    field.refresh_from_db()
    assert field.archived_at is None
    verbs = list(AuditLine.objects.filter(kind="field").order_by("pk").values_list("verb", flat=True))
    assert verbs == ["created", "archived", "restored"]

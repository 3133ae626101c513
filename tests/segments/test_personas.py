"""Personas: the drift mark on made-up figures, and the card on real rows, written, moved and shown to those who may."""

from dataclasses import asdict, replace

import pytest
from django.urls import reverse
from django.utils import timezone

from crm.models import AuditLine, Customer
from crm.rights import machine
from profiles import actions as profile_actions
from segments import actions, personas, queries
from segments.clusters import Distinction

BY = machine("test")
OULU = Distinction("city", "Oulu", 0.9, 0.4, 1.02, 0.85, 0.94)
SPEND = Distinction("spend", None, 120.0, 80.0, 0.5, 110.0, 130.0)


def drifted(then, now):
    return personas.drift([asdict(one) for one in then], now)


def test_what_stays_or_moves_a_little_is_no_drift() -> None:
    assert drifted([OULU, SPEND], [SPEND, replace(OULU, inside=0.82, strength=0.86)]) == ()


def test_what_moved_by_a_small_effect_came_or_went_is_drift() -> None:
    weaker = replace(OULU, inside=0.6, strength=0.41)
    assert drifted([OULU], [weaker]) == (personas.Drift("city", "Oulu", 0.9, 0.6),)
    assert drifted([OULU, SPEND], [OULU]) == (personas.Drift("spend", None, 120.0, None),)
    assert drifted([OULU], [OULU, SPEND]) == (personas.Drift("spend", None, None, 120.0),)


def test_what_never_led_is_not_looked_at() -> None:
    leading = [replace(OULU, value=f"town {n}") for n in range(personas.SHOWN)]
    assert drifted([*leading, SPEND], leading) == ()


@pytest.fixture
def towns(transactional_db, cast):
    now = timezone.now()
    Customer.objects.bulk_create(
        Customer(number=f"K{i}", city=("Oulu", "Turku")[i % 2], created_at=now, updated_at=now) for i in range(60)
    )
    one = actions.create_segment(name="Northerners", kind="static", by=BY, at=now)
    actions.add_members(segment=one, customers=Customer.objects.filter(city="Oulu").values_list("pk", flat=True),
                        by=BY, at=now)  # fmt: skip
    profile_actions.refresh(at=now)
    return one


def test_the_card_is_written_shown_and_marked_when_the_data_move(client, maija, aino, towns) -> None:
    client.force_login(maija)
    client.post(reverse("segment-persona-edit", args=[towns.slug]), {"name": "Northern Nora", "goals": "Warm feet"})
    page = client.get(reverse("segment-persona", args=[towns.slug])).content.decode()
    assert "Northern Nora" in page and "Warm feet" in page and "City: Oulu" in page
    assert "The data have moved" not in page
    assert "How they buy, and what they bring" in page and "Orders in 365 days" in page and "Average basket" not in page
    assert AuditLine.objects.get(verb="persona").changes["goals"] == ["", "Warm feet"]
    Customer.objects.filter(city="Oulu", number__lt="K3").update(city="Turku", updated_at=timezone.now())
    profile_actions.refresh(at=timezone.now())
    client.force_login(aino)
    page = client.get(reverse("segment-persona", args=[towns.slug])).content.decode()
    assert "The data have moved since this was written" in page and "100% when it was written" in page
    assert client.get(reverse("segment-persona-edit", args=[towns.slug])).status_code == 403


def test_the_api_reads_and_writes_it(client, maija, towns) -> None:
    client.force_login(maija)
    address = f"/api/v1/segments/{towns.pk}/persona/"
    assert client.get(address).json()["written"] is None
    answer = client.patch(address, {"tone": "Plain"}, content_type="application/json").json()
    assert answer["written"]["tone"] == "Plain" and answer["computed"][0]["feature"] == "city"
    assert client.patch(address, {"mood": "x"}, content_type="application/json").status_code == 400
    assert queries.persona(towns, at=timezone.now()).written.goals == ""


def test_words_are_kept_before_the_profiles_are_built(client, maija, db) -> None:
    one = actions.create_segment(name="Early", kind="static", by=BY, at=timezone.now())
    client.force_login(maija)
    client.post(reverse("segment-persona-edit", args=[one.slug]), {"motives": "Curiosity"})
    assert "Curiosity" in client.get(reverse("segment-persona", args=[one.slug])).content.decode()

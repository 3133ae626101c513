"""The Data page, a customer's profile and the same over the API."""

from datetime import UTC, datetime

import pytest
from django.test import Client

from crm.models import Customer, FieldDefinition
from profiles import actions

AT = datetime(2026, 11, 1, 12, tzinfo=UTC)
pytestmark = pytest.mark.django_db


@pytest.fixture
def ada(cast):
    FieldDefinition.objects.create(key="faith", label="Faith", type="text", dimension="cultural",
                                   sensitivity="special", created_at=AT)  # fmt: skip
    made = Customer.objects.create(number="1", first_name="Ada", city="Turku", email="ada@example.com", team=cast.north,
                                   attributes={"faith": "secret"}, created_at=AT, updated_at=AT)  # fmt: skip
    actions.refresh(at=AT)
    return made


def visitor(user) -> Client:
    client = Client()
    client.force_login(user)
    return client


def test_the_data_page_lists_features_with_their_coverage(ada, maija):
    page = visitor(maija).get("/data/?sort=-coverage").content.decode()
    assert "favourite_channel" in page
    assert "100.0%" in page
    assert "faith" not in page


def test_before_the_first_snapshot_the_data_page_says_so(maija):
    assert "have not been built yet" in visitor(maija).get("/data/").content.decode()


def test_a_profile_is_shown_to_those_who_may_see_the_customer(ada, anna, bertil, aino):
    page = visitor(anna).get(f"/customers/{ada.pk}/profile/").content.decode()
    assert "Turku" in page
    assert "secret" not in page
    part = visitor(anna).get(f"/customers/{ada.pk}/profile/", headers={"HX-Request": "true"}).content.decode()
    assert "<main" in page and "<main" not in part and "example.com" in part
    assert f"/customers/{ada.pk}/profile/" in visitor(anna).get(f"/customers/{ada.pk}/").content.decode()
    assert visitor(bertil).get(f"/customers/{ada.pk}/profile/").status_code == 404
    assert "example.com" not in visitor(aino).get(f"/customers/{ada.pk}/profile/").content.decode()


def test_special_categories_take_the_grant(ada, maija):
    maija.may_see_special = True
    maija.save()
    assert "secret" in visitor(maija).get(f"/customers/{ada.pk}/profile/").content.decode()


def test_the_api_gives_the_catalogue_and_a_customers_features(ada, maija):
    client = visitor(maija)
    features = {one["key"]: one for one in client.get("/api/v1/features/").json()["results"]}
    assert features["city"]["coverage_share"] == 1
    assert "faith" not in features
    answer = client.get(f"/api/v1/customers/{ada.pk}/features/").json()
    values = {one["key"]: one["value"] for one in answer["features"]}
    assert (values["city"], values["frequency"], values["monetary_amount"]) == ("Turku", 0, "0.0000")
    assert client.get("/api/v1/customers/999/features/").status_code == 404


def test_without_a_snapshot_the_api_says_it_is_not_possible_now(maija):
    answer = visitor(maija).get("/api/v1/features/")
    assert answer.status_code == 409
    assert answer.json()["error"]["code"] == "conflict"

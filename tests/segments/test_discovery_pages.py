"""Discover and the customer's panel: from chosen features to a kept segment, and why a customer is in or not."""

import numpy as np
import pytest
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import override

from crm import rights
from crm.models import Customer
from profiles import actions as profile_actions
from segments import actions, queries, wording
from segments.clusters import Distinction, Group, Model, NumberScale, on_two_components
from segments.models import Clustering, Segment

pytestmark = pytest.mark.django_db
MACHINE = rights.machine("test")


@pytest.fixture
def towns(transactional_db, cast):
    now = timezone.now()
    for i in range(40):
        city, country = ("Oulu", "FI") if i % 2 else ("Lund", "SE")
        Customer.objects.create(number=f"K{i}", city=city, country=country, created_at=now, updated_at=now)
    profile_actions.refresh(at=now)


@pytest.mark.usefixtures("towns")
def test_groups_are_found_shown_and_kept(client, maija):
    client.force_login(maija)
    asked = client.post(reverse("discover"), {"features": ["city", "country"]})
    made = Clustering.objects.get()
    assert "every 2s" in client.get(asked["Location"]).content.decode()
    actions.run_clustering(clustering_id=made.pk, at=timezone.now())
    page = client.get(asked["Location"]).content.decode()
    assert "every 2s" not in page and "Customers by likeness" in page
    group = made.clusters.first()
    assert {one.name for one in made.clusters.all()} == {"City: Oulu, Country: FI", "City: Lund, Country: SE"}
    made.refresh_from_db()
    found = made.quality["of"][0]
    assert found["silhouette"] == pytest.approx(1) and page.count("shown here") == 1
    client.post(reverse("cluster-accept", args=[group.pk]), {"name": "Swedes"})
    assert Segment.objects.get(slug="swedes").cluster == group


@pytest.mark.usefixtures("towns")
def test_the_page_that_waits_renews_its_answer_with_its_groups(client, maija):
    client.force_login(maija)
    asked = client.post(reverse("discover"), {"features": ["city"]})
    for told in ("The groups are being found.", "2 groups; the data speak for 2."):
        page = client.get(asked["Location"]).content.decode()
        assert told in page[page.index('id="groups"') :]
        actions.run_clustering(clustering_id=Clustering.objects.get().pk, at=timezone.now())


def test_a_group_is_named_by_what_sets_it_apart_in_the_readers_language():
    rows = [Distinction("orders_365d", None, 9.0, 4.0, 1.2), Distinction("has_email", None, 0.1, 0.9, -1.1)]
    features = {key: queries.catalogue()[key] for key in ("orders_365d", "has_email")}
    assert (
        wording.proposed(Group(0, 10, tuple(rows)), features) == "Orders in 365 days\u00a0↑, Has an e-mail address: no"
    )
    with override("fi"):
        assert (
            wording.proposed(Group(0, 10, tuple(rows)), features)
            == "Tilauksia 365 päivässä\u00a0↑, Sähköpostiosoite on: ei"
        )
        assert wording.proposed(Group(2, 10, ()), features) == "Ryhmä 3"


def test_no_features_is_answered_with_what_is_wanted(client, maija):
    client.force_login(maija)
    answer = client.post(reverse("discover"), {})
    assert answer.status_code == 400 and "Choose from 1 to 12 features." in answer.content.decode()


@pytest.mark.usefixtures("towns")
def test_the_customers_panel_says_why_in_and_why_not(client, maija):
    for name in ("Oulu", "Lund"):
        rule = {"version": 1, "where": {"feature": "city", "op": "is", "value": name}}
        actions.create_segment(name=name, rule=rule, by=MACHINE, at=timezone.now())
    actions.refresh_segments(at=timezone.now())
    client.force_login(maija)
    address = reverse("customer-segments", args=[Customer.objects.get(number="K1").pk])
    assert "In “Oulu”, because" in client.get(address, {"why": "oulu"}).content.decode()
    page = client.get(address, {"why": "lund"}, headers={"HX-Request": "true"}).content.decode()
    assert "Not in “Lund”, because" in page and "(seen: Oulu)" in page and "<html" not in page
    assert "The smallest change that would let them in:" in page and "(now Oulu)" in page


@pytest.mark.usefixtures("towns")
def test_why_is_told_as_the_tree_it_is_with_what_is_not_known(client, maija):
    city, born = {"feature": "city", "op": "is", "value": "Oulu"}, {"feature": "birth_date", "op": "is_present"}
    young = {"feature": "age", "op": "at_most", "value": 30}
    where = {"all": [city, {"any": [young, born]}, {"not": {"any": [{"event": "order"}, {"reachable": "email"}]}}]}
    one = actions.create_segment(name="Deep", rule={"version": 1, "where": where}, by=MACHINE, at=timezone.now())
    customer = Customer.objects.get(number="K1")
    told = queries.explanation(one, customer.pk, rights.machine("test"), at=timezone.now())
    first, either, none = told.tree.parts
    assert (told.tree.word, told.tree.counts, told.is_in) == ("all", False, False)
    assert (first.counts, either.word, either.counts, none.word, none.counts) == (True, "any", False, "none", True)
    assert [(one.is_missing, one.counts) for one in (*either.parts, *none.parts)] == [
        (True, False), (False, False), (False, False), (False, False)
    ]  # fmt: skip
    client.force_login(maija)
    page = client.get(reverse("customer-segments", args=[customer.pk]), {"why": "deep"}).content.decode()
    assert "any of" in page and "none of" in page and page.count("(not known)") == 1


@pytest.mark.usefixtures("towns")
def test_the_api_says_why_and_what_would_change_it(client, anna, maija, cast):
    from crm.models import FieldDefinition

    now = timezone.now()
    FieldDefinition.objects.create(
        key="faith", label="Faith", entity="customer", type="text", sensitivity="special", created_at=now
    )
    Customer.objects.filter(number="K1").update(attributes={"faith": "secret"}, updated_at=now, team=cast.north)
    profile_actions.refresh(at=timezone.now())
    rule = {"all": [{"feature": "city", "op": "is", "value": "Lund"}, {"feature": "faith", "op": "is_present"}]}
    one = actions.create_segment(
        name="X", rule={"version": 1, "where": rule}, purpose="service", by=MACHINE, at=timezone.now()
    )
    customer, address = Customer.objects.get(number="K1"), f"/api/v1/segments/{one.pk}/why/"
    client.force_login(maija)
    told = client.get(address, {"customer": customer.pk}).json()
    assert told["is_in"] is False
    assert [(row["path"], row["counts"], row["seen"]) for row in told["reasons"]] == [
        ("where.all[0]", False, "Oulu"), ("where.all[1]", True, ""),
    ]  # fmt: skip
    assert [row["path"] for row in told["changes"]] == ["where.all[0]"]
    assert client.get(address).json()["error"]["path"] == "customer"
    client.force_login(anna)
    assert client.get(address, {"customer": customer.pk}).status_code == 200
    assert client.get(address, {"customer": Customer.objects.get(number="K2").pk}).status_code == 404


def test_the_picture_keeps_distances_of_two_features():
    import pandas as pd

    frame = pd.DataFrame({"a": [0.0, 1.0, 2.0, 3.0], "b": [1.0, 0.0, 4.0, -2.0]})
    model = Model((NumberScale("a", 0.0, 1.0), NumberScale("b", 0.0, 1.0)), ((0.0, 0.0),))
    places = np.array([(x, y) for x, y, _ in on_two_components(frame, model, most=10, seed=1)])
    drawn = np.sort([np.linalg.norm(p - q) for p in places for q in places])
    matrix = model.matrix(frame)
    assert np.allclose(drawn, np.sort([np.linalg.norm(p - q) for p in matrix for q in matrix]))

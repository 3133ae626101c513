"""Groups as rules: the tree's paths say the same in the rule language, and like searches keep their groups' names."""

import numpy as np
import pandas as pd
import pytest
from django.urls import reverse
from django.utils import timezone

from crm.models import Customer
from crm.rights import machine
from profiles import actions as profile_actions
from profiles.catalogue import Feature
from segments import actions, clusters, discovery, distilling
from segments.models import Clustering, Segment
from segments.rules.reading import Known, read_rule

KINDS = {"orders": "number", "spend": "money", "city": "text", "is_eco": "truth"}
CATALOGUE = {key: Feature(key, key, key, kind, "behavioural") for key, kind in KINDS.items()}
BY = machine("test")


def people(count=600, seed=3):
    rng = np.random.default_rng(seed)
    frame = pd.DataFrame(
        {
            "orders": rng.integers(0, 30, count).astype(float),
            "spend": rng.uniform(0, 900, count).round(2),
            "city": rng.choice(["Oulu", "Turku", "Vaasa"], count).astype(object),
            "is_eco": rng.choice([0.0, 1.0], count),
        }
    )
    for key in frame:
        frame.loc[rng.random(count) < 0.1, key] = None
    return frame


def holds(where, row):
    """A plain reading of the conditions a distilled rule is made of."""
    if "any" in where:
        return any(holds(part, row) for part in where["any"])
    if "all" in where:
        return all(holds(part, row) for part in where["all"])
    seen, value = row[where["feature"]], where.get("value")
    if where["op"] in ("is_missing", "is_present"):
        return pd.isna(seen) == (where["op"] == "is_missing")
    if pd.isna(seen):
        return where.get("missing") == "yes"
    plain = {
        "more_than": lambda: seen > float(value),
        "at_most": lambda: seen <= float(value),
        "is": lambda: seen == value,
        "is_not": lambda: seen != value,
        "none_of": lambda: seen not in value,
    }
    return bool(plain[where["op"]]())


def answers(where, frame):
    return np.array([holds(where, row) for row in frame.to_dict("records")])


def fitted(frame, inside):
    """What the tree itself says: the same columns, the same smallest tree."""
    columns = [one for key, kind in KINDS.items() for one in distilling._columns(frame, key, kind)]
    matrix = np.column_stack([one.numbers for one in columns])
    return distilling._smallest(matrix, inside, 1).predict(matrix)


@pytest.mark.parametrize("seed", range(6))
def test_rule_answers_as_the_tree_does_missing_values_included(seed):
    frame = people(seed=seed)
    groups = (
        (frame.orders > 12) & (frame.city == "Oulu"),
        (frame.spend <= 200) | (frame.is_eco == 1),
        frame.orders.isna() | (frame.spend > 700),
        (frame.city != "Turku") & ~(frame.orders > 20),
    )
    for inside in (one.to_numpy(dtype=bool) for one in groups):
        where = distilling.distil(frame, KINDS, inside)
        read_rule({"version": 1, "where": where}, Known(CATALOGUE))
        assert (answers(where, frame) == fitted(frame, inside)).all()


def test_a_planted_rule_is_found_again_with_a_round_threshold():
    frame = people()
    where = distilling.distil(frame, KINDS, (frame.orders > 12).to_numpy(dtype=bool))
    assert where == {"feature": "orders", "op": "more_than", "value": 12}


def test_everybody_nobody_and_nothing_known_give_no_rule():
    frame = people()
    nothing = pd.DataFrame({"orders": [None, None]})
    assert distilling.distil(frame, KINDS, np.ones(len(frame), bool)) is None
    assert distilling.distil(frame, KINDS, np.zeros(len(frame), bool)) is None
    assert distilling.distil(nothing, {"orders": "number"}, np.array([True, False])) is None


@pytest.mark.parametrize(("threshold", "values"), [(17.35, [3, 12.5, 22.2]), (0.0015, [0.001, 0.002]), (-4, [-8, 2])])
def test_round_thresholds_part_the_values_alike(threshold, values):
    values = np.array(values, float)
    assert ((values <= distilling.rounded(threshold, values)) == (values <= threshold)).all()


def test_groups_are_matched_by_their_people_not_by_their_numbers():
    before = np.repeat([0, 1, 2], [50, 30, 20])
    after = np.concatenate([np.repeat([1, 0, 2], [50, 30, 20])[:-5], np.repeat(0, 5)])
    found = {(old, new): likeness for old, new, likeness in clusters.matched(before, after, 3, 3)}
    assert set(found) == {(0, 1), (1, 0), (2, 2)}
    assert found[0, 1] == 1 and found[1, 0] == pytest.approx(30 / 35) and found[2, 2] == 0.75


# --- with rows and pages -------------------------------------------------------------------------


@pytest.fixture
def towns(transactional_db, cast):
    now = timezone.now()
    for i in range(60):
        city, country = (("Oulu", "FI"), ("Oulu", "FI"), ("Lund", "SE"))[i % 3]
        Customer.objects.create(number=f"K{i}", city=city, country=country, created_at=now, updated_at=now)
    profile_actions.refresh(at=now)


def searched(**more):
    now = timezone.now()
    one = actions.start_clustering(features=["city", "country"], by=BY, at=now, k=2, **more)
    return discovery.run(one.pk, at=now)


@pytest.mark.django_db
def test_each_group_has_a_rule_with_precision_and_recall_that_is_kept_as_a_segment(client, maija, towns):
    group = searched().clusters.get(position=1)
    assert (group.precision, group.recall) == (1.0, 1.0) and group.size == 20
    client.force_login(maija)
    page = client.get(reverse("clustering", args=[group.clustering_id])).content.decode()
    assert "100% of those it lets in are in the group (precision)" in page
    client.post(reverse("cluster-accept", args=[group.pk]), {"name": "Swedes", "as": "rule"})
    made = Segment.objects.get()
    assert made.kind == "rule" and made.rule == group.rule
    actions.refresh_segments(at=timezone.now())
    made.refresh_from_db()
    assert made.size == 20


@pytest.mark.django_db
def test_a_like_search_carries_its_groups_on_with_their_names(client, maija, towns):
    first = searched()
    first.clusters.filter(position=1).update(name="Swedes")
    now = timezone.now()
    for i in range(60, 110):
        Customer.objects.create(number=f"K{i}", city="Lund", country="SE", created_at=now, updated_at=now)
    profile_actions.refresh(at=now)
    second = searched()
    swedes = second.clusters.get(name="Swedes")
    assert swedes.position == 0 and swedes.before == first.clusters.get(position=1) and swedes.likeness == 1.0
    client.force_login(maija)
    page = client.get(reverse("clustering", args=[second.pk])).content.decode()
    assert "Carries on “Swedes”" in page


@pytest.mark.django_db
def test_searches_over_other_features_or_customers_start_anew(towns):
    searched()
    other = actions.start_clustering(features=["city"], by=BY, at=timezone.now(), k=2)
    assert discovery.predecessor(Clustering.objects.get(pk=other.pk)) is None

"""Stand-ins for fields that must not be used: found by association, named to those with the grant only."""

import json
from datetime import UTC, datetime

import duckdb
import numpy as np
import pytest
from django.urls import reverse
from scipy.stats import chi2_contingency
from scipy.stats.contingency import association

from crm import actions as crm_actions
from crm.models import Customer
from crm.rights import machine
from profiles import actions as profile_actions
from profiles import associations
from profiles import queries as profile_queries
from profiles.catalogue import Feature
from segments import actions, queries

AT = datetime(2026, 11, 1, 12, tzinfo=UTC)
BY = machine("test")


def cells_of(table):
    return [(i, j, int(n)) for i, row in enumerate(table) for j, n in enumerate(row) if n]


@pytest.mark.parametrize("seed", range(5))
def test_strength_is_corrected_cramers_v_reckoned_from_chi_squared_of_scipy(seed):
    table = np.random.default_rng(seed).integers(1, 200, size=(4, 3))
    n, (r, k) = table.sum(), table.shape
    phi = max(0, chi2_contingency(table, correction=False).statistic / n - (r - 1) * (k - 1) / (n - 1))
    room = min(r - (r - 1) ** 2 / (n - 1), k - (k - 1) ** 2 / (n - 1)) - 1
    found, people = associations.strength(cells_of(table))
    assert found == pytest.approx(np.sqrt(phi / room)) and people == n
    assert found <= association(table, method="cramer")


def test_strength_is_none_where_nothing_is_told():
    assert associations.strength([]) == (0.0, 0)
    assert associations.strength([(0, 0, 10)]) == (0.0, 10)
    random = np.random.default_rng(1).multinomial(5000, [0.25] * 4).reshape(2, 2)
    assert associations.strength(cells_of(random))[0] < 0.05


def test_codes_cut_numbers_at_quintiles_and_rank_texts():
    kinds = {"age": "number", "town": "text", "born": "date", "likes": "list"}
    features = [Feature(key, key, key, kind, "demographic") for key, kind in kinds.items()]
    engine = duckdb.connect()
    engine.execute("""create table profile as select i::double as age, date '2000-01-01' + i::int as born,
        case when i <= 5 then 'a' when i <= 8 then 'b' when i = 9 then 'c' end as town,
        case when i < 5 then ['y', 'x'] else ['x', 'y'] end as likes from range(1, 11) t(i)""")
    rows = engine.execute(associations.codes_sql(features)).fetchall()
    assert [row[0] for row in rows] == [0, 0, 1, 1, 2, 2, 3, 3, 4, 4] == [row[2] for row in rows]
    assert [row[1] for row in rows] == [1] * 5 + [2] * 3 + [3, None]
    assert {row[3] for row in rows} == {1}


@pytest.fixture
def believers(transactional_db, cast):
    """Faith, a special category, follows the town; the first name follows nothing."""
    field = {"key": "faith", "label": "Faith", "entity": "customer", "type": "text", "dimension": "cultural"}
    crm_actions.define_field(values={**field, "sensitivity": "special"}, by=BY, at=AT)
    Customer.objects.bulk_create(
        Customer(
            number=f"K{i}",
            city="North" if i % 2 else "South",
            language=("fi", "sv", "en")[i // 2 % 3],
            attributes={"faith": ("one" if i % 2 else "other") if i % 10 else "third"},
            created_at=AT,
            updated_at=AT,
        )
        for i in range(240)
    )
    profile_actions.refresh(at=AT)


RULE = {"version": 1, "where": {"feature": "city", "op": "is", "value": "North"}}


def test_what_tells_a_special_field_is_found_and_what_does_not_is_not(believers):
    found = {one.feature: one for one in profile_queries.proxies()}
    assert found["city"].other == "faith" and found["city"].strength > 0.6 and found["city"].people == 240
    assert "language" not in found


def test_health_flags_marketing_segments_and_leaves_others(believers):
    for name, purpose in (("Mail", "marketing"), ("Count", "analysis")):
        actions.create_segment(name=name, rule=RULE, purpose=purpose, by=BY, at=AT)
    actions.measure_segments(at=AT)
    grades = {one.name: queries.health([one], at=AT)[one.pk] for one in queries.segments(BY)}
    assert "May stand for data not to be used for marketing: City" in grades["Mail"].reasons
    assert "proxy" not in {row.key for row in grades["Count"].findings}


def test_editor_warns_and_names_the_field_only_to_those_with_the_grant(client, maija, believers):
    sent = {"json": json.dumps(RULE), "do": "json", "name": "North", "purpose": "marketing", "description": ""}
    client.force_login(maija)
    page = client.post(reverse("segment-new"), sent).content.decode()
    assert "“City” may stand for data not to be used for marketing." in page and "Faith" not in page
    maija.may_see_special = True
    maija.save()
    page = client.post(reverse("segment-new"), sent).content.decode()
    assert "“City” may stand for “Faith” (Cramér’s V " in page and "third" not in page
    page = client.post(reverse("segment-new"), sent | {"purpose": "analysis"}).content.decode()
    assert "may stand for" not in page


def test_api_preview_warns(client, maija, believers):
    client.force_login(maija)
    asked = {"rule": RULE}
    answer = client.post("/api/v1/segments/preview/", asked, content_type="application/json").json()
    assert answer["warnings"] == ["“City” may stand for data not to be used for marketing."]


SPECIAL = {"version": 1, "where": {"feature": "faith", "op": "is", "value": "one"}}
BORN = {"version": 1, "where": {"feature": "birth_date", "op": "is_missing"}}


@pytest.mark.parametrize(
    ("name", "rule", "status"),
    [
        ("maija", SPECIAL, 400),
        ("anna", SPECIAL, 400),
        ("aino", SPECIAL, 400),
        ("aino", BORN, 400),
        ("maija", BORN, 200),
    ],
)
def test_no_rule_asks_for_what_its_author_may_not_see(client, cast, believers, name, rule, status):
    client.force_login(getattr(cast, name))
    for purpose in ("analysis", "service"):
        asked = {"rule": rule, "purpose": purpose}
        answer = client.post("/api/v1/segments/preview/", asked, content_type="application/json")
        assert answer.status_code == status, answer.content
    if status == 400:
        assert answer.json()["error"]["path"].endswith("where.feature")


def test_whoever_has_the_grant_may_ask(client, maija, believers):
    maija.may_see_special = True
    maija.save()
    client.force_login(maija)
    asked = {"rule": SPECIAL, "purpose": "analysis"}
    assert client.post("/api/v1/segments/preview/", asked, content_type="application/json").json()["size"] == 120


@pytest.mark.parametrize("few", [0, queries.FEW])
def test_whoever_is_bound_to_teams_counts_their_customers_alone(client, cast, believers, few, monkeypatch):
    monkeypatch.setattr(queries, "FEW", few)
    Customer.objects.filter(number__in=["K1", "K2", "K3"]).update(team=cast.north)
    client.force_login(cast.anna)
    answer = client.post("/api/v1/segments/preview/", {"rule": RULE}, content_type="application/json").json()
    assert answer["size"] == 2 and {one["number"] for one in answer["sample"]} == {"K1", "K3"}
    assert max(one["matches"] for one in answer["reach"]) <= 2

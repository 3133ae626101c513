"""Ready-made rules: all ten dimensions, readable against the built-in features and the proposed fields."""

import pytest
from django.urls import reverse
from django.utils import timezone

from crm import actions as crm_actions
from crm.models import Customer, FieldDefinition
from crm.rights import machine
from profiles import actions as profile_actions
from profiles import queries as profile_queries
from profiles.catalogue import DIMENSIONS
from profiles.computed import COMPUTED
from profiles.given import GIVEN
from segments import evaluation
from segments.rules.reading import Known, read_rule
from segments.rules.sentences import sentence
from segments.starters import FIELDS, STARTERS, definition, lacking, usable

BUILT_IN = {row.feature.key: row.feature for row in (*GIVEN, *COMPUTED)}
CATALOGUE = BUILT_IN | {feature.key: feature for feature in FIELDS}


@pytest.mark.parametrize("starter", STARTERS, ids=lambda starter: starter.key)
def test_starter_reads_and_says_itself_in_both_languages(starter):
    rule = read_rule(starter.rule, Known(CATALOGUE))
    assert sentence(rule, CATALOGUE, "en") != sentence(rule, CATALOGUE, "fi")
    assert starter.label and starter.label_fi


def test_starters_cover_all_ten_dimensions_and_are_named_once():
    assert {starter.dimension for starter in STARTERS} == set(DIMENSIONS)
    assert len({starter.key for starter in STARTERS}) == len(STARTERS)


def test_proposed_fields_do_not_hide_built_in_features():
    assert not set(BUILT_IN) & {feature.key for feature in FIELDS}


def test_only_starters_whose_features_exist_are_usable():
    keys = {starter.key for starter in usable(BUILT_IN)}
    assert {"lapsed-buyers", "swedish-speaking", "best-tenth", "large-firms"} <= keys
    assert "eco-minded-families-in-helsinki" not in keys
    assert usable(CATALOGUE) == STARTERS


def test_starters_named_in_the_plan_are_there_in_both_languages():
    labels = {starter.label for starter in STARTERS}
    assert {
        "Eco-minded families in Helsinki",
        "Regulars who slowed down",
        "Cart abandoned 3 days ago",
        "High income, premium range",
        "New parents",
        "Swedish-speaking",
        "Small firms against a market leader",
    } <= labels


def test_lacking_fields_are_named_and_none_where_all_are_there():
    by_key = {starter.key: starter for starter in STARTERS}
    families = by_key["eco-minded-families-in-helsinki"]
    assert [one.key for one in lacking(families, BUILT_IN)] == ["life_stage", "eco_minded"]
    assert lacking(families, CATALOGUE) == () == lacking(by_key["swedish-speaking"], BUILT_IN)


@pytest.mark.django_db
def test_administrators_add_what_a_starter_lacks_and_then_it_is_usable(client, adele, maija):
    client.force_login(maija)
    page = client.get(reverse("segment-starters")).content.decode()
    assert "Lacks the fields Life stage, Eco-minded." in page and "Add them" not in page
    client.force_login(adele)
    address = reverse("segment-starter-fields", args=["small-firms-against-a-leader"])
    client.post(address)
    keys = {one.key for one in usable(profile_queries.catalogue())}
    assert "small-firms-against-a-leader" in keys
    assert FieldDefinition.objects.get(key="market_share").entity == "company"
    client.post(address)
    assert FieldDefinition.objects.count() == 2


def test_every_starter_evaluates_once_its_fields_are_there(transactional_db, cast):
    now = timezone.now()
    Customer.objects.create(number="K1", language="sv", created_at=now, updated_at=now)
    for field in FIELDS:
        crm_actions.define_field(values=definition(field), by=machine("test"), at=now)
    profile_actions.refresh(at=now)
    engine = evaluation.engine(at=now)
    sizes = {one.key: engine.size(read_rule(one.rule, Known(engine.catalogue))) for one in STARTERS}
    assert len(sizes) == len(STARTERS) and sizes["swedish-speaking"] == 1 and sizes["new-parents"] == 0

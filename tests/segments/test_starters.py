"""Ready-made rules: all ten dimensions, readable against the built-in features and the proposed fields."""

import pytest

from profiles.catalogue import DIMENSIONS
from profiles.computed import COMPUTED
from profiles.given import GIVEN
from segments.rules.reading import Known, read_rule
from segments.rules.sentences import sentence
from segments.starters import FIELDS, STARTERS, usable

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

"""Drafts: rule → form → rule is the identity, for simple rules and for those no form can show."""

import json

import pytest
from django.http import QueryDict
from hypothesis import given
from hypothesis import strategies as st

from profiles.computed import COMPUTED
from profiles.given import GIVEN
from segments import drafts
from segments.anchor import rules as anchor
from segments.drafts import Box, Line
from segments.rules.reading import Known, read_rule
from segments.rules.writing import rule_json
from segments.starters import FIELDS, STARTERS
from tests.segments import worlds

CATALOGUE = {row.feature.key: row.feature for row in (*GIVEN, *COMPUTED)} | {one.key: one for one in FIELDS}


def sent(draft, path=drafts.ROOT):
    """What a browser sends for a draft: pairs of name and value."""
    if isinstance(draft, Box):
        inner = [pair for i, part in enumerate(draft.parts) for pair in sent(part, f"{path}.{i}")]
        return [(f"{path}:word", draft.word), *inner]
    texts = [(f"{path}:{name}", text) for name, several in draft.texts.items() for text in several]
    return [(f"{path}:kind", draft.kind), *texts]


def through_a_form(where, features):
    query = QueryDict(mutable=True)
    for name, text in sent(drafts.draft_of(where, features)):
        query.appendlist(name, text)
    return drafts.assembled(drafts.read_form(query, query.getlist), features).where


def plain(rule, features):
    return rule_json(read_rule(rule, Known(features)))["where"]


def without_lone_boxes(where):
    """A group of one at the top says the same as its part."""
    while isinstance(where, dict) and list(where) == ["all"] and len(where["all"]) == 1:
        where = where["all"][0]
    return where


@given(rule=st.sampled_from(worlds.MOMENTS).flatmap(worlds.rules))
def test_any_rule_comes_back_from_the_form_as_it_was(rule):
    where = plain(rule, worlds.CATALOGUE)
    assert without_lone_boxes(through_a_form(where, worlds.CATALOGUE)) == without_lone_boxes(where)


@given(rule=st.sampled_from(worlds.MOMENTS).flatmap(worlds.rules))
def test_every_condition_is_drawn_with_fields_of_its_own(rule):
    where = plain(rule, worlds.CATALOGUE)
    kinds = {line.kind for _, line in drafts.lines(drafts.draft_of(where, worlds.CATALOGUE))}
    assert "kept" not in kinds


@pytest.mark.parametrize("text", ["", " ", '"', '""', '"hi"', " x ", 'say "hi"', "plain", "\t"])
def test_a_text_that_a_field_would_lose_stands_in_quotation_marks(text):
    for where in (
        {"feature": "city", "op": "is_not", "value": text},
        {"feature": "city", "op": "one_of", "value": ["Oulu", text]},
        {"feature": "interests", "op": "includes_any", "value": [text]},
        {"event": "page", "where": [{"property": "channel", "op": "is", "value": text}]},
    ):
        whole = plain({"version": 1, "where": where}, CATALOGUE)
        ((_, line),) = drafts.lines(drafts.draft_of(whole, CATALOGUE))
        assert line.kind != "kept" and through_a_form(whole, CATALOGUE) == whole


@pytest.mark.parametrize("starter", STARTERS, ids=lambda starter: starter.key)
def test_every_starter_can_be_changed_line_by_line(starter):
    where = plain(starter.rule, CATALOGUE)
    assert through_a_form(where, CATALOGUE) == where


def test_no_anchor_segment_needs_a_kept_line():
    for rule in anchor.anchor_rules().values():
        draft = drafts.draft_of(plain(rule, anchor.FEATURES), anchor.FEATURES)
        assert all(line.kind != "kept" for _, line in drafts.lines(draft))


def test_what_cannot_be_read_any_more_is_kept_as_it_is():
    odd = {"feature": "shoe_size", "op": "at_least", "value": 1}
    ((_, line),) = drafts.lines(drafts.draft_of(odd, CATALOGUE))
    assert line.kind == "kept" and json.loads(line.one("json")) == odd


CITY = Line("feature", {"feature": ("city",), "op": ("is",), "value": ("Oulu",)})
EMPTY = CITY.with_texts(value=("",))


def test_lines_can_be_left_out_and_groups_without_lines_vanish():
    draft = Box("all", (CITY, Box("any", (EMPTY,)), CITY))
    with pytest.raises(drafts.Unfinished):
        drafts.assembled(draft, CATALOGUE)
    found = drafts.assembled(draft, CATALOGUE, skipped=["r.1.0"])
    assert found.where == {"all": [{"feature": "city", "op": "is", "value": "Oulu"}] * 2}
    assert found.part_at("where.all[1].value") == "r.2"


def test_a_group_with_nothing_in_it_is_everyone():
    assert drafts.assembled(Box(), CATALOGUE).where == {"everyone": True}


def test_moving_stays_inside_its_box():
    draft = Box("all", (CITY, EMPTY))
    assert drafts.moved(draft, "r.0", 1) == (Box("all", (EMPTY, CITY)), "r.1")
    assert drafts.moved(draft, "r.1", 1) == (draft, "r.1")
    assert drafts.removed(draft, "r.0") == Box("all", (EMPTY,))
    assert drafts.added(Box("all", (Box("any"),)), "r.0", CITY) == Box("all", (Box("any", (CITY,)),))


@pytest.mark.parametrize(("text", "meant"), [("1 204,5", 1204.5), ("30", 30), ("−3", -3), ("many", "many")])
def test_numbers_are_read_as_people_write_them(text, meant):
    line = Line("feature", {"feature": ("age",), "op": ("at_least",), "value": (text,)})
    assert drafts.json_of(line, CATALOGUE)["value"] == meant


@pytest.mark.parametrize("text", ["1e999999999", "-1e-999999999", "1e40", "NaN", "sNaN"])
def test_an_amount_of_absurd_size_stays_the_text_it_is(text):
    line = Line("feature", {"feature": ("monetary_amount",), "op": ("at_least",), "value": (text,)})
    assert drafts.json_of(line, CATALOGUE)["value"] == text
    share = Line("event", {"event": ("order",), "measure": ("share",), "among.0.property": ("channel",),
                           "among.0.op": ("is_present",), "op": ("at_least",), "value": (text,)})  # fmt: skip
    assert drafts.json_of(share, CATALOGUE)["value"] == text


@given(st.dictionaries(st.text(max_size=12), st.lists(st.text(max_size=8), max_size=3), max_size=8))
def test_nonsense_sent_to_the_form_makes_a_draft_all_the_same(fields):
    query = QueryDict(mutable=True)
    for name, values in fields.items():
        query.setlist("r" + name, values)
    assert isinstance(drafts.read_form(query, query.getlist), Box)


def test_as_many_lines_as_a_rule_may_have_come_back_from_the_form():
    part = {"feature": "city", "op": "is", "value": "Oulu"}
    where = {"all": [{"any": [{**part, "value": str(i)} for i in range(240)]}, *[part] * 250]}
    assert through_a_form(where, CATALOGUE) == where


def test_a_form_of_endless_depth_makes_a_draft_without_recursion():
    query = QueryDict(mutable=True)
    for depth in range(1500):
        query.appendlist("r" + ".0" * depth + ":word", "all")
    assert isinstance(drafts.read_form(query, query.getlist), Box)


def test_a_place_of_endless_digits_is_no_place():
    assert drafts.at(drafts.Box(), "r." + "9" * 5000) is None


WEB = {"property": "channel", "op": "is", "value": "web"}
DRAWN = [
    {"event": "order", "measure": "share", "of": [WEB], "op": "at_least", "value": "0.6"},
    {"event": "order", "measure": "share", "of": [WEB], "op": "between", "value": ["0.055", 1]},
    {"event": "order", "window": {"after": {"event": "cart", "which": "last"}}, "op": "at_least", "value": 1},
    {"event": "order", "where": [WEB], "window": {"before": {"event": "page"}}, "op": "at_least", "value": 1},
    {"event": ["order", "cart"], "where": [{"property": "properties.score", "kind": "number", "op": "is", "value": 3}]},
    {"event": "page", "measure": "sum", "of": "properties.minutes", "op": "at_least", "value": 60},
    {"event": "order", "window": {"after": {"event": ["cart", "page"], "where": [{**WEB, "missing": "yes"}]}}},
    {"trend": "order", "where": [WEB], "days": 90, "op": "fell_by", "value": 50},
    {"sequence": [{"event": "cart", "where": [WEB]}, {"event": "order", "where": [WEB], "within_days": 3}]},
]


@pytest.mark.parametrize("where", DRAWN, ids=lambda where: " ".join(where))
def test_shares_events_around_others_and_tests_of_every_kind_are_drawn(where):
    plainly = plain({"version": 1, "where": where}, CATALOGUE)
    ((_, line),) = drafts.lines(drafts.draft_of(plainly, CATALOGUE))
    assert line.kind != "kept" and through_a_form(plainly, CATALOGUE) == plainly


def test_a_share_is_written_in_per_cent():
    ((_, line),) = drafts.lines(drafts.draft_of(plain({"version": 1, "where": DRAWN[1]}, CATALOGUE), CATALOGUE))
    assert line.many("value") == ["5.5", "100"]


def test_a_part_goes_to_any_place_but_not_into_itself():
    inner = Box("any", (EMPTY,))
    draft = Box("all", (CITY, inner))
    assert drafts.placed(draft, "r.0", "r.1", 1) == (Box("all", (Box("any", (EMPTY, CITY)),)), "r.0.1")
    assert drafts.placed(draft, "r.1.0", "r", 0) == (Box("all", (EMPTY, CITY, Box("any"))), "r.0")
    assert drafts.placed(draft, "r.0", "r", 2) == (Box("all", (inner, CITY)), "r.1")
    assert drafts.placed(draft, "r.1", "r.1", 0) == (draft, "r.1")
    assert drafts.placed(draft, "r.7", "r", 0) == (draft, "r.7") and drafts.placed(draft, "r", "r.1", 0) == (draft, "r")

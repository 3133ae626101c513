"""Sentences of rules in English and Finnish: every kind of condition, word for word."""

import pytest

from profiles.computed import COMPUTED
from segments.rules.operators import OPERATORS
from segments.rules.reading import Known, read_rule
from segments.rules.sentences import changes, clause, sentence
from tests.segments import worlds

CITY = {"feature": "city", "op": "is", "value": "Helsinki"}
STAGE = {"feature": "stage", "op": "is"}
AGE = {"feature": "age", "op": "at_least", "value": 18}
WEB = [{"property": "channel", "op": "is", "value": "web"}]
TABLE = [
    ({"everyone": True}, "All customers.", "Kaikki asiakkaat."),
    (CITY, "Customers where city is “Helsinki”.", "Asiakkaat, joihin pätee: kaupunki on ”Helsinki”."),
    ({"all": [CITY, AGE]}, "Customers where city is “Helsinki” and age is at least 18 y.",
     "Asiakkaat, joihin pätee: kaupunki on ”Helsinki” ja ikä on vähintään 18 y."),
    ({"all": [{"any": [CITY, AGE]}, {"not": CITY}]},
     "Customers where (city is “Helsinki” or age is at least 18 y) and it is not true that city is “Helsinki”.",
     "Asiakkaat, joihin pätee: (kaupunki on ”Helsinki” tai ikä on vähintään 18 y) ja ei ole totta, "
     "että kaupunki on ”Helsinki”."),
    ({"feature": "income", "op": "between", "value": [1000, "2500.50"], "missing": "yes"},
     "Customers where income is between 1,000 and 2,500.5 EUR (or it is not known).",
     "Asiakkaat, joihin pätee: tulot on välillä 1\u00a0000–2\u00a0500,5 EUR (tai tieto puuttuu)."),
    ({"feature": "stage", "op": "one_of", "value": ["single", "family", "senior"]},
     "Customers where stage is “single”, “family” or “senior”.",
     "Asiakkaat, joihin pätee: vaihe on ”single”, ”family” tai ”senior”."),
    ({"feature": "is_eco", "op": "is", "value": False}, "Customers where eco-minded: no.",
     "Asiakkaat, joihin pätee: ympäristötietoinen: ei."),
    ({"feature": "income", "op": "top_percent", "value": 2.5}, "Customers where income is in the top 2.5%.",
     "Asiakkaat, joihin pätee: tulot: kuuluu ylimpään 2,5 prosenttiin."),
    ({"feature": "born_on", "op": "between_dates", "value": ["1990-05-01", "1999-12-31"]},
     "Customers where date of birth is between 1 May 1990 and 31 December 1999.",
     "Asiakkaat, joihin pätee: syntymäaika on välillä 1.5.1990–31.12.1999."),
    ({"feature": "born_on", "op": "anniversary_in_days", "value": 7},
     "Customers where date of birth has its anniversary within 7 days.",
     "Asiakkaat, joihin pätee: syntymäaika: vuosipäivä on 7 päivän sisällä."),
    ({"feature": "joined_at", "op": "weekday", "value": [1, 7]},
     "Customers where customer since is on Monday or Sunday.",
     "Asiakkaat, joihin pätee: asiakkuuden alku: viikonpäivä on maanantai tai sunnuntai."),
    ({"feature": "joined_at", "op": "hour", "value": [9]}, "Customers where customer since is at 9:00–9:59.",
     "Asiakkaat, joihin pätee: asiakkuuden alku: kellonaika on 9.00–9.59."),
    ({"feature": "interests", "op": "includes_all", "value": ["bike", "yoga"]},
     "Customers where interests includes all of “bike” and “yoga”.",
     "Asiakkaat, joihin pätee: kiinnostukset: mukana kaikki nämä: ”bike” ja ”yoga”."),
    ({"feature": "city", "op": "is_missing"}, "Customers where city is missing.",
     "Asiakkaat, joihin pätee: kaupunki puuttuu."),
    ({"event": "order"}, "Customers where there is at least 1 order.",
     "Asiakkaat, joihin pätee: tilausten määrä on vähintään 1."),
    ({"not": {"event": "order", "window": {"last_days": 90}}},
     "Customers where there is no order in the last 90 days.",
     "Asiakkaat, joihin pätee: tilausten määrä viimeisten 90 päivän aikana on 0."),
    ({"event": ["page", "wish"], "where": WEB, "value": 1200, "op": "at_least", "window": {"from": "2026-01-01"}},
     "Customers where there are at least 1,200 page views or “wish” events since 1 January 2026 (channel is “web”).",
     "Asiakkaat, joihin pätee: sivukatselujen tai tapahtumien ”wish” määrä 1.1.2026 alkaen (kanava on ”web”) "
     "on vähintään 1\u00a0200."),
    ({"event": "order", "measure": "sum", "of": "value", "op": "less_than", "value": "99.90"},
     "Customers where total value of orders is less than 99.9.",
     "Asiakkaat, joihin pätee: tilausten summa (arvo) on vähemmän kuin 99,9."),
    ({"event": "order", "measure": "share", "of": WEB, "op": "at_least", "value": 0.6},
     "Customers where share of orders having channel is “web” is at least 60%.",
     "Asiakkaat, joihin pätee: tilausten osuus, kun kanava on ”web”, on vähintään 60 %."),
    ({"event": "order", "measure": "first", "op": "before", "value": "2026-05-01",
      "window": {"after": {"event": "cart", "which": "last"}}},
     "Customers where first order after the last cart is before 1 May 2026.",
     "Asiakkaat, joihin pätee: tilausten ensimmäinen kerta viimeisimmän kerran (ostoskori) jälkeen "
     "on ennen päivää 1.5.2026."),
    ({"event": "order", "measure": "days_since", "op": "more_than", "value": 30},
     "Customers where days since the last order is more than 30.",
     "Asiakkaat, joihin pätee: tilausten viimeisimmästä kerrasta kuluneiden päivien määrä on enemmän kuin 30."),
    ({"sequence": [{"event": "cart", "window": {"from_days_ago": 4, "to_days_ago": 3}},
                   {"event": "order", "within_days": 3, "happens": False}]},
     "Customers where there is a sequence: cart from 4 to 3 days ago, and then no order within 3 days.",
     "Asiakkaat, joihin pätee: tapahtumaketju: ostoskori aikavälillä 4–3 päivää sitten, "
     "eikä sen jälkeen 3 päivän sisällä tilausta."),
    ({"sequence": [{"event": "page"}, {"event": "cart"}, {"event": "wish", "within_days": 2}]},
     "Customers where there is a sequence: page view, then cart, then “wish” event within 2 days.",
     "Asiakkaat, joihin pätee: tapahtumaketju: sivukatselu, sitten ostoskori, "
     "sitten 2 päivän sisällä tapahtuma ”wish”."),
    ({"trend": "order", "op": "fell_by", "value": 30, "days": 90, "against": "year_before"},
     "Customers where number of orders in the last 90 whole days fell by at least 30%, against the same weeks a year "
     "before.",
     "Asiakkaat, joihin pätee: tilausten määrä viimeisten 90 kokonaisen päivän aikana väheni vähintään 30 % "
     "verrattuna samoihin viikkoihin vuotta aiemmin."),
    ({"segment": "vip"}, "Customers where they are in the segment “Best customers”.",
     "Asiakkaat, joihin pätee: asiakas kuuluu segmenttiin ”Best customers”."),
    ({"segment": "vip", "op": "not_in", "on": "2026-05-01"},
     "Customers where they were not in the segment “Best customers” on 1 May 2026.",
     "Asiakkaat, joihin pätee: asiakas ei kuulunut segmenttiin ”Best customers” päivänä 1.5.2026."),
    ({"segment": "old", "op": "entered", "last_days": 7},
     "Customers where they entered the segment “old” in the last 7 days.",
     "Asiakkaat, joihin pätee: asiakas on tullut segmenttiin ”old” viimeisten 7 päivän aikana."),
    ({"consent": "marketing", "channel": "email"}, "Customers where they consent to marketing by e-mail.",
     "Asiakkaat, joihin pätee: suostumus on voimassa (markkinointi, sähköposti)."),
    ({"reachable": "sms"}, "Customers where they can be reached by SMS.",
     "Asiakkaat, joihin pätee: asiakas on tavoitettavissa (tekstiviesti)."),
    ({"response": "click", "campaign": "spring", "window": {"last_days": 30}},
     "Customers where they clicked in a message of the campaign “spring” in the last 30 days.",
     "Asiakkaat, joihin pätee: asiakas on klikannut viestiä (kampanja ”spring”) viimeisten 30 päivän aikana."),
    ({"response": "conversion", "campaign": "spring"},
     "Customers where they converted after a message of the campaign “spring”.",
     "Asiakkaat, joihin pätee: asiakas on tehnyt konversion viestin jälkeen (kampanja ”spring”)."),
]  # fmt: skip


@pytest.mark.parametrize(("where", "english", "finnish"), TABLE)
def test_rule_reads_back_in_both_languages(where, english, finnish):
    rule = read_rule({"version": 1, "where": where}, Known(worlds.CATALOGUE))
    names = {"vip": "Best customers"}
    assert sentence(rule, worlds.CATALOGUE, "en", names) == english
    assert sentence(rule, worlds.CATALOGUE, "fi", names) == finnish


def test_clause_says_one_line_of_the_editor():
    rule = read_rule({"version": 1, "where": CITY}, Known(worlds.CATALOGUE))
    assert clause(rule.where, worlds.CATALOGUE, "fi") == "kaupunki on ”Helsinki”"


def test_choices_of_the_house_are_read_by_their_words_and_those_of_a_firm_as_given():
    journey = next(one.feature for one in COMPUTED if one.feature.key == "journey_stage")
    catalogue = {**worlds.CATALOGUE, "journey_stage": journey}
    asked = {"feature": "journey_stage", "op": "one_of", "value": ["slowed_down", "regular"]}
    rule = read_rule({"version": 1, "where": {"all": [asked, {**STAGE, "value": "family"}]}}, Known(catalogue))
    assert clause(rule.where, catalogue) == ("journey stage is “Slowed down” or “Regular” and stage is “family”")
    assert clause(rule.where, catalogue, "fi") == (
        "asiakaspolun vaihe on ”Hidastunut” tai ”Kanta-asiakas” ja vaihe on ”family”"
    )


def test_changes_of_a_rule_are_told_in_words():
    def rule(where):
        return read_rule({"version": 1, "where": where}, Known(worlds.CATALOGUE))

    found = changes(rule({"all": [CITY, AGE]}), rule({"all": [CITY, {**AGE, "value": 21}]}), worlds.CATALOGUE)
    assert (found.removed, found.added) == (("age is at least 18 y",), ("age is at least 21 y",))
    assert changes(rule({"all": [CITY, AGE]}), rule({"any": [CITY, AGE]}), worlds.CATALOGUE).is_rearranged
    assert not changes(rule(CITY), rule(CITY), worlds.CATALOGUE).is_rearranged


def test_unknown_language_is_refused():
    rule = read_rule({"version": 1, "where": CITY}, Known(worlds.CATALOGUE))
    with pytest.raises(ValueError, match="en, fi"):
        sentence(rule, worlds.CATALOGUE, "sv")


def test_braces_in_values_and_names_are_said_as_they_are():
    rule = read_rule({"version": 1, "where": {**CITY, "value": "{label}"}}, Known(worlds.CATALOGUE))
    assert "“{label}”" in sentence(rule, worlds.CATALOGUE)


def test_every_operator_has_words_in_both_languages():
    for row in OPERATORS:
        assert "{label}" in row.en and "{label}" in row.fi and row.label and row.label_fi

"""Ready-made rules in all ten dimensions, to start from; named in both languages."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from profiles.catalogue import Feature
from segments.rules.errors import RuleError
from segments.rules.needs import needs
from segments.rules.reading import Known, read_rule

Where = dict[str, Any]

# Fields a firm would define to use the starters that go beyond what every customer record and order holds.
FIELDS: Final = (
    Feature("life_stage", "Life stage", "Elämänvaihe", "choice", "life_situation",
            choices=("single", "couple", "family", "senior")),
    Feature("youngest_child_born_on", "Youngest child born on", "Nuorin lapsi syntynyt", "date", "life_situation"),
    Feature("income", "Yearly income", "Vuositulot", "money", "economic", unit="EUR"),
    Feature("price_level", "Price level", "Hintataso", "choice", "economic", choices=("budget", "middle", "premium")),
    Feature("eco_minded", "Eco-minded", "Ympäristötietoinen", "truth", "psychographic"),
    Feature("interests", "Interests", "Kiinnostukset", "list", "psychographic"),
    Feature("device", "Device", "Laite", "choice", "technographic", choices=("ios", "android", "windows", "mac")),
    Feature("recommends", "Would recommend (0–10)", "Suosittelisi (0–10)", "number", "social"),
    Feature("company_market_share", "Market share", "Markkinaosuus", "number", "market_position", unit="%"),
    Feature("company_market_leader", "Market leader of the field", "Alan markkinajohtaja", "text", "market_position"),
)  # fmt: skip
COMPANY: Final = "company_"  # begins the keys of fields that companies have


@dataclass(frozen=True)
class Starter:
    """A rule to begin with: `where` is a rule's JSON node, `dimension` the one it is shown under."""

    key: str
    dimension: str
    label: str
    label_fi: str
    where: Where

    @property
    def rule(self) -> dict[str, Any]:
        return {"version": 1, "where": self.where}


def _is(feature: str, value: Any, op: str = "is") -> Where:
    return {"feature": feature, "op": op, "value": value}


def _all(*parts: Where) -> Where:
    return {"all": list(parts)}


def _ordered(least: int = 1, days: int | None = None) -> Where:
    window = {"window": {"last_days": days}} if days else {}
    return {"event": "order", "op": "at_least", "value": least, **window}


STARTERS: Final = (
    Starter("young-adults", "demographic", "Young adults", "Nuoret aikuiset",
            {"feature": "age", "op": "between", "value": [18, 29]}),
    Starter("birthday-this-week", "demographic", "Birthday within a week", "Syntymäpäivä viikon sisällä",
            _is("birth_date", 7, "anniversary_in_days")),
    Starter("capital-region", "geographic", "Capital region", "Pääkaupunkiseutu",
            _is("city", ["Helsinki", "Espoo", "Vantaa", "Kauniainen"], "one_of")),
    Starter("local-regulars", "geographic", "Regulars of Helsinki", "Helsingin kanta-asiakkaat",
            _all(_is("city", "Helsinki"), _ordered(4, 365))),
    Starter("eco-minded-families-in-helsinki", "psychographic", "Eco-minded families in Helsinki",
            "Ympäristötietoiset perheet Helsingissä",
            _all(_is("eco_minded", True), _is("life_stage", "family"), _is("city", "Helsinki"))),
    Starter("cyclists", "psychographic", "Interested in cycling", "Pyöräilystä kiinnostuneet",
            _is("interests", "cycling", "includes")),
    Starter("regulars-who-slowed-down", "behavioural", "Regulars who slowed down", "Hidastuneet kanta-asiakkaat",
            _all({"event": "order", "op": "at_least", "value": 4, "window": {"last_days": 730}},
                 {"trend": "order", "days": 90, "against": "before", "op": "fell_by", "value": 50})),
    Starter("cart-abandoned", "behavioural", "Cart abandoned 3 days ago", "Ostoskori hylätty 3 päivää sitten",
            {"sequence": [{"event": "cart", "window": {"from_days_ago": 4, "to_days_ago": 3}},
                          {"event": "order", "happens": False}]}),
    Starter("lapsed-buyers", "behavioural", "Bought before, not in a year", "Ostanut ennen, ei vuoteen",
            _all(_ordered(), {"not": _ordered(1, 365)})),
    Starter("new-without-order", "behavioural", "New and without an order", "Uusi, ei vielä tilausta",
            _all(_is("created_at", 60, "in_last_days"), {"not": _ordered()})),
    Starter("store-first", "behavioural", "Buys mostly in the store", "Ostaa enimmäkseen myymälästä",
            _all(_ordered(3), {"event": "order", "measure": "share", "op": "at_least", "value": 0.6,
                               "of": [{"property": "channel", "op": "is", "value": "store"}]})),
    Starter("readers", "behavioural", "Opens but does not buy", "Avaa viestit, ei osta",
            _all({"response": "open", "window": {"last_days": 90}}, {"not": _ordered(1, 90)})),
    Starter("mobile-users", "technographic", "Phone users", "Puhelimen käyttäjät",
            _is("device", ["ios", "android"], "one_of")),
    Starter("app-shoppers", "technographic", "Ordered in the app", "Tilannut sovelluksessa",
            {**_ordered(1, 180), "where": [{"property": "channel", "op": "is", "value": "app"}]}),
    Starter("high-income-premium", "economic", "High income, premium range", "Hyvätuloiset, premium-taso",
            _all(_is("income", 20, "top_percent"), _is("price_level", "premium"))),
    Starter("best-tenth", "economic", "The tenth that spends most", "Eniten ostava kymmenys",
            _is("spend_365d_amount", 10, "top_percent")),
    Starter("big-baskets", "economic", "Large average basket", "Suuri keskiostos",
            _all(_ordered(3), {"event": "order", "measure": "average", "of": "value", "op": "more_than",
                               "value": 100})),
    Starter("promoters", "social", "Promoters", "Suosittelijat",
            _is("recommends", 9, "at_least")),
    Starter("unhappy-regulars", "social", "Regulars who are not happy", "Tyytymättömät kanta-asiakkaat",
            _all(_is("recommends", 6, "at_most"), _ordered(3, 365))),
    Starter("new-parents", "life_situation", "New parents", "Tuoreet vanhemmat",
            _is("youngest_child_born_on", 1, "less_than_years_ago")),
    Starter("seniors", "life_situation", "Senior households", "Seniorikotitaloudet", _is("life_stage", "senior")),
    Starter("small-firms-against-a-leader", "market_position", "Small firms against a market leader",
            "Pienet yritykset markkinajohtajaa vastaan",
            _all(_is("company_employees", 50, "less_than"), _is("company_market_share", 10, "less_than"),
                 {"feature": "company_market_leader", "op": "is_present"})),
    Starter("large-firms", "market_position", "Large firms", "Suuret yritykset",
            _is("company_employees", 250, "at_least")),
    Starter("swedish-speaking", "cultural", "Swedish-speaking", "Ruotsinkieliset", _is("language", "sv")),
    Starter("reachable-swedish-speaking", "cultural", "Swedish-speaking, may be mailed",
            "Ruotsinkieliset, joille saa lähettää",
            _all(_is("language", "sv"), {"consent": "marketing", "channel": "email"}, {"reachable": "email"})),
)  # fmt: skip


def usable(catalogue: Mapping[str, Feature]) -> tuple[Starter, ...]:
    """The starters whose features the catalogue has, with kinds and choices that fit."""
    return tuple(starter for starter in STARTERS if _fits(starter, catalogue))


def lacking(starter: Starter, catalogue: Mapping[str, Feature]) -> tuple[Feature, ...]:
    """The proposed fields that the starter needs and the catalogue has not."""
    used = needs(read_rule(starter.rule, Known({**{one.key: one for one in FIELDS}, **_built_in(catalogue)}))).features
    return tuple(one for one in FIELDS if one.key in used and one.key not in catalogue)


def _built_in(catalogue: Mapping[str, Feature]) -> dict[str, Feature]:
    """The catalogue without fields of the firm that are named like proposed ones: they may be of another kind."""
    proposed = {one.key for one in FIELDS}
    return {key: one for key, one in catalogue.items() if key not in proposed}


def definition(field: Feature) -> dict[str, Any]:
    """The proposed field as values of a new definition."""
    is_firms = field.key.startswith(COMPANY)
    return {
        "entity": "company" if is_firms else "customer",
        "key": field.key.removeprefix(COMPANY),
        "type": field.kind,
        "label": field.label,
        "label_fi": field.label_fi,
        "dimension": field.dimension,
        "unit": field.unit,
        "choices": list(field.choices),
    }


def _fits(starter: Starter, catalogue: Mapping[str, Feature]) -> bool:
    try:
        read_rule(starter.rule, Known(catalogue))
    except RuleError:
        return False
    return True

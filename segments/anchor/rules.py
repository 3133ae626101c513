"""The 48 anchor segments of the benchmark as rules, and the features their customers have."""

import itertools
from typing import Any

from profiles.catalogue import Feature

FEATURES = {
    feature.key: feature
    for feature in (
        Feature("birth_date", "Date of birth", "Syntymäaika", "date", "demographic"),
        Feature("gender", "Gender", "Sukupuoli", "choice", "demographic", choices=("m", "f", "x")),
        Feature("city", "City", "Kaupunki", "text", "geographic"),
        Feature("country", "Country", "Maa", "text", "geographic"),
        Feature("language", "Language", "Kieli", "text", "cultural"),
        Feature("income", "Income", "Tulot", "money", "economic", unit="EUR"),
        Feature("education", "Education", "Koulutus", "text", "demographic"),
        Feature("life_stage", "Life stage", "Elämänvaihe", "text", "life_situation"),
        Feature("device", "Device", "Laite", "text", "technographic"),
        Feature("eco_minded", "Eco-minded", "Ympäristötietoinen", "truth", "psychographic"),
        Feature("email_consent", "Consents to e-mail", "Sallii sähköpostin", "truth", "behavioural"),
        Feature("created_at", "Customer since", "Asiakas alkaen", "datetime", "behavioural"),
    )
}


def _feature(key: str, op: str, value: Any) -> dict[str, Any]:
    return {"feature": key, "op": op, "value": value}


def _all(*parts: dict[str, Any]) -> dict[str, Any]:
    return {"all": list(parts)}


def _did(event: str, op: str, value: Any, days: int | None = None, **more: Any) -> dict[str, Any]:
    window = {"window": {"last_days": days}} if days else {}
    return {"event": event, "op": op, "value": value, **window, **more}


def _shapes() -> dict[str, list[dict[str, Any]]]:
    """16 shapes × 3 settings, in the words of the rule language."""
    value = {"measure": "sum", "of": "value"}
    return {
        "young_women": [_all(_feature("gender", "is", "f"), _feature("birth_date", "from", f"{y}-01-01"))
                        for y in (2001, 1996, 1991)],
        "city": [_feature("city", "is", city) for city in ("Helsinki", "Tampere", "Pori")],
        "eco_consenting": [_all(_feature("eco_minded", "is", True), _feature("email_consent", "is", True),
                                _feature("country", "is", country)) for country in ("FI", "SE", "DE")],
        "premium": [_all(_feature("income", "more_than", income), _feature("education", "one_of", ["master", "phd"]))
                    for income in (30000, 40000, 50000)],
        "family_language": [_all(_feature("life_stage", "is", "family"), _feature("language", "is", language),
                                 _feature("country", "one_of", ["FI", "EE"])) for language in ("fi", "sv", "en")],
        "mobile_since": [_all(_feature("device", "one_of", ["ios", "android"]),
                              _feature("created_at", "from", f"{y}-01-01")) for y in (2024, 2025, 2026)],
        "repeat_buyers": [_did("order", "at_least", 2, days) for days in (30, 90, 365)],
        "big_spenders": [_did("order", "more_than", least, days, **value)
                         for days, least in ((90, 80), (365, 150), (730, 200))],
        "cart_abandoned": [{"sequence": [{"event": "cart", "window": {"last_days": days}},
                                         {"event": "order", "happens": False}]} for days in (7, 30, 90)],
        "lapsed": [{"not": _did("order", "at_least", 1, days)} for days in (90, 180, 365)],
        "openers": [_did("email_open", "at_least", 1, days) for days in (30, 60, 120)],
        "category_fans": [_did("page", "at_least", 2, 365, where=[{"property": "category", "op": "is", "value": topic}])
                          for topic in ("yoga", "bike", "kids")],
        "average_basket": [_all(_did("order", "more_than", least, measure="average", of="value"),
                                _did("order", "at_least", 3)) for least in (25, 30, 35)],
        "single_channel": [{"event": "order", "measure": "share", "op": "at_least", "value": 1,
                            "of": [{"property": "channel", "op": "is", "value": channel}]}
                           for channel in ("web", "store", "app")],
        "local_regulars": [_all(_feature("city", "is", city), _feature("email_consent", "is", True),
                                _did("order", "at_least", 2, 365), _did("order", "more_than", 60, 365, **value))
                           for city in ("Helsinki", "Espoo", "Oulu")],
        "new_without_order": [_all(_feature("created_at", "in_last_days", days), {"not": _did("order", "at_least", 1)})
                              for days in (120, 200, 400)],
    }  # fmt: skip


def anchor_rules() -> dict[str, dict[str, Any]]:
    """Name → rule as JSON, the names and the order of the hand-written definitions. Evaluate as of 2026-11-01 UTC."""
    return {
        f"{name}_{i}": {"version": 1, "where": where}
        for name, settings in _shapes().items()
        for i, where in zip(itertools.count(1), settings)
    }

"""The demo's known segments: rules over the fields and doings that the population was planted with."""

from typing import Any


def _rule(*parts: dict[str, Any]) -> dict[str, Any]:
    return {"version": 1, "where": {"all": list(parts)}}


def _is(feature: str, value: Any, op: str = "is") -> dict[str, Any]:
    return {"feature": feature, "op": op, "value": value}


def _orders(op: str, value: int, days: int | None = None) -> dict[str, Any]:
    window = {"window": {"last_days": days}} if days else {}
    return {"event": "order", "measure": "count", "op": op, "value": value, **window}


DEFINITIONS: tuple[dict[str, Any], ...] = (
    {
        "slug": "eco-families",
        "name": "Eco-minded families in the capital region",
        "description": "Families who care where things come from; the spring campaign was written for them.",
        "rule": _rule(
            _is("eco_minded", True),
            _is("life_stage", "family"),
            _is("city", ["Helsinki", "Espoo", "Vantaa"], "one_of"),
        ),
    },
    {
        "slug": "premium",
        "name": "High income, premium range",
        "description": "Earn well and buy the better things.",
        "rule": _rule(_is("income", 70000, "at_least"), _orders("at_least", 2, 365)),
    },
    {
        "slug": "regulars",
        "name": "Regulars",
        "description": "At least three orders in the last year.",
        "rule": _rule(_orders("at_least", 3, 365)),
    },
    {
        "slug": "lapsed",
        "name": "Regulars who went away",
        "description": "Used to buy, have not for half a year.",
        "rule": _rule(_orders("at_least", 2), _orders("is", 0, 180)),
    },
    {
        "slug": "young-mobile",
        "name": "Young, on the phone",
        "description": "Under 30, visit with a phone.",
        "rule": _rule(_is("age", 30, "less_than"), _is("device", ["ios", "android"], "one_of")),
    },
    {
        "slug": "cart-abandoned",
        "name": "Left a cart in the last month",
        "description": "Put something in the cart and did not order within a week.",
        "rule": _rule(
            {
                "sequence": [
                    {"event": "cart", "window": {"last_days": 30}},
                    {"event": "order", "within_days": 7, "happens": False},
                ]
            }
        ),
    },
    {
        "slug": "swedish-speaking",
        "name": "Swedish-speaking",
        "description": "Get their letters in Swedish.",
        "rule": _rule(_is("language", "sv")),
    },
    {
        "slug": "store-seniors",
        "name": "Seniors who shop in the store",
        "description": "Seldom open mail; the store is their channel.",
        "rule": _rule(_is("life_stage", "senior"), _is("favourite_channel", "store")),
    },
)

"""Profiles on the customer's page: what is known in ten dimensions and how far it can be trusted, worth, next steps."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.http import HttpResponse
from django.shortcuts import get_object_or_404, render
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_safe

from crm import figures, tables
from crm import queries as crm_queries
from crm.access import ActorRequest, needs
from crm.keyset import LARGEST_ID
from profiles import queries, wording
from profiles.catalogue import DIMENSIONS
from profiles.queries import FeatureValue, Quality
from profiles.surveys.expiring import expired_of

OLD = timedelta(days=365)
SPARSE = 0.5
COLUMNS = (
    tables.Column(gettext_lazy("Feature")),
    tables.Column(gettext_lazy("Value")),
    tables.Column(gettext_lazy("Source")),
    tables.Column(gettext_lazy("Since")),
    tables.Column(gettext_lazy("Known of everybody"), "number"),
)


@require_safe
@needs("features.view")
def customer_profile(request: ActorRequest, pk: int) -> HttpResponse:
    """One customer in ten dimensions, each value with its source, its age and the quality of its feature."""
    actor = request.actor
    customer = _found(request, pk)
    values = [value for value in values_of(customer.pk) if queries.is_open_to(actor, value.feature)]
    is_fragment = "HX-Request" in request.headers and "HX-Boosted" not in request.headers
    context = {
        "customer": customer,
        "columns": COLUMNS,
        "dimensions": by_dimension(
            values, crm_queries.origins(customer), qualities(), expired_of(customer.pk), at=timezone.now()
        ),
        "as_of": queries.current().as_of if values else None,
    }
    return render(request, f"profiles/customer_{'panel' if is_fragment else 'profile'}.html", context)


def _found(request: ActorRequest, pk: int) -> Any:
    rows = crm_queries.customers(request.actor).select_related("owner")
    return get_object_or_404(rows, pk=min(pk, LARGEST_ID))


def values_of(customer_id: int) -> list[FeatureValue]:
    try:
        return queries.features_of(customer_id)
    except queries.NoSnapshot:
        return []


def qualities() -> dict[str, Quality]:
    """By key of the feature; empty before the first snapshot."""
    try:
        return {one.feature.key: one for one in queries.quality()}
    except queries.NoSnapshot:
        return {}


def by_dimension(
    values: Iterable[FeatureValue],
    origins: Mapping[str, crm_queries.Origin],
    known: Mapping[str, Quality],
    expired: Mapping[str, datetime],
    *,
    at: datetime,
) -> list[dict[str, Any]]:
    """Per dimension that has features: what is known with its doubts, as facts too, what no longer holds or is missing.

    `expired` tells by key when an answer was given that is over its time.
    """
    given = list(values)
    groups = {name: [value for value in given if value.feature.dimension == name] for name in DIMENSIONS}
    return [_group(group, origins, known, expired, at) for group in groups.values() if group]


def _group(
    group: list[FeatureValue],
    origins: Mapping[str, crm_queries.Origin],
    known: Mapping[str, Quality],
    expired: Mapping[str, datetime],
    at: datetime,
) -> dict[str, Any]:
    there = [value for value in group if value.value is not None]
    missing = [one.feature for one in group if one.value is None]
    return {
        "label": wording.dimension(group[0].feature),
        "facts": [(wording.label(one.feature), wording.written(one.value, one.feature)) for one in there],
        "rows": [_row(one, origins.get(_column(one)), known.get(one.feature.key), at) for one in there],
        "expired": [(wording.label(one), expired[one.key]) for one in missing if one.key in expired],
        "missing": [wording.label(one) for one in missing if one.key not in expired],
    }


def _column(value: FeatureValue) -> str:
    """What the audit calls the feature: a column by its name, a custom field below `attributes`."""
    return value.feature.key if value.feature.source in wording.SOURCES else f"attributes.{value.feature.key}"


def _row(value: FeatureValue, origin: Any, quality: Quality | None, at: datetime) -> dict[str, Any]:
    feature = value.feature
    is_computed = feature.source == "computed"
    since = origin.at if origin else value.since
    named = value.value if isinstance(value.value, list | tuple) else [value.value]
    return {
        "label": wording.label(feature),
        "value": wording.written(value.value, feature),
        "source": wording.source(feature),
        "door": origin.source if origin and not is_computed else "",
        "since": since,
        "is_old": bool(since and not is_computed and at - since > OLD),
        "is_valid": not feature.choices or set(named) <= set(feature.choices),
        "sensitivity": wording.sensitivity(feature),
        "coverage": quality.coverage_share if quality else None,
        "is_sparse": bool(quality and quality.coverage_share < SPARSE),
    }


# --- worth and what comes next -------------------------------------------------------------------


@require_safe
@needs("features.view")
def customer_value(request: ActorRequest, pk: int) -> HttpResponse:
    """What the customer is worth, each figure with its reason, and what would be the next step."""
    customer = _found(request, pk)
    values = {one.feature.key: one.value for one in values_of(customer.pk)}
    context = {
        "customer": customer,
        "stats": worth(values) if values else [],
        "group": _named("rfm_cell", values),
        "stage": _named("journey_stage", values),
        "steps": next_steps(values, objects=bool(customer.objected_at or customer.restricted_at)) if values else [],
        "as_of": queries.current().as_of if values else None,
    }
    is_fragment = "HX-Request" in request.headers
    return render(request, "profiles/customer_value" + ("_panel.html" if is_fragment else ".html"), context)


def _named(key: str, values: Mapping[str, Any]) -> str:
    value = values.get(key)
    return wording.written(value, queries.catalogue()[key]) if value else ""


def worth(values: Mapping[str, Any]) -> list[dict[str, str]]:
    """Recency, frequency, monetary value and basket, each with where it stands among all buyers."""
    days, orders = values.get("recency_days"), values.get("frequency") or 0
    rhythm = values.get("days_between_orders")
    return [
        {
            "label": _("Spend in all"),
            "value": figures.money(values.get("monetary_amount")),
            "note": place("rfm_monetary", values),
        },
        {"label": _("Orders"), "value": figures.number(orders), "note": place("rfm_frequency", values)},
        {
            "label": _("Days since the latest order"),
            "value": figures.number(days),
            "note": place("rfm_recency", values),
        },
        {
            "label": _("Average basket"),
            "value": figures.money(values.get("average_basket_amount")),
            "note": _("Buys every %(days)s days on average") % {"days": figures.number(rhythm)} if rhythm else "",
        },
    ]


def place(key: str, values: Mapping[str, Any]) -> str:
    """A score of 1 to 5 in words: it counts the whole fifths of buyers who are strictly worse."""
    score = values.get(key)
    if score is None:
        return _("No purchase yet")
    told = {"score": figures.number(score), "share": figures.share((score - 1) / 5, 0)}
    return _("%(score)s of 5: ahead of at least %(share)s of buyers") % told


@dataclass(frozen=True)
class Step:
    """What to do next when `holds`, and why, in words filled from the profile."""

    holds: Callable[[Mapping[str, Any]], bool]
    words: Any
    because: Any


# The first three that hold are shown; none of them is done by itself.
STEPS = (
    Step(lambda v: v.get("cart_abandoned_days") is not None and v["cart_abandoned_days"] <= 14,
         gettext_lazy("Ask about the cart they left"),
         gettext_lazy("Something was put in the cart %(cart_abandoned_days)s days ago and not bought.")),
    Step(lambda v: v.get("rfm_cell") == "cannot_lose",
         gettext_lazy("Call them"),
         gettext_lazy("One of the most frequent buyers, silent for %(recency_days)s days.")),
    Step(lambda v: v.get("journey_stage") == "slowed_down",
         gettext_lazy("Get in touch before they leave"),
         gettext_lazy("Used to buy every %(days_between_orders)s days; it has been %(recency_days)s.")),
    Step(lambda v: v.get("journey_stage") == "lapsed",
         gettext_lazy("Win them back, or let them rest"),
         gettext_lazy("Nothing bought for %(recency_days)s days.")),
    Step(lambda v: (v.get("returns_share") or 0) >= 0.4 and (v.get("returns") or 0) >= 2,
         gettext_lazy("Ask what went wrong"),
         gettext_lazy("%(returns)s returns: many for what was bought.")),
    Step(lambda v: v.get("journey_stage") == "first_time",
         gettext_lazy("Help the second purchase along"),
         gettext_lazy("Has bought once, %(recency_days)s days ago.")),
    Step(lambda v: v.get("rfm_cell") == "champions",
         gettext_lazy("Thank them"),
         gettext_lazy("%(frequency)s orders, the latest %(recency_days)s days ago: among the best.")),
    Step(lambda v: not v.get("frequency") and (v.get("visits_30d") or 0) > 0,
         gettext_lazy("Offer help with the first purchase"),
         gettext_lazy("%(visits_30d)s visits in 30 days, nothing bought yet.")),
)  # fmt: skip
MOST_STEPS = 3


def next_steps(values: Mapping[str, Any], *, objects: bool) -> list[tuple[str, str]]:
    """What to do next and why; nobody is told to write to those who object."""
    if objects:
        return []
    numbers = {
        key: figures.number(value)
        for key, value in values.items()
        if isinstance(value, int | float) and not isinstance(value, bool)
    }
    held = [step for step in STEPS if step.holds(values)][:MOST_STEPS]
    return [(str(step.words), step.because % numbers) for step in held]

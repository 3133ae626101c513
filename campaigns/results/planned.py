"""The plan a campaign is read by: goal, arms, guardrails, and what members would have done anyway."""

from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, replace
from datetime import datetime, timedelta
from decimal import Decimal
from math import sqrt
from typing import Any

from django.db.models import Case, Count, F, FloatField, QuerySet, Sum, Value, When
from django.db.models.functions import Cast
from django.utils.translation import gettext as _

from campaigns import audience
from campaigns.experiments.plan import ArmPlan, Goal, Guardrail, Plan, Role
from campaigns.experiments.sufficient import Mean
from campaigns.models import Campaign, MessageState, Response, ResponseClass, ResponseKind, Run, Variant
from campaigns.models import Goal as GoalKind
from campaigns.results.evidence import HOLD_OUT, READER
from crm import queries as crm_queries

YEAR = timedelta(days=365)
USUAL_CLICKS = 0.02  # human clicks per message where the firm has none of its own to go by
CAPPED_SHARE = 0.001
UNKNOWN_SPEND, UNKNOWN_DEVIATION = 1.0, 10.0
USUAL_GUARDRAILS: tuple[dict[str, Any], ...] = (
    {"key": "unsubscribe", "ceiling": 0.02, "allowed_rise": 0.005},
    {"key": "complaint", "ceiling": 0.003, "allowed_rise": 0.001},
)


@dataclass(frozen=True)
class Baseline:
    """What the audience does without the campaign: `people`, the goal's rate (0–1) or mean per person, its deviation.

    `cap` is the amount above which one person's revenue counts as the cap (money only).
    `is_known` is false where nothing comparable happened yet and a cautious guess stands in.
    """

    people: int
    expected: float
    deviation: float | None = None
    is_known: bool = True
    cap: float | None = None


def baseline(campaign: Campaign, as_of: datetime, members: QuerySet | None = None) -> Baseline:
    """The same people over as many days before that moment; clicks from the campaigns of the year before."""
    people = audience.members(campaign, as_of) if members is None else members
    return BASELINES[campaign.goal](campaign, people, as_of)


def of_orders(campaign: Campaign, members: QuerySet, as_of: datetime) -> Baseline:
    bought = sales(campaign, members, as_of).aggregate(n=Count("customer", distinct=True))["n"]
    return rate(members.count(), bought)


def of_revenue(campaign: Campaign, members: QuerySet, as_of: datetime) -> Baseline:
    per_customer = sales(campaign, members, as_of).order_by().values("customer").annotate(spent=Sum("total_amount"))
    spent = per_customer.annotate(full=Cast("spent", FloatField()))
    people = members.count()
    cap = cap_of(spent, people)
    kept = spent.annotate(y=Case(When(full__gt=cap, then=Value(cap)), default=F("full"))) if cap else spent
    sums = kept.aggregate(total=Sum("y"), squares=Sum(F("y") * F("y"))) if cap else {}
    return replace(spending(Mean(people, sums.get("total") or 0.0, sums.get("squares") or 0.0)), cap=cap)


def cap_of(spent: QuerySet, people: int) -> float | None:
    """What one in a thousand of all members spent more than: known before the launch, so it cannot favour a version."""
    highest = spent.filter(full__gt=0).order_by("-full").values_list("full", flat=True)
    place = int(people * CAPPED_SHARE)
    found = list(highest[place : place + 1]) or list(highest[:1])
    return float(found[0]) if found else None


def of_events(campaign: Campaign, members: QuerySet, as_of: datetime) -> Baseline:
    if campaign.goal_event == "order":
        return of_orders(campaign, members, as_of)
    rows = crm_queries.events(READER).filter(type=campaign.goal_event, customer__in=members.order_by().values("pk"))
    start = as_of - timedelta(days=campaign.window_days)
    did = rows.filter(occurred_at__gte=start, occurred_at__lt=as_of).aggregate(n=Count("customer", distinct=True))["n"]
    return rate(members.count(), did)


def of_clicks(campaign: Campaign, members: QuerySet, as_of: datetime) -> Baseline:
    sent = Run.objects.filter(sealed_at__gte=as_of - YEAR, sealed_at__lt=as_of, messages__state=MessageState.SENT)
    sent = sent.filter(campaign__is_letter=False)
    clicks = Response.objects.filter(
        message__run__sealed_at__gte=as_of - YEAR, at__lt=as_of, kind=ResponseKind.CLICK, by_class=ResponseClass.HUMAN
    )
    messages = sent.aggregate(n=Count("messages"))["n"]
    people = members.count()
    if not messages:
        return Baseline(people, USUAL_CLICKS, is_known=False)
    clicked = clicks.aggregate(n=Count("message", distinct=True))["n"]
    return Baseline(people, rate(messages, min(clicked, messages)).expected)


BASELINES: dict[str, Callable[[Campaign, QuerySet, datetime], Baseline]] = {
    GoalKind.CONVERSION: of_events,
    GoalKind.REVENUE: of_revenue,
    GoalKind.CLICK: of_clicks,
    GoalKind.EVENT: of_events,
}


def sales(campaign: Campaign, members: QuerySet, as_of: datetime) -> QuerySet:
    """Sales to the members in as many days before as the window has."""
    rows = crm_queries.orders(READER).filter(kind="sale", currency=campaign.currency)
    start = as_of - timedelta(days=campaign.window_days)
    return rows.filter(customer__in=members.order_by().values("pk"), ordered_at__gte=start, ordered_at__lt=as_of)


def rate(people: int, did: int) -> Baseline:
    """A rate that is never quite 0 or 1 (half a person is added to both sides: Jeffreys 1946)."""
    return Baseline(people, (did + 0.5) / (people + 1), is_known=bool(people))


def spending(mean: Mean) -> Baseline:
    if mean.n < 2 or not mean.variance or mean.mean <= 0:
        return Baseline(mean.n, UNKNOWN_SPEND, UNKNOWN_DEVIATION, is_known=False)
    return Baseline(mean.n, mean.mean, sqrt(mean.variance))


def as_json(known: Baseline) -> dict[str, Any]:
    return asdict(known)


def plan_of_run(run: Run) -> Plan:
    """The plan as fixed at the launch of the run."""
    fixed = run.plan.get("baseline")
    known = Baseline(**fixed) if fixed else baseline(run.campaign, run.sealed_at or run.started_at)
    return plan(run.plan, known, arm_names(run.campaign), float(run.campaign.cost_per_message_amount))


def plan(settings: Mapping[str, Any], known: Baseline, names: Mapping[str, str], cost: float) -> Plan:
    """The experiment's plan from plain settings: goal, weights, holdout_share and guardrails."""
    return Plan(
        goal=goal(settings, known),
        arms=arms(settings, names, cost),
        people=known.people,
        guardrails=guardrails(settings["guardrails"] or USUAL_GUARDRAILS),
        worthwhile=float(settings.get("worthwhile_lift") or 0) * known.expected,
    )


def goal(settings: Mapping[str, Any], known: Baseline) -> Goal:
    kind = settings["goal"]
    return Goal(
        key=kind,
        name=str(GoalKind(kind).label),
        kind="mean" if kind == GoalKind.REVENUE else "rate",
        expected=known.expected,
        deviation=known.deviation,
        cap=known.cap,
        can_happen_uncontacted=kind != GoalKind.CLICK,
    )


def arms(settings: Mapping[str, Any], names: Mapping[str, str], cost: float) -> tuple[ArmPlan, ...]:
    """The versions with their shares of everybody, and the hold-out where there is one."""
    weights, hold_out = settings["weights"], Decimal(settings["holdout_share"])
    total = sum(weights.values())
    contacted = 1 - float(hold_out)
    versions = tuple(
        ArmPlan(key, names.get(key, key), contacted * weight / total, role_of(key, settings), cost)
        for key, weight in sorted(weights.items())
        if weight
    )
    return versions + ((ArmPlan(HOLD_OUT, names[HOLD_OUT], float(hold_out), "hold_out"),) if hold_out else ())


def role_of(key: str, settings: Mapping[str, Any]) -> Role:
    return "mass" if key == settings.get("mass") else "variant"


def arm_names(campaign: Campaign) -> dict[str, str]:
    """What each arm is called, by key."""
    return {**{one.key: variant_name(one) for one in campaign.variants.all()}, HOLD_OUT: _("Hold-out")}


def variant_name(variant: Variant) -> str:
    return f"{variant.key} · {variant.name}" if variant.name else _("Version %(key)s") % {"key": variant.key}


GUARDRAIL_NAMES = dict(ResponseKind.choices)


def guardrails(given: Any) -> tuple[Guardrail, ...]:
    """Limits as stored: mappings of key (a rate of the results), ceiling and allowed_rise, both 0–1."""
    return tuple(
        Guardrail(
            one["key"], str(GUARDRAIL_NAMES.get(one["key"], one["key"])), one.get("ceiling"), one.get("allowed_rise")
        )
        for one in given
    )

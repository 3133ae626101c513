"""Results as plain values for the API, the command and files. What cannot be told is null, with its reason."""

from collections.abc import Iterator
from typing import Any

from campaigns.experiments.answers import CannotTell, Comparison, Interval
from campaigns.experiments.chances import Chance
from campaigns.experiments.covariate import Adjustment
from campaigns.experiments.earnings import Caused
from campaigns.experiments.pooling import Pooled
from campaigns.experiments.power import Detectable
from campaigns.experiments.ratio_check import RatioCheck
from campaigns.experiments.report import ArmReading, GroupReading, PairPooling, PairReading
from campaigns.experiments.sequential import AlwaysValid
from campaigns.results import words
from campaigns.results.answer import Results


def shape(results: Results) -> dict[str, Any]:
    """Everything, ready for JSON: shares and rates 0–1, money in `currency`."""
    plan = results.report.plan
    return {
        "campaign": results.campaign.slug,
        "run": results.run.pk,
        "goal": plan.goal.key,
        "currency": results.campaign.currency,
        "sealed_at": results.run.sealed_at,
        "read_at": results.read_at,
        "window_ends_at": results.window_ends_at,
        "is_window_over": results.is_window_over,
        "sentence": words.conclusion(results),
        "level": plan.level,
        "revenue_cap": plan.goal.cap,
        "groups": [group(results, one) for one in results.groups],
        "guardrails": list(guardrails(results)),
        "waves": [vars(one) for one in results.waves],
        "certainty_kept": results.certainty_kept,
        "between_segments": [between(one) for one in results.report.poolings],
        "segmenting_earned": caused(results.report.segmentation),
        "next_euro": next_euro(results),
    }


def guardrails(results: Results) -> Iterator[dict[str, Any]]:
    """Each limit fixed before the launch and what each version measured; a broken one cannot win."""
    broken = {(veto.variant, veto.guardrail) for veto in results.report.overall.vetoes}
    for rail in results.report.plan.guardrails:
        for arm in results.report.overall.arms:
            if rail.key in arm.rates:
                yield {
                    "guardrail": rail.key,
                    "variant": arm.key,
                    "rate": arm.rates[rail.key].rate,
                    "ceiling": rail.ceiling,
                    "allowed_rise": rail.allowed_rise,
                    "is_broken": (arm.key, rail.key) in broken,
                }


def between(one: PairPooling) -> dict[str, Any]:
    """Whether the effect of a pair differs between segments: Cochran's test, and by how much."""
    told = None if isinstance(one.pooling, CannotTell) else one.pooling
    return {
        "variant": one.variant,
        "against": one.against,
        "q": told and told.q,
        "p_value": told and told.p_value,
        "inconsistency": told and told.inconsistency,
        "between_deviation": told and told.between_deviation,
    }


def next_euro(results: Results) -> list[dict[str, Any]] | None:
    """Segments by what one more euro there is expected to bring, best first."""
    found = results.report.next_euro
    if isinstance(found, CannotTell):
        return None
    return [
        {
            "segment": int(place.segment),
            "return_per_euro": place.return_per_euro,
            **ends(place.interval),
            "chance_it_pays": place.chance_it_pays,
            "advice": place.advice,
        }
        for place in found
    ]


def group(results: Results, one: GroupReading) -> dict[str, Any]:
    """One group; `segment` is its id, null for everybody."""
    is_everybody = one is results.report.overall
    return {
        "segment": None if is_everybody else int(one.key),
        "name": one.name,
        "people": one.people,
        "decision": decision(results, one),
        "arms": [arm(results, reading, with_revenue=is_everybody) for reading in one.arms],
        "comparisons": [pair(reading) for reading in one.pairs],
        "sample_ratio": ratio(one.ratio),
        "detectable": detectable(one.detectable),
        "vetoes": [vars(veto) for veto in one.vetoes],
        "caused": {key: caused(value) for key, value in one.caused.items()},
        "past_spend": adjustment(one.adjustment),
    }


def decision(results: Results, one: GroupReading) -> dict[str, Any]:
    told = one.decision
    return {
        "kind": told.kind,
        "variant": told.variant,
        "code": told.code,
        "sentence": words.said(results, told),
        "q_value": one.q_value,
    }


def arm(results: Results, reading: ArmReading, *, with_revenue: bool) -> dict[str, Any]:
    chance = reading.chance if isinstance(reading.chance, Chance) else None
    return {
        "key": reading.key,
        "name": reading.name,
        "role": reading.role,
        "people": reading.people,
        "value": known(reading.value),
        **ends(reading.interval),
        "chance_to_be_best": chance and chance.best,
        "expected_loss": chance and chance.expected_loss,
        "revenue": results.revenue.get(reading.key) if with_revenue else None,
        "revenue_per_member": reading.revenue_per_person,
        "rates": {
            key: {"people": rate.n, "did": rate.successes, "rate": rate.rate, **ends(rate.interval)}
            for key, rate in reading.rates.items()
        },
    }


def pair(reading: PairReading) -> dict[str, Any]:
    """Variant minus the other arm: `once` for one look at the end, `always` however often one looks, `pooled`."""
    return {
        "variant": reading.variant,
        "against": reading.against,
        "once": comparison(reading.once),
        "always": difference(reading.always),
        "pooled": difference(reading.pooled),
        "cannot_tell": why(reading.always),
    }


def comparison(reading: Comparison | CannotTell) -> dict[str, Any] | None:
    if isinstance(reading, CannotTell):
        return None
    lift = None if isinstance(reading.lift, CannotTell) else reading.lift
    return {
        **(difference(reading) or {}),
        "p_value": reading.p_value,
        "lift": lift and {"estimate": lift.estimate, **ends(lift.interval)},
        "method": reading.method,
    }


def difference(reading: Comparison | AlwaysValid | Pooled | CannotTell) -> dict[str, Any] | None:
    if isinstance(reading, CannotTell):
        return None
    return {"difference": reading.difference, **ends(reading.interval), "p_value": getattr(reading, "p_value", None)}


def ratio(check: RatioCheck | CannotTell) -> dict[str, Any] | None:
    if isinstance(check, CannotTell):
        return None
    return {
        "is_suspect": check.is_suspect,
        "p_value": check.p_value,
        "counted": dict(check.counted),
        "expected": dict(check.expected),
    }


def detectable(found: Detectable | CannotTell) -> dict[str, Any] | None:
    if isinstance(found, CannotTell):
        return None
    return {"difference": found.difference, "lift": found.lift, "power": found.power}


def caused(money: Caused | CannotTell) -> dict[str, Any] | None:
    """Revenue beyond what the hold-out shows would have come anyway."""
    if isinstance(money, CannotTell):
        return None
    return {
        "total": money.total,
        **ends(money.total_interval),
        "per_member": money.per_person,
        "cost": money.cost,
        "net": money.net,
        "return_on_spend": known(money.return_on_spend),
        "return_low": ends(money.return_interval)["low"],
        "return_high": ends(money.return_interval)["high"],
    }


def adjustment(found: Adjustment | CannotTell) -> dict[str, Any] | None:
    """What past spend took out of the variance (CUPED), and whether that was enough to use it."""
    if isinstance(found, CannotTell):
        return None
    return {"variance_removed": found.variance_removed, "is_used": found.is_helpful}


def ends(interval: Interval | CannotTell) -> dict[str, float | None]:
    if isinstance(interval, CannotTell):
        return {"low": None, "high": None}
    return {"low": interval.low, "high": interval.high}


def known(value: Any) -> Any:
    return None if isinstance(value, CannotTell) else value


def why(value: Any) -> str | None:
    return value.code if isinstance(value, CannotTell) else None


def decisions_table(results: Results) -> Iterator[tuple[Any, ...]]:
    """One row per group with its decision and its reason, headings first."""
    yield ("group", "people", "decision", "variant", "why", "q_value")
    for one in results.groups:
        told = decision(results, one)
        yield one.name, one.people, told["kind"], told["variant"], told["sentence"], told["q_value"]


def comparisons_table(results: Results) -> Iterator[tuple[Any, ...]]:
    """One row per group and pair of arms: the difference, valid at every look and at one look, headings first."""
    ways = ("always", "once", "pooled")
    yield ("group", "variant", "against", *(f"{way}_{name}" for way in ways for name in DIFFERENCE), "cannot_tell")
    for one in results.groups:
        for told in map(pair, one.pairs):
            figures = ((told[way] or {}).get(name) for way in ways for name in DIFFERENCE)
            yield one.name, told["variant"], told["against"], *figures, told["cannot_tell"]


def guardrails_table(results: Results) -> Iterator[tuple[Any, ...]]:
    """One row per limit and version, headings first."""
    yield ("guardrail", "variant", "rate", "ceiling", "allowed_rise", "is_broken")
    yield from (tuple(one.values()) for one in guardrails(results))


def caused_table(results: Results) -> Iterator[tuple[Any, ...]]:
    """One row per group and version: revenue it caused, headings first."""
    yield ("group", "variant", *CAUSED)
    for one in results.groups:
        for key, found in one.caused.items():
            told = caused(found) or {}
            yield one.name, key, *(told.get(name) for name in CAUSED)


DIFFERENCE = ("difference", "low", "high", "p_value")
CAUSED = ("total", "low", "high", "per_member", "cost", "net", "return_on_spend", "return_low", "return_high")
HEADINGS = ("group", "arm", "people", "goal", "low", "high", "chance_to_be_best", "revenue_per_member")
RATES = ("conversion", "open", "open_any", "click", "click_any", "unsubscribe", "complaint", "bounce")
CALLS = ("reached", "agreed", "declined")


def table(results: Results) -> Iterator[tuple[Any, ...]]:
    """One row per group and arm, headings first: what a spreadsheet opens."""
    names = (*RATES, *(CALLS if results.campaign.channel == "phone" else ()))
    yield (*HEADINGS, *names)
    for one in shape(results)["groups"]:
        for told in one["arms"]:
            values = (told[name] for name in ("people", "value", "low", "high", *HEADINGS[6:]))
            rates = (told["rates"].get(key, {}).get("rate") for key in names)
            yield one["name"], told["key"], *values, *rates


def waves_table(results: Results) -> Iterator[tuple[Any, ...]]:
    """One row per wave and version, headings first."""
    yield ("wave", "opened_at", "variant", "share", "people", "seen_people", "seen_value")
    for one in results.waves:
        for key, share in one.shares.items():
            seen = one.seen.get(key, {})
            yield one.number, one.opened_at, key, share, one.people.get(key, 0), seen.get("people"), seen.get("value")


TABLES = {
    "arms": table,
    "decisions": decisions_table,
    "comparisons": comparisons_table,
    "guardrails": guardrails_table,
    "caused": caused_table,
    "waves": waves_table,
}

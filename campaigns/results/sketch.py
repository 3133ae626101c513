"""Before the launch: what this audience could show, in words a marketer can act on."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from django.db.models import QuerySet
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from campaigns import audience
from campaigns.approval import FLOOR
from campaigns.experiments import words as experiment_words
from campaigns.experiments.answers import CannotTell
from campaigns.experiments.plan import Plan
from campaigns.experiments.report import detectable, people_needed
from campaigns.experiments.sequential import FEWEST_SUCCESSES
from campaigns.experiments.waves import worst_case
from campaigns.models import Campaign
from campaigns.results.evidence import HOLD_OUT
from campaigns.results.planned import Baseline, arm_names, baseline, plan
from campaigns.results.words import language
from crm import answers, figures
from crm import queries as crm_queries

MANY_VERSIONS = 3


@dataclass(frozen=True)
class Line:
    """One group, the smallest effect that it would show, and the people that the effect worth acting on needs."""

    name: str
    people: int
    text: str
    is_enough: bool
    need: str = ""


@dataclass(frozen=True)
class Sketch:
    """What the members did before in one sentence, a line per group, how long it takes, and what to mend first.

    There are no lines when nothing is compared.
    """

    expectation: str
    lines: tuple[Line, ...]
    meaning: str = ""
    duration: str = ""
    price: str = ""
    warnings: tuple[str, ...] = ()


@dataclass(frozen=True)
class Arms:
    """What is compared: weights by key and the share held out (0–1)."""

    weights: Mapping[str, int]
    holdout_share: Any
    mass: str = ""
    waves: int = 1
    wave_hours: int = 24


def of_campaign(campaign: Campaign, people: int, *, at: datetime) -> Sketch:
    """The sketch of a saved campaign for `people` who would get it."""
    written = list(campaign.variants.values_list("key", "weight", "is_mass"))
    mass = next((key for key, _weight, is_mass in written if is_mass), "")
    weights = {key: weight for key, weight, _is_mass in written}
    arms = Arms(weights, campaign.holdout_share, mass, campaign.waves, campaign.wave_hours)
    segments = list(campaign.include.all())
    states = audience.ledgers(campaign)
    return sketch(campaign, arms, segments, before(campaign, audience.members(campaign, at), states, at), people)


def of_form(
    campaign: Campaign,
    arms: Arms,
    include: Sequence[Any],
    exclude: Sequence[Any],
    *,
    at: datetime,
    people: int | None = None,
) -> Sketch:
    """The sketch of what stands in a form, saved or not, for `people` who would get it; where nobody has counted those,
    everyone in the segments counts as reached."""
    members = audience.members_of([one.pk for one in include], [one.pk for one in exclude], at)
    states = [*audience.states_of(include), *audience.states_of(exclude, is_out=True)]
    whose = [(pk, is_out) for pk, _version, is_out in states]
    if people is None:
        people = answers.kept(f"members of:{whose}", (at.date(), states), members.count)
    return sketch(campaign, arms, include, before(campaign, members, states, at), people)


def before(campaign: Campaign, members: QuerySet, states: Sequence[Any], at: datetime) -> Baseline:
    """What the members did before, read again on another day, for other people and after new facts."""
    whose = [(pk, is_out) for pk, _version, is_out in states]
    asked = (campaign.goal, campaign.goal_event, campaign.window_days, campaign.currency, whose)
    rests_on = (at.date(), states, answers.newest(*crm_queries.MARKS_OF_FACTS))
    return answers.kept(f"baseline:{asked}", rests_on, lambda: baseline(campaign, at, members))


def sketch(campaign: Campaign, arms: Arms, segments: Sequence[Any], known: Baseline, people: int) -> Sketch:
    reached = people / known.people if known.people else 1.0  # of the members, in every segment alike
    known = replace(known, people=people)
    expectation = expected(campaign, known)
    if not any(arms.weights.values()) or not people:
        return Sketch(expectation, ())
    fixed = planned(campaign, arms, known)
    apart = segments if len(segments) > 1 else ()
    groups = [(_("Everybody"), people), *((one.name, min(round(one.size * reached), people)) for one in apart)]
    segments_read = len(groups) - 1
    lines = tuple(
        line(campaign, fixed, name, count, segments=segments_read if place else 1)
        for place, (name, count) in enumerate(groups)
    )
    return Sketch(
        expectation,
        lines,
        meaning(fixed, segments_read),
        duration(campaign, arms),
        price(arms, fixed),
        tuple(cautions(campaign, fixed, known, groups[1:])),
    )


def meaning(fixed: Plan, segments: int) -> str:
    """What has to happen for an effect to count as found; empty where two arms are compared in one group."""
    told = []
    if len(fixed.variants) > 1 and fixed.control:
        told.append(_("Found means that a version is chosen: it has to beat every other and the hold-out."))
    elif len(fixed.variants) > 2:
        told.append(_("Found means that a version is chosen: it has to beat every other."))
    if segments > 1:
        told.append(_("In a segment it is found even if no other segment has such an effect."))
    return " ".join(told)


def duration(campaign: Campaign, arms: Arms) -> str:
    """How long it runs: the window decides, after the last wave where there are several."""
    if arms.waves > 1:
        text = ngettext(
            "It runs for %(days)s day after the last wave. Look whenever you like: the figures stay valid.",
            "It runs for %(days)s days after the last wave. Look whenever you like: the figures stay valid.",
            campaign.window_days,
        )
        return text % {"days": campaign.window_days}
    text = ngettext(
        "It runs for %(days)s day from the send. Look whenever you like: the figures stay valid.",
        "It runs for %(days)s days from the send. Look whenever you like: the figures stay valid.",
        campaign.window_days,
    )
    return text % {"days": campaign.window_days}


def price(arms: Arms, fixed: Plan) -> str:
    """What waves cost in certainty, at worst; empty where everybody is written to at once."""
    versions = len(fixed.variants)
    if arms.waves < 2 or versions < 2:
        return ""
    kept = worst_case(versions, arms.waves, FLOOR)
    said = {
        "waves": figures.number(arms.waves),
        "hours": figures.number(arms.wave_hours),
        "floor": figures.share(FLOOR / versions, 0),
        "times": figures.number(1 / kept, 1),
    }
    return (
        _(
            "It leaves in %(waves)s waves, %(hours)s hours apart. A version that falls behind may get as little as "
            "%(floor)s of the later ones, so at worst the same certainty takes %(times)s times as many people."
        )
        % said
    )


def cautions(campaign: Campaign, fixed: Plan, known: Baseline, segments: Sequence[tuple[str, int]]) -> Iterator[str]:
    """What a reader of the report would wish had been otherwise, said before it is too late."""
    yield from about_arms(fixed)
    yield from about_responses(campaign, fixed, known)
    if sum(count for _name, count in segments) > fixed.people:
        yield _("Some people are in several of these segments; they count in each.")


def about_arms(fixed: Plan) -> Iterator[str]:
    if not fixed.hold_out:
        yield _("Nobody is held out: you will learn which version is better, not what the campaign brought.")
    elif not fixed.control:
        yield _("People who are held out cannot click, so they count for caused revenue only, not for this goal.")
    if not fixed.pairs:
        yield _("There is nothing to compare: write a second version or hold some people out.")
    if len(fixed.variants) > MANY_VERSIONS:
        yield _("Each further version makes every arm smaller: two are found out soonest.")


def about_responses(campaign: Campaign, fixed: Plan, known: Baseline) -> Iterator[str]:
    if fixed.goal.kind != "rate" or not fixed.pairs:
        return
    if campaign.goal != "click" and known.expected * (known.people + 1) < 1:
        said: dict[str, Any] = {"event": campaign.goal_event, "days": campaign.window_days}
        yield _("Nobody here did “%(event)s” in the last %(days)s days. Is that the event you mean?") % said
    smallest = min(fixed.share(arm.key) for arm in fixed.arms if arm.weight) * fixed.people * known.expected
    if smallest < FEWEST_SUCCESSES:
        said = {"count": figures.number(smallest, 1), "needed": FEWEST_SUCCESSES}
        yield _("The smallest arm would see about %(count)s responses; below %(needed)s nothing can be told.") % said


def planned(campaign: Campaign, arms: Arms, known: Baseline) -> Plan:
    settings = {
        "goal": campaign.goal,
        "weights": arms.weights,
        "holdout_share": arms.holdout_share,
        "guardrails": campaign.guardrails,
        "worthwhile_lift": campaign.worthwhile_lift,
        "mass": arms.mass,
    }
    names = arm_names(campaign) if campaign.pk else {HOLD_OUT: _("Hold-out")}
    return plan(settings, known, names, float(campaign.cost_per_message_amount))


def expected(campaign: Campaign, known: Baseline) -> str:
    """What the members do anyway."""
    if not known.is_known:
        return _("Nothing like this happened before, so a cautious guess stands in.")
    if known.deviation is not None:
        said = {"amount": figures.money(known.expected, campaign.currency), "days": campaign.window_days}
        text = ngettext(
            "Over %(days)s day these people usually bring %(amount)s each.",
            "Over %(days)s days these people usually bring %(amount)s each.",
            campaign.window_days,
        )
        return text % said
    said = {"share": figures.share(known.expected), "days": campaign.window_days}
    if campaign.goal == "click":
        return _("In earlier campaigns %(share)s of people clicked.") % said
    text = ngettext(
        "Over %(days)s day %(share)s of these people do this anyway.",
        "Over %(days)s days %(share)s of these people do this anyway.",
        campaign.window_days,
    )
    return text % said


def line(campaign: Campaign, fixed: Plan, name: str, people: int, *, segments: int) -> Line:
    told = detectable(fixed, people, segments=segments)
    if isinstance(told, CannotTell):
        return Line(name, people, experiment_words.sentence(told, language=language()), is_enough=False)
    is_money = fixed.goal.kind == "mean"
    size = figures.money(told.difference, campaign.currency) if is_money else figures.points(told.difference)
    said = {"size": size, "lift": figures.share(told.lift, 0), "people": figures.number(people)}
    text = ngettext(
        "%(people)s person: an effect of %(size)s or more (%(lift)s of the usual) is found four times in five.",
        "%(people)s people: an effect of %(size)s or more (%(lift)s of the usual) is found four times in five.",
        people,
    )
    return Line(name, people, text % said, is_enough=told.lift <= 1, need=need(fixed, people, segments))


def need(fixed: Plan, people: int, segments: int) -> str:
    """How many people the smallest effect worth acting on needs, and how many such audiences that is."""
    needed = people_needed(fixed, segments=segments)
    if isinstance(needed, CannotTell) or not fixed.worthwhile:
        return ""
    said = {"lift": figures.share(fixed.worthwhile / fixed.goal.expected, 0), "needed": figures.number(needed)}
    if needed <= people:
        return _("To find %(lift)s more takes %(needed)s people: there are enough.") % said
    times = needed / max(people, 1)
    said["times"] = figures.number(times, 1 if times < 10 else 0)
    return _("To find %(lift)s more takes %(needed)s people: %(times)s times as many.") % said

"""Before the launch: what this audience could show, in words a marketer can act on."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from django.db.models import QuerySet
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from campaigns import audience
from campaigns.experiments import words as experiment_words
from campaigns.experiments.answers import CannotTell
from campaigns.experiments.plan import Plan
from campaigns.experiments.report import detectable
from campaigns.models import Campaign
from campaigns.results.evidence import HOLD_OUT
from campaigns.results.planned import Baseline, arm_names, baseline, plan
from campaigns.results.words import language
from crm import figures


@dataclass(frozen=True)
class Line:
    """One group and the smallest effect that it would show."""

    name: str
    people: int
    text: str
    is_enough: bool


@dataclass(frozen=True)
class Sketch:
    """What the members did before in one sentence, and a line per group; no lines when nothing is compared."""

    expectation: str
    lines: tuple[Line, ...]


@dataclass(frozen=True)
class Arms:
    """What is compared: weights by key and the share held out (0–1)."""

    weights: Mapping[str, int]
    holdout_share: Any


def of_campaign(campaign: Campaign, people: int, *, at: datetime) -> Sketch:
    """The sketch of a saved campaign for `people` who would get it."""
    arms = Arms(dict(campaign.variants.values_list("key", "weight")), campaign.holdout_share)
    segments = list(campaign.include.all())
    return sketch(campaign, arms, segments, audience.members(campaign, at), people, at=at)


def of_form(campaign: Campaign, arms: Arms, include: Sequence[Any], exclude: Sequence[Any], *, at: datetime) -> Sketch:
    """The sketch of what stands in the editor, saved or not; everyone in the segments counts as reached."""
    members = audience.members_of([one.pk for one in include], [one.pk for one in exclude], at)
    return sketch(campaign, arms, include, members, members.count(), at=at)


def sketch(
    campaign: Campaign, arms: Arms, segments: Sequence[Any], members: QuerySet, people: int, *, at: datetime
) -> Sketch:
    known = replace(baseline(campaign, at, members), people=people)
    expectation = expected(campaign, known)
    if not any(arms.weights.values()) or not people:
        return Sketch(expectation, ())
    fixed = planned(campaign, arms, known)
    groups = [(_("Everybody"), people), *((one.name, min(one.size, people)) for one in segments if len(segments) > 1)]
    return Sketch(expectation, tuple(line(campaign, fixed, name, count) for name, count in groups))


def planned(campaign: Campaign, arms: Arms, known: Baseline) -> Plan:
    settings = {
        "goal": campaign.goal,
        "weights": arms.weights,
        "holdout_share": arms.holdout_share,
        "guardrails": campaign.guardrails,
    }
    names = arm_names(campaign) if campaign.pk else {HOLD_OUT: _("Hold-out")}
    return plan(settings, known, names, float(campaign.cost_per_message_amount))


def expected(campaign: Campaign, known: Baseline) -> str:
    """What the members do anyway."""
    if not known.is_known:
        return _("Nothing like this happened before, so a cautious guess stands in.")
    if known.deviation is not None:
        said = {"amount": figures.money(known.expected, campaign.currency), "days": campaign.window_days}
        return _("Over %(days)s days these people usually bring %(amount)s each.") % said
    said = {"share": figures.share(known.expected), "days": campaign.window_days}
    if campaign.goal == "click":
        return _("In earlier campaigns %(share)s of people clicked.") % said
    return _("Over %(days)s days %(share)s of these people do this anyway.") % said


def line(campaign: Campaign, fixed: Plan, name: str, people: int) -> Line:
    told = detectable(fixed, people)
    if isinstance(told, CannotTell):
        return Line(name, people, experiment_words.sentence(told, language=language()), is_enough=False)
    is_money = fixed.goal.kind == "mean"
    size = figures.money(told.difference, campaign.currency) if is_money else figures.share(told.difference)
    said = {"size": size, "lift": figures.share(told.lift, 0), "people": figures.number(people)}
    text = ngettext(
        "%(people)s person: an effect of %(size)s or more (%(lift)s of the usual) is found four times in five.",
        "%(people)s people: an effect of %(size)s or more (%(lift)s of the usual) is found four times in five.",
        people,
    )
    return Line(name, people, text % said, is_enough=told.lift <= 1)

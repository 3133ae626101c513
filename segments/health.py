"""What is known of each segment for its health: cheap facts read with the page, dear ones measured on the timetable."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import date, datetime, timedelta
from typing import Any

import numpy as np
from django.conf import settings
from django.utils import timezone
from django.utils.translation import gettext as _

from crm.rights import machine
from profiles import queries as profile_queries
from profiles.catalogue import Feature
from profiles.queries import Association
from segments import crossings, evaluation, grading, uses, wording
from segments.grading import Facts, Health
from segments.models import Segment, SegmentKind, SegmentPurpose
from segments.rules import needs, reading, tree
from segments.rules.errors import RuleError

THIN_SHARE = 0.5
OLD_AFTER = timedelta(days=365)
EVERYTHING = machine("health")  # the letter is the same whoever looks


def of_segments(found: Iterable[Segment], *, at: datetime) -> dict[int, Health]:
    """The health of each segment by its id: as many questions for fifty as for one."""
    features, found = evaluation.catalogue(), list(found)
    used = {pk for pk, some in uses.of_segments(EVERYTHING, found).items() if some}
    return {one.pk: grading.health(facts(one, features, is_used=one.pk in used, at=at)) for one in found}


def facts(one: Segment, features: Mapping[str, Feature], *, is_used: bool, at: datetime) -> Facts:
    """Everything the checks look at, from the segment's row."""
    rule, measured = rule_of(one, features), one.measured
    like = measured.get("nearest") or {}
    return Facts(
        size=one.size,
        everyone=measured.get("everyone"),
        least=least_testable(),
        is_usable=one.refreshed_at is not None,
        trouble=trouble(one, at=at),
        has_owner=one.owner_id is not None,
        is_used=is_used,
        days_overdue=max(0, (timezone.localdate(at) - review_due(one, is_used=is_used)).days),
        like=like.get("name", ""),
        likeness=like.get("jaccard", 0.0),
        is_demographic=bool(rule and needs.demographics_only(rule, features)),
        thin=labels(measured.get("thin", ()), features),
        old=labels(measured.get("old", ()), features),
        sensitive=labels(needs.special_features(rule, features) if rule else (), features),
        proxies=labels(measured.get("proxies", ()), features),
    )


def trouble(one: Segment, *, at: datetime) -> str:
    """Why its membership cannot be relied on now; empty when it can."""
    if one.kind == SegmentKind.STATIC or (one.refreshed_at is None and not one.error):
        return ""
    if one.error:
        return _("Its refresh fails")
    limit = timedelta(minutes=one.stale_after_minutes)
    return _("Its members are out of date") if one.refreshed_at and at - one.refreshed_at > limit else ""


def review_due(one: Segment, *, is_used: bool) -> date:
    """Yearly, quarterly while it is in use, from the last review; earlier when somebody set a day."""
    days = grading.USED_REVIEW_DAYS if is_used else grading.REVIEW_DAYS
    due = timezone.localdate(one.reviewed_at or one.created_at) + timedelta(days=days)
    return min(due, one.review_on) if one.review_on else due


def least_testable() -> int:
    """Members a segment needs before a test of two versions can find the smallest effect worth testing."""
    return grading.least_testable(settings.SEGMENT_BASE_RATE, settings.SEGMENT_SMALLEST_EFFECT)


def rule_of(one: Segment, features: Mapping[str, Feature]) -> tree.Rule | None:
    """The segment's rule; None where there is none that can be read."""
    if not one.rule:
        return None
    try:
        return reading.read_rule(one.rule, reading.Known(features=features))
    except RuleError:
        return None


def labels(keys: Iterable[str], features: Mapping[str, Feature]) -> tuple[str, ...]:
    return tuple(wording.said(features[key]) for key in keys if key in features)


# --- measured on the timetable -------------------------------------------------------------------


def measured(found: Sequence[Segment], *, at: datetime) -> dict[int, dict[str, Any]]:
    """What takes a pass over memberships and profiles to know, by the segment's id; plain JSON values."""
    features, quality = evaluation.catalogue(), quality_by_key()
    customers, near, alike = everyone(at=at), nearest(found), associations()
    return {
        one.pk: {
            "everyone": customers,
            "nearest": near.get(one.pk),
            "proxies": [row.feature for row in proxies_in(one, features, alike)],
            **doubts(used_features(one, features), quality),
        }
        for one in found
    }


def associations() -> tuple[Association, ...]:
    """Features that tell those which must not be used; none before the profiles are built."""
    try:
        return profile_queries.proxies()
    except (profile_queries.NoSnapshot, profile_queries.EngineError):
        return ()


def proxies_in(
    one: Segment, features: Mapping[str, Feature], alike: Sequence[Association], rule: tree.Rule | None = None
) -> list[Association]:
    """What may stand for a guarded field in the rule of a marketing segment."""
    rule = rule or rule_of(one, features)
    if rule is None or one.purpose != SegmentPurpose.MARKETING:
        return []
    return profile_queries.standing_for(needs.needs(rule).features, alike)


def everyone(*, at: datetime) -> int | None:
    """How many customers there are; None before the profiles are built."""
    try:
        return evaluation.engine(at=at).size(tree.Rule(tree.Everyone()))
    except (evaluation.NotEvaluable, profile_queries.EngineError):
        return None


def nearest(found: Sequence[Segment]) -> dict[int, dict[str, Any]]:
    """For each segment the one most like it."""
    alike = crossings.overlap([one.pk for one in found])
    jaccard = alike.jaccard
    np.fill_diagonal(jaccard, -1)
    best = jaccard.argmax(axis=1) if len(found) > 1 else []
    return {
        found[i].pk: {
            "slug": found[j].slug,
            "name": found[j].name,
            "jaccard": round(float(jaccard[i, j]), 4),
            "shared": int(alike.shared[i, j]),
        }
        for i, j in enumerate(best)
    }


def used_features(one: Segment, features: Mapping[str, Feature]) -> frozenset[str]:
    rule = rule_of(one, features)
    return needs.needs(rule).features if rule else frozenset()


def quality_by_key() -> dict[str, dict[str, Any]]:
    """Per feature that is not computed: the share of customers it is known of, and whether it is old."""
    try:
        snapshot = profile_queries.current()
        rows = profile_queries.quality()
    except (profile_queries.NoSnapshot, profile_queries.EngineError):
        return {}
    return {
        row.feature.key: {
            "coverage": row.coverage_share,
            "is_old": row.changed_at is not None and row.changed_at < snapshot.as_of - OLD_AFTER,
        }
        for row in rows
        if row.feature.source != "computed"
    }


def doubts(keys: Iterable[str], quality: Mapping[str, Mapping[str, Any]]) -> dict[str, list[str]]:
    """Features of a rule that are known of too few, or were not touched for long."""
    seen = {key: quality[key] for key in sorted(keys) if key in quality}
    return {
        "thin": [key for key, row in seen.items() if row["coverage"] < THIN_SHARE],
        "old": [key for key, row in seen.items() if row["is_old"]],
    }

"""The results of one run: the report of the experiment, and what else its reader asks at once."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from decimal import Decimal
from typing import Any

from django.db.models import Count
from django.utils.translation import get_language

from campaigns.conversions import allocated, ends_at
from campaigns.experiments.plan import Plan
from campaigns.experiments.report import Evidence, GroupReading, Report, report
from campaigns.experiments.sufficient import Sample
from campaigns.experiments.waves import certainty_kept
from campaigns.models import Attempt, Campaign, Response, Run
from campaigns.results.evidence import HOLD_OUT, evidence
from campaigns.results.planned import plan_of_run
from crm import answers
from crm import queries as crm_queries


@dataclass(frozen=True)
class DealtWave:
    """One wave: its shares, what they rested on, and how many people each version was dealt."""

    number: int
    due_at: datetime
    opened_at: datetime | None
    shares: Mapping[str, float]
    seen: Mapping[str, Any]
    people: Mapping[str, int]


@dataclass(frozen=True)
class Results:
    """What a run brought. `report` holds every figure; `revenue` the money per arm after returns, to the penny.

    `read_at` is up to when orders were looked at (None: not yet); the window ends at `window_ends_at`; `marks` move
    when anything comes that the sums rest on.
    """

    campaign: Campaign
    run: Run
    report: Report
    revenue: Mapping[str, Decimal]
    read_at: datetime | None
    window_ends_at: datetime
    waves: tuple[DealtWave, ...] = ()
    marks: Any = None

    @property
    def is_window_over(self) -> bool:
        """Whether everything that can count has been read."""
        return self.read_at is not None and self.read_at >= self.window_ends_at

    @property
    def groups(self) -> tuple[GroupReading, ...]:
        """Everybody, then the segments."""
        return (self.report.overall, *self.report.segments)

    @property
    def certainty_kept(self) -> float | None:
        """What one person taught in waves, compared with an even split (0–1); None without waves."""
        dealt = [one.people for one in self.waves if one.people]
        return certainty_kept(dealt) if dealt else None

    @property
    def names(self) -> dict[str, str]:
        """What each arm is called, by key."""
        return {arm.key: arm.name for arm in self.report.plan.arms}


def results(run: Run) -> Results:
    """Read a sealed run: its rows are added up again when some have come since, and the sums read when they differ."""
    names = segment_names(run)
    marks = newest(run)
    overall, segments = answers.kept(f"evidence:{run.pk}", (names, marks), lambda: evidence(run, names))
    plan = replace(plan_of_run(run), people=overall.size)
    return Results(
        campaign=run.campaign,
        run=run,
        report=answers.kept(
            f"report:{run.pk}:{get_language()}",
            (plan, overall, segments),
            lambda: report(plan, segments, overall),
        ),
        revenue=money(overall),
        read_at=run.attributed_at,
        window_ends_at=ends_at(run),
        waves=dealt_waves(run),
        marks=marks,
    )


def dealt_waves(run: Run) -> tuple[DealtWave, ...]:
    """The waves of a run, none where everybody was dealt at once."""
    if run.plan.get("waves", 1) == 1:
        return ()
    counted = allocated(run).filter(variant__isnull=False).values_list("wave", "variant__key").annotate(n=Count("pk"))
    people: dict[int, dict[str, int]] = {}
    for wave, key, count in counted:
        people.setdefault(wave, {})[key] = count
    return tuple(
        DealtWave(one.number, one.due_at, one.opened_at, one.shares, one.seen, people.get(one.number, {}))
        for one in run.waves.order_by("number")
    )


def so_far(run: Run) -> tuple[Plan, dict[str, Sample]]:
    """The plan of a run and what each of its versions shows by now, for the shares of its next wave."""
    overall, _segments = evidence(run, {})
    return plan_of_run(run), {key: arm.goal for key, arm in overall.arms.items() if key != HOLD_OUT}


def money(overall: Evidence) -> dict[str, Decimal]:
    return {key: Decimal(arm.revenue.total) for key, arm in overall.arms.items() if arm.revenue}


def segment_names(run: Run) -> dict[int, str]:
    """The segments it was sent to, by id."""
    return dict(run.campaign.include.order_by("name").values_list("pk", "name"))


def newest(run: Run) -> tuple[Any, ...]:
    """Marks that move when anything is written that the sums rest on, each read off the end of an index."""
    marks = answers.newest((Response, "id"), (Attempt, "id"), *crm_queries.MARKS_OF_FACTS)
    return (run.status, run.attributed_at is not None, marks)

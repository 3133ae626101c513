"""The results of one run: the report of the experiment, and what else its reader asks at once."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from decimal import Decimal
from typing import Any

from django.utils.translation import get_language

from campaigns.conversions import ends_at
from campaigns.experiments.report import Evidence, GroupReading, Report, report
from campaigns.models import Attempt, Campaign, Response, Run
from campaigns.results.evidence import evidence
from campaigns.results.planned import plan_of_run
from crm import answers
from crm import queries as crm_queries


@dataclass(frozen=True)
class Results:
    """What a run brought. `report` holds every figure; `revenue` the money per arm after returns, to the penny.

    `read_at` is up to when orders were looked at (None: not yet); the window ends at `window_ends_at`.
    """

    campaign: Campaign
    run: Run
    report: Report
    revenue: Mapping[str, Decimal]
    read_at: datetime | None
    window_ends_at: datetime

    @property
    def is_window_over(self) -> bool:
        """Whether everything that can count has been read."""
        return self.read_at is not None and self.read_at >= self.window_ends_at

    @property
    def groups(self) -> tuple[GroupReading, ...]:
        """Everybody, then the segments."""
        return (self.report.overall, *self.report.segments)

    @property
    def names(self) -> dict[str, str]:
        """What each arm is called, by key."""
        return {arm.key: arm.name for arm in self.report.plan.arms}


def results(run: Run) -> Results:
    """Read a sealed run: its rows are added up again when some have come since, and the sums read when they differ."""
    names = segment_names(run)
    overall, segments = answers.kept(f"evidence:{run.pk}", (names, newest(run)), lambda: evidence(run, names))
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
    )


def money(overall: Evidence) -> dict[str, Decimal]:
    return {key: Decimal(arm.revenue.total) for key, arm in overall.arms.items() if arm.revenue}


def segment_names(run: Run) -> dict[int, str]:
    """The segments it was sent to, by id."""
    return dict(run.campaign.include.order_by("name").values_list("pk", "name"))


def newest(run: Run) -> tuple[Any, ...]:
    """Marks that move when anything is written that the sums rest on, each read off the end of an index."""
    marks = answers.newest((Response, "id"), (Attempt, "id"), *crm_queries.MARKS_OF_FACTS)
    return (run.status, run.attributed_at is not None, marks)

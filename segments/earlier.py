"""Sizes from before a segment was made: whom today's rule would have let in at the end of a past day.

One day a week is asked, each at most once a day of the firm: late events and merges move the past a little, and a curve
does not need them sooner.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from itertools import groupby

from django.utils.translation import gettext as _

from crm import answers
from profiles import queries as profile_queries
from segments import evaluation
from segments.evaluation import NotEvaluable
from segments.history import end_of_day
from segments.models import Segment, SegmentKind
from segments.rules import reading, tree

STEP = timedelta(days=7)


@dataclass(frozen=True)
class SizeBefore:
    """How many the rule would have let in at the end of the day; None where the `reason` says why nobody can tell."""

    day: date
    size: int | None
    reason: str = ""


@dataclass(frozen=True)
class Untold:
    """Days that follow each other of which nothing can be told, for one reason."""

    first: date
    last: date
    reason: str


def days_before(made: date, *, first: date) -> list[date]:
    """The day before it was made and every seventh before that, not before the first; oldest first."""
    count = (made - timedelta(days=1) - first) // STEP + 1
    return [made - timedelta(days=1) - n * STEP for n in reversed(range(max(0, count)))]


def sizes(
    segment: Segment, days: Sequence[date], *, today: date, tell: Callable[[int], None] | None = None
) -> tuple[SizeBefore, ...]:
    """The size of each day, in the visitor's language where it cannot be told. Raises NotEvaluable, RuleError.

    Whoever wants to be told how far it is gets it day by day, each kept as it comes.
    """
    if not days:
        return ()
    unknown = evaluation.unknown_then(_rule(segment))
    reasons = {day: unknown(end_of_day(day)) for day in days}
    asked = {day.toordinal(): today for day in days if not reasons[day]}
    name = f"before:{segment.pk}:{segment.rule_version}"
    known: dict[int, int | None] = {}
    for done, some in enumerate([{day: asked[day]} for day in asked] if tell else [asked]):
        known |= answers.kept_of_each(name, some, lambda missing: _counted(segment, missing))
        if tell:
            tell(done + 1)
    return tuple(_told(day, reasons[day], known.get(day.toordinal())) for day in days)


def _told(day: date, reason: str, size: int | None) -> SizeBefore:
    return SizeBefore(day, size, reason or ("" if size is not None else nobody()))


def _counted(segment: Segment, ordinals: Iterable[int]) -> dict[int, int | None]:
    rule = _rule(segment)
    return {number: counted(rule, end_of_day(date.fromordinal(number))) for number in ordinals}


def counted(rule: tree.Rule, moment: datetime) -> int | None:
    """How many the rule lets in as of the moment; None when no customer was known then. Raises NotEvaluable."""
    engine, first = evaluation.engine(at=moment), profile_queries.first_customer()
    return engine.size(rule) if first and first <= moment else None


def size_then(segment: Segment, *, as_of: datetime) -> int:
    """How many today's rule would have let in at a past moment. Raises NotEvaluable with the reason, RuleError."""
    rule = _rule(segment)
    if evaluation.engine(at=as_of).is_past:
        evaluation.refuse_unknown(rule, at=as_of)
    found = counted(rule, as_of)
    if found is None:
        raise NotEvaluable(nobody())
    return found


def untold(found: Iterable[SizeBefore]) -> list[Untold]:
    """The days of which nothing can be told, those of one reason together."""
    stretches = [(reason, list(days)) for reason, days in groupby(found, key=lambda one: one.reason) if reason]
    return [Untold(days[0].day, days[-1].day, reason) for reason, days in stretches]


def nobody() -> str:
    return _("No customer was known then.")


def _rule(segment: Segment) -> tree.Rule:
    if segment.kind != SegmentKind.RULE:
        raise NotEvaluable(_("Only rule segments have a rule."))
    return reading.read_rule(segment.rule, evaluation.known())

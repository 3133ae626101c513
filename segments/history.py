"""What the ledger says of the past: sizes day by day, who moved, who was in at a moment."""

from dataclasses import dataclass
from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

from django.conf import settings
from django.db.models import Count, Q, QuerySet
from django.db.models.functions import TruncDate

from segments.models import Membership


@dataclass(frozen=True)
class DaySize:
    """Members at the end of a day of the firm, and how many came and went on it."""

    day: date
    size: int
    entered: int
    left: int


def at_moment(moment: datetime) -> Q:
    """Membership rows that were open at `moment`: entered by then, not yet left."""
    return Q(entered_at__lte=moment) & (Q(left_at__isnull=True) | Q(left_at__gt=moment))


def end_of_day(day: date) -> datetime:
    """The moment the firm's day ends: what "as of a day" means."""
    zone = ZoneInfo(settings.FIRM_TIME_ZONE)
    return datetime.combine(day + timedelta(days=1), datetime.min.time(), zone) - timedelta(microseconds=1)


def as_of(segment_id: int, moment: datetime) -> QuerySet[Membership]:
    """Who was in the segment at `moment`."""
    return Membership.objects.filter(at_moment(moment), segment_id=segment_id)


def size_curve(segment_id: int, *, first: date, last: date) -> tuple[DaySize, ...]:
    """Size at the end of each day from `first` to `last`, both included: three counts, whatever the size."""
    zone = ZoneInfo(settings.FIRM_TIME_ZONE)
    start = datetime.combine(first, datetime.min.time(), zone)
    size = as_of(segment_id, start).count()
    entered, left = (_per_day(segment_id, column, start, zone) for column in ("entered_at", "left_at"))
    curve = []
    for day in (first + timedelta(days=n) for n in range((last - first).days + 1)):
        size += entered.get(day, 0) - left.get(day, 0)
        curve.append(DaySize(day, size, entered.get(day, 0), left.get(day, 0)))
    return tuple(curve)


def _per_day(segment_id: int, column: str, start: datetime, zone: ZoneInfo) -> dict[date, int]:
    rows = Membership.objects.filter(**{"segment_id": segment_id, f"{column}__gt": start})
    counted = rows.values_list(TruncDate(column, tzinfo=zone)).annotate(Count("id")).order_by()
    return dict(counted)


def movement(segment_id: int, *, since: datetime) -> tuple[int, int]:
    """(entered, left) since a moment, intervals counted, not people."""
    rows = Membership.objects.filter(segment_id=segment_id)
    return rows.filter(entered_at__gt=since).count(), rows.filter(left_at__gt=since).count()

"""What the ledger says of the past: sizes day by day, who moved, who was in at a moment."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

from django.conf import settings
from django.db.models import Count, Q, QuerySet

from crm import answers
from segments.models import Membership, Segment

CURVE = timedelta(days=90)  # how far back a segment's curve goes


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


def day_of(moment: datetime) -> date:
    """The day of the firm in which a moment lies."""
    return moment.astimezone(ZoneInfo(settings.FIRM_TIME_ZONE)).date()


def end_of_day(day: date) -> datetime:
    """The moment the firm's day ends: what "as of a day" means."""
    zone = ZoneInfo(settings.FIRM_TIME_ZONE)
    return datetime.combine(day + timedelta(days=1), datetime.min.time(), zone) - timedelta(microseconds=1)


def as_of(segment_id: int, moment: datetime) -> QuerySet[Membership]:
    """Who was in the segment at `moment`."""
    return Membership.objects.filter(at_moment(moment), segment_id=segment_id)


def size_curve(segment_id: int, *, first: date, last: date) -> tuple[DaySize, ...]:
    """Size at the end of each day from `first` to `last`, both included."""
    return size_curves([segment_id], first=first, last=last)[segment_id]


def size_curves(segment_ids: Sequence[int], *, first: date, last: date) -> dict[int, tuple[DaySize, ...]]:
    """The curve of each segment by its id; counted again only where the ledger has changed since."""
    versions = dict(Segment.objects.filter(pk__in=segment_ids).values_list("pk", "ledger_version"))
    return answers.kept_of_each(
        f"sizes:{first}:{last}", versions, lambda missing: counted_curves(missing, first=first, last=last)
    )


def counted_curves(segment_ids: Sequence[int], *, first: date, last: date) -> dict[int, tuple[DaySize, ...]]:
    """The curves from the rows: three counts together, however many segments."""
    zone = ZoneInfo(settings.FIRM_TIME_ZONE)
    start = datetime.combine(first, datetime.min.time(), zone)
    rows = Membership.objects.filter(segment_id__in=segment_ids)
    sizes = dict(rows.filter(at_moment(start)).order_by().values_list("segment_id").annotate(Count("id")))
    entered, left = (_per_day(rows, column, start, zone) for column in ("entered_at", "left_at"))
    days = [first + timedelta(days=n) for n in range((last - first).days + 1)]
    return {pk: _curve(sizes.get(pk, 0), days, entered.get(pk, {}), left.get(pk, {})) for pk in segment_ids}


def _curve(
    size: int, days: Sequence[date], entered: Mapping[date, int], left: Mapping[date, int]
) -> tuple[DaySize, ...]:
    curve = []
    for day in days:
        size += entered.get(day, 0) - left.get(day, 0)
        curve.append(DaySize(day, size, entered.get(day, 0), left.get(day, 0)))
    return tuple(curve)


def _per_day(rows: QuerySet[Membership], column: str, start: datetime, zone: ZoneInfo) -> dict[int, dict[date, int]]:
    """How many intervals began or ended on each day, by segment. A refresh moves many at one moment: those are told
    apart by the database, the days here.
    """
    later = rows.filter(**{f"{column}__gt": start}).order_by()
    found: dict[int, dict[date, int]] = {}
    for pk, moment, count in later.values_list("segment_id", column).annotate(Count("id")):
        of_segment, day = found.setdefault(pk, {}), moment.astimezone(zone).date()
        of_segment[day] = of_segment.get(day, 0) + count
    return found


def movement(segment_id: int, *, since: datetime) -> tuple[int, int]:
    """(entered, left) since a moment, intervals counted, not people."""
    rows = Membership.objects.filter(segment_id=segment_id)
    return rows.filter(entered_at__gt=since).count(), rows.filter(left_at__gt=since).count()

"""Time in a rule: one moment of evaluation, the firm's calendar days, and their borders in UTC."""

from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from functools import lru_cache
from zoneinfo import ZoneInfo

EARLIEST = 1970
STAND_IN = 617_283
DayRange = tuple[date | None, date | None]


@dataclass(frozen=True)
class Moment:
    """The moment a rule is evaluated for, and the firm's time zone. `as_of` must be aware."""

    as_of: datetime
    zone: ZoneInfo

    def __post_init__(self) -> None:
        if self.as_of.tzinfo is None:
            raise ValueError("as_of must carry a time zone")

    @property
    def now(self) -> datetime:
        """`as_of` as the engine holds times: UTC without a zone."""
        return self.as_of.astimezone(UTC).replace(tzinfo=None)

    @property
    def today(self) -> date:
        """The firm's calendar day at `as_of`."""
        return self.as_of.astimezone(self.zone).date()

    def of_the_day(self) -> "Moment":
        """One moment that stands for all of the same day: just after it begins, at microseconds no day begins with."""
        begins = self.begins(self.today).replace(tzinfo=UTC)
        return Moment(begins + timedelta(microseconds=STAND_IN), self.zone)

    def ago(self, days: int) -> date:
        """The firm's calendar day so many days before today."""
        return self.today - timedelta(days=days)

    def begins(self, day: date) -> datetime:
        """When the firm's day begins, UTC without a zone."""
        return datetime.combine(day, time.min, tzinfo=self.zone).astimezone(UTC).replace(tzinfo=None)

    def borders(self, days: DayRange) -> tuple[datetime | None, datetime | None]:
        """A half-open range of days as a half-open range of UTC times."""
        first, after = days
        return self.begins(first) if first else None, self.begins(after) if after else None

    def day_of(self, moment: datetime) -> date:
        """The firm's calendar day of a UTC time without a zone."""
        return moment.replace(tzinfo=UTC).astimezone(self.zone).date()


@lru_cache(maxsize=64)
def offsets(zone: ZoneInfo, last_year: int) -> tuple[tuple[datetime, int], ...]:
    """Changes of the zone's offset from UTC since 1970: (UTC time it begins, seconds), oldest first."""
    changes = [(datetime(EARLIEST, 1, 1, tzinfo=UTC), _offset(zone, datetime(EARLIEST, 1, 1, tzinfo=UTC)))]
    probe, end = changes[0][0], datetime(last_year + 1, 12, 31, tzinfo=UTC)
    while probe < end:
        following = probe + timedelta(days=7)
        if _offset(zone, following) != changes[-1][1]:
            changes.append((_change_between(zone, probe, following), _offset(zone, following)))
        probe = following
    return tuple((moment.replace(tzinfo=None), seconds) for moment, seconds in changes)


def _offset(zone: ZoneInfo, moment: datetime) -> int:
    offset = moment.astimezone(zone).utcoffset()
    return int(offset.total_seconds()) if offset else 0


def _change_between(zone: ZoneInfo, before: datetime, after: datetime) -> datetime:
    while after - before > timedelta(seconds=1):
        middle = before + timedelta(seconds=int((after - before).total_seconds()) // 2)
        if _offset(zone, middle) == _offset(zone, before):
            before = middle
        else:
            after = middle
    return after

"""Time in a rule: ranges of the firm's calendar days, and how the zone of a firm is written for an engine."""

from datetime import UTC, date, datetime, timedelta
from functools import lru_cache
from zoneinfo import ZoneInfo

from profiles.moments import Moment

EARLIEST = 1970
FORESEEN = 10  # years: contracts end and appointments are made that far ahead
DayRange = tuple[date | None, date | None]
__all__ = ["DayRange", "Moment", "offsets"]


@lru_cache(maxsize=64)
def offsets(zone: ZoneInfo, year: int) -> tuple[tuple[datetime, int], ...]:
    """The zone's offsets from UTC from 1970 until ten years after the `year`: (UTC time one begins, seconds)."""
    changes = [(datetime(EARLIEST, 1, 1, tzinfo=UTC), _offset(zone, datetime(EARLIEST, 1, 1, tzinfo=UTC)))]
    probe, end = changes[0][0], datetime(year + FORESEEN, 12, 31, tzinfo=UTC)
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

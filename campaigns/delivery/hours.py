"""When a message may leave, by the clock where its recipient lives. Pure."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, time, timedelta
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

ALL_DAYS = frozenset(range(1, 8))
LOOK_AHEAD = 9  # days: a week that may begin within a closed day


@dataclass(frozen=True)
class Hours:
    """The firm's quiet hours and a campaign's own window; each may run over midnight. Weekdays as in ISO 8601."""

    quiet: tuple[time, time] | None = None
    window: tuple[time, time] | None = None
    weekdays: frozenset[int] = ALL_DAYS

    @property
    def never_close(self) -> bool:
        return not self.quiet and not self.window and self.weekdays == ALL_DAYS

    def allow(self, local: datetime) -> bool:
        """Whether a message may leave at this local time."""
        clock = local.time()
        is_quiet = self.quiet is not None and within(clock, *self.quiet)
        is_open = self.window is None or within(clock, *self.window)
        return is_open and not is_quiet and local.isoweekday() in self.weekdays


def within(clock: time, start: time, end: time) -> bool:
    """Whether the time of day is at or after `start` and before `end`; the span may run over midnight.

    >>> within(time(23), time(21), time(8)), within(time(8), time(21), time(8)), within(time(12), time(9), time(17))
    (True, False, True)
    """
    return start <= clock < end if start <= end else clock >= start or clock < end


def opens_at(hours: Hours, at: datetime, zone: ZoneInfo) -> datetime | None:
    """`at` itself when it is allowed there, else the first moment after it that is; None when there never is one."""
    if hours.allow(at.astimezone(zone)):
        return at
    later = (one for one in openings(hours, at, zone) if one > at and hours.allow(one.astimezone(zone)))
    return min(later, default=None)


def openings(hours: Hours, at: datetime, zone: ZoneInfo) -> Iterator[datetime]:
    """Every moment of the next days at which something may open: ends of quiet hours, begins of windows and days."""
    clocks = {time(0)}
    clocks |= {hours.quiet[1]} if hours.quiet else set()
    clocks |= {hours.window[0]} if hours.window else set()
    today = at.astimezone(zone).date()
    for day in range(LOOK_AHEAD):
        for clock in clocks:
            yield from moments(datetime.combine(today + timedelta(days=day), clock), zone)


def moments(local: datetime, zone: ZoneInfo) -> Iterator[datetime]:
    """When the clocks there show this: once, or around a change of the clock each minute between its two readings."""
    one, other = sorted(local.replace(tzinfo=zone, fold=fold).astimezone(UTC) for fold in (0, 1))
    while one <= other:
        yield one
        one += timedelta(minutes=1)


def zone_of(name: str, fallback: str) -> ZoneInfo:
    """The zone of that name; the firm's when it is empty or unknown."""
    try:
        return ZoneInfo(name or fallback)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        return ZoneInfo(fallback)

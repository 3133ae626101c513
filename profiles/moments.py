"""One moment for which profiles and rules are told, and the calendar days of the firm around it, borders in UTC."""

from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

STAND_IN = 617_283


@dataclass(frozen=True)
class Moment:
    """The moment a profile or a rule is told for, and the firm's time zone. `as_of` must be aware."""

    as_of: datetime
    zone: ZoneInfo

    def __post_init__(self) -> None:
        if self.as_of.tzinfo is None:
            raise ValueError("as_of must carry a time zone")

    @property
    def now(self) -> datetime:
        """`as_of` as the warehouse holds times: UTC without a zone."""
        return self.as_of.astimezone(UTC).replace(tzinfo=None)

    @property
    def today(self) -> date:
        """The firm's calendar day at `as_of`."""
        return self.as_of.astimezone(self.zone).date()

    def of_the_day(self) -> "Moment":
        """One moment that stands for all of the same day: just after it begins, at microseconds no day begins with."""
        begins = self.begins(self.today).replace(tzinfo=UTC)
        return Moment(begins + timedelta(microseconds=STAND_IN), self.zone)

    def days_ago(self, days: int) -> datetime:
        """When the firm's day so many days before today began, UTC without a zone."""
        return self.begins(self.ago(days))

    def ago(self, days: int) -> date:
        """The firm's calendar day so many days before today."""
        return self.today - timedelta(days=days)

    def begins(self, day: date) -> datetime:
        """When the firm's day begins, UTC without a zone."""
        return datetime.combine(day, time.min, tzinfo=self.zone).astimezone(UTC).replace(tzinfo=None)

    def borders(self, days: tuple[date | None, date | None]) -> tuple[datetime | None, datetime | None]:
        """A half-open range of days as a half-open range of UTC times."""
        first, after = days
        return self.begins(first) if first else None, self.begins(after) if after else None

    def day_of(self, moment: datetime) -> date:
        """The firm's calendar day of a UTC time without a zone."""
        return moment.replace(tzinfo=UTC).astimezone(self.zone).date()

"""One moment for which a profile is computed, and the firm's calendar days around it."""

from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo


@dataclass(frozen=True)
class Moment:
    """`as_of` must be aware; `zone` is the firm's."""

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

    def days_ago(self, days: int) -> datetime:
        """When the firm's day so many days before today began, UTC without a zone."""
        begins = datetime.combine(self.today - timedelta(days=days), time.min, tzinfo=self.zone)
        return begins.astimezone(UTC).replace(tzinfo=None)

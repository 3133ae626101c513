"""Moments that every database and every zone of the world can tell."""

from datetime import UTC, datetime

FIRST, LAST = datetime(2, 1, 1, tzinfo=UTC), datetime(9998, 12, 31, tzinfo=UTC)


def is_tellable(moment: datetime) -> bool:
    """Whether the moment has a zone and is a date in all others, too; the first and last days of the calendar are not.

    >>> is_tellable(datetime(2026, 5, 1, tzinfo=UTC)), is_tellable(datetime(1, 1, 1, tzinfo=UTC))
    (True, False)
    """
    return moment.tzinfo is not None and FIRST <= moment <= LAST

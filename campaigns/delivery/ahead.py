"""Before the launch: how long a run takes at the rates that are set, and whom its days would be over for by then."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from django.utils.translation import gettext as _

from campaigns import audience
from campaigns.delivery.claims import hours_of
from campaigns.delivery.hours import Hours
from campaigns.models import Campaign, SendingRate
from crm import figures

MONDAY = datetime(2024, 1, 1, tzinfo=UTC)
QUARTERS = 7 * 24 * 4  # of hours in a week
MINUTES = 24 * 60  # of a day


@dataclass(frozen=True)
class Late:
    """A rate by which sending takes `days`, while what waits for longer than `span` days expires: so many `people`."""

    rate: SendingRate
    days: float
    span: float
    people: int


def too_slow(campaign: Campaign, people: int, *, at: datetime) -> str:
    """That the rates would keep it from some of those people for ever, in a sentence; empty when they would not."""
    late = latest(campaign, people, at=at)
    if late is None:
        return ""
    said = {
        "rate": figures.number(late.rate.per_minute),
        "domain": f" ({late.rate.domain})" if late.rate.domain else "",
        "days": figures.number(late.days, 1),
        "span": figures.number(late.span, 0 if late.span == int(late.span) else 1),
        "people": figures.number(late.people),
    }
    return (
        _(
            "At %(rate)s a minute%(domain)s, in the hours that are open, sending takes about %(days)s days; what still "
            "waits after %(span)s days expires, for about %(people)s people. Allow more a minute, longer hours or more "
            "days in which it counts."
        )
        % said
    )


def latest(campaign: Campaign, people: int, *, at: datetime) -> Late | None:
    """The rate that takes longest, where it takes longer than the campaign counts."""
    share = open_share(hours_of(campaign))
    span = campaign.window_days + (campaign.waves - 1) * campaign.wave_hours / 24
    found = []
    for rate in SendingRate.objects.filter(channel=campaign.channel) if share else ():
        count = recipients(campaign, rate, people, at)
        days = max(count - rate.burst, 0) / rate.per_minute / share / MINUTES
        found.append(Late(rate, days, span, round(count * (1 - span / days)) if days > span else 0))
    worst = max(found, key=lambda one: one.days, default=None)
    return worst if worst and worst.people else None


def recipients(campaign: Campaign, rate: SendingRate, people: int, at: datetime) -> int:
    """How many of those people the rate is for; of a domain, of all members with such an address."""
    if not rate.domain:
        return people
    return min(people, audience.members(campaign, at).filter(email__iendswith=f"@{rate.domain}").count())


def open_share(hours: Hours) -> float:
    """The share of a week in which messages may leave.

    >>> from datetime import time
    >>> open_share(Hours()), open_share(Hours(window=(time(9), time(15)), weekdays=frozenset({1, 2})))
    (1.0, 0.07142857142857142)
    """
    allowed = sum(hours.allow(MONDAY + timedelta(minutes=15 * quarter)) for quarter in range(QUARTERS))
    return allowed / QUARTERS

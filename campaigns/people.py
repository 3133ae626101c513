"""What campaigns hold of a person: their messages, what came back, how often they want to hear from us."""

from datetime import datetime
from typing import Any

from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from campaigns.models import FINAL_STATES, TopicChoice
from crm.holdings import Follower, Holding

# What is still on its way ends by itself where it is: the last check finds the merge. Nobody gets two of one run.
HOLDINGS = (
    Holding(
        "campaigns.Message",
        label=_("Messages"),
        columns=(
            "run__campaign__name",
            "channel",
            "variant__key",
            "state",
            "reason",
            "handed_at",
            "final_at",
            "past_amount",
        ),
        moves=True,
        final=Q(state__in=FINAL_STATES),
        once_per=("run", "channel"),
    ),
    Holding(
        "campaigns.Variant",
        "messages__customer",
        _("Letters that somebody wrote to them"),
        ("subject", "text"),
        only=Q(campaign__is_letter=True),
    ),
    Holding(
        "campaigns.Response",
        "message__customer",
        _("What came back"),
        ("message__run__campaign__name", "kind", "at", "by_class", "user_agent"),
    ),
    Holding("campaigns.Response", "order__customer", reason="told with its message"),
    Holding("campaigns.Attempt", "message__customer", reason="talk of two mail servers, addresses removed"),
    Holding(
        "campaigns.TopicChoice",
        label=_("Topics they chose or left"),
        columns=("topic__name_en", "is_wanted", "said_at"),
        moves=True,
        once_per=("topic",),
    ),
    Holding(
        "campaigns.ContactWish",
        label=_("How often they want to hear from us"),
        columns=("period_hours", "said_at"),
        moves=True,
        is_single=True,
    ),
)


def join(*, survivor: int, merged: int, at: datetime) -> list[list[Any]]:
    """A topic that either of them left is left, as with consents; answers which the survivor wanted, said then."""
    left = TopicChoice.objects.filter(customer=merged, is_wanted=False).values("topic")
    rows = TopicChoice.objects.filter(customer=survivor, is_wanted=True, topic__in=left)
    changed = list(rows.values_list("pk", "said_at"))
    TopicChoice.objects.filter(pk__in=[pk for pk, _said_at in changed]).update(is_wanted=False, said_at=at)
    return [[pk, said_at.isoformat(), at.isoformat()] for pk, said_at in changed]


def part(memory: list[list[Any]] | None, *, survivor: int, merged: int, at: datetime) -> None:
    """Give back what the survivor wanted, unless they have said something since."""
    for pk, said_before, said_by_merge in memory or []:
        untouched = TopicChoice.objects.filter(pk=pk, said_at=datetime.fromisoformat(said_by_merge))
        untouched.update(is_wanted=True, said_at=datetime.fromisoformat(said_before))


FOLLOWER = Follower("topics", join, part)

"""What campaigns hold of a person: their messages, what came back, how often they want to hear from us."""

from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from campaigns.models import FINAL_STATES
from crm.holdings import Holding

# What is still on its way ends by itself where it is: the last check finds the merge. Nobody gets two of one run.
HOLDINGS = (
    Holding(
        "campaigns.Message",
        label=_("Messages"),
        columns=("run__campaign__name", "channel", "variant__key", "state", "reason", "handed_at", "final_at"),
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
        "campaigns.ContactWish",
        label=_("How often they want to hear from us"),
        columns=("period_hours", "said_at"),
        moves=True,
        is_single=True,
    ),
)

"""What campaigns keep of persons and for how long: browsers of those who answered, mailboxes of the erased."""

from datetime import datetime, timedelta

from django.db.models import QuerySet

from campaigns.models import Attempt, Campaign, Message, MessageState, Response, TopicChoice, Variant
from crm import queries as crm_queries

BROWSERS_KEPT = timedelta(days=30)
LOOKED_BACK = timedelta(days=60)  # longer than this line of the timetable was ever away
IN_HAND = (MessageState.LEASED, MessageState.HANDING)


def forget_browsers(*, at: datetime) -> int:
    """Empty the user agents of responses older than 30 days; returns how many."""
    return Response.objects.filter(at__lt=at - BROWSERS_KEPT).exclude(user_agent="").update(user_agent="")


def forget_erased(*, at: datetime) -> int:
    """Take off the messages of people erased lately the mailbox, what they had spent, the server's words, the browsers.

    What a worker has in hand is left until the next time. What still waits, or is in doubt for ever, is not: its last
    check finds the erasure. Returns the number of messages.
    """
    rows = Message.objects.filter(customer__in=crm_queries.erased_since(at - LOOKED_BACK)).exclude(state__in=IN_HAND)
    Response.objects.filter(message__in=rows).exclude(user_agent="").update(user_agent="")
    Attempt.objects.filter(message__in=rows).exclude(text="").update(text="")
    forget_letters(rows)
    TopicChoice.objects.filter(customer__in=crm_queries.erased_since(at - LOOKED_BACK)).delete()
    known = rows.exclude(address_key="", code="", past_amount=None)
    return known.update(address_key="", code="", past_amount=None)


def forget_letters(rows: QuerySet[Message]) -> None:
    """Empty what persons wrote to the recipients of these messages; that they wrote stays counted."""
    letters = Campaign.everything.filter(is_letter=True, pk__in=rows.values("run__campaign")).exclude(name="–")
    Variant.objects.filter(campaign__in=letters).update(subject="", text="")
    letters.update(name="–")


def overdue_browsers(*, at: datetime) -> int:
    """How many user agents the next run would empty."""
    return Response.objects.filter(at__lt=at - BROWSERS_KEPT).exclude(user_agent="").count()

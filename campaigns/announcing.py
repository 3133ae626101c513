"""What webhooks are told of campaigns: what became of messages, and what their recipients did."""

from datetime import datetime, timedelta
from typing import Any

from django.db.models import F, Q
from django.utils.translation import gettext_lazy as _

from campaigns.models import Message, MessageState, Response, ResponseKind, Run, RunStatus
from crm import hooks

ENDS = (MessageState.SENT, MessageState.FAILED, MessageState.UNKNOWN)
TOPICS: dict[str, Any] = {
    "message.sent": _("A message was sent"),
    "message.failed": _("A message failed"),
    "message.unknown": _("A message may or may not have arrived"),
    "response.open": _("A message was opened"),
    "response.click": _("A link in a message was followed"),
    "response.unsubscribe": _("Somebody unsubscribed"),
    "response.complaint": _("Somebody complained about a message"),
    "response.bounce": _("A message came back"),
}
LOOKED_BACK = timedelta(hours=1)  # what was written since may have been hidden from the last sweep
MOST_LATELY = 200_000  # responses between two sweeps, by far


def tell_ended(*, at: datetime) -> None:
    """Messages that reached an end: read off the rows of runs under way, so that sending costs no more for it."""
    going = Q(status__in=(RunStatus.SENDING, RunStatus.PAUSED)) | Q(finished_at__gt=at - LOOKED_BACK)
    for state in ENDS:
        topic = f"message.{state}"
        if hooks.wanting(topic):
            rows = Message.objects.filter(run__in=Run.objects.filter(going), state=state)
            hooks.announce(topic, rows, key=f"message:{state}", data=_of_message(""), at=at)


def tell_responses(*, at: datetime) -> None:
    """What came back lately: read off the rows too, so that a click waits for nobody. A unique key tells each once."""
    newest = Response.objects.order_by("-pk").values_list("pk", flat=True).first() or 0
    data = {**_of_message("message__"), "by": F("by_class")}
    for kind in ResponseKind:
        topic = f"response.{kind}"
        if topic in TOPICS and hooks.wanting(topic):
            recent = Response.objects.filter(pk__gt=newest - MOST_LATELY, at__gt=at - LOOKED_BACK, kind=kind)
            hooks.announce(topic, recent, key="response", data=data, at=at)


def _of_message(path: str) -> dict[str, Any]:
    return {
        "message": F(f"{path}pk"),
        "campaign": F(f"{path}run__campaign__slug"),
        "version": F(f"{path}variant__key"),
        "channel": F(f"{path}channel"),
        "customer": F(f"{path}customer_id"),
        "customer_number": F(f"{path}customer__number"),
    }

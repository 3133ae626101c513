"""What waits to be sent, and since when: for whoever watches the house. Reads runs that are not closed, by index."""

from dataclasses import dataclass
from datetime import datetime

from django.db.models import Count, Exists, Min, OuterRef

from campaigns.delivery.transitions import OPEN_STATES
from campaigns.models import Attempt, Message, MessageState, Run, RunStatus

UNRESOLVED_RUNS = 200  # the newest; doubts of older campaigns were seen long ago


@dataclass(frozen=True)
class Backlog:
    """Messages by open state, those in doubt, since when the oldest due one waits, and the last try of any."""

    open: dict[str, int]
    unknown: int
    due_since: datetime | None
    last_try_at: datetime | None

    @property
    def waiting(self) -> int:
        return sum(self.open.values())


def backlog(*, at: datetime) -> Backlog:
    """Counted now. A message that was put off is due at its hour, any other since its audience was sealed."""
    newest = list(Run.objects.order_by("-pk").values_list("pk", flat=True)[:UNRESOLVED_RUNS])
    going = Run.objects.filter(status__in=(RunStatus.SENDING, RunStatus.PAUSED))
    counted = Message.objects.filter(run__in=going, state__in=OPEN_STATES).order_by().values_list("state")
    return Backlog(
        open=dict(counted.annotate(n=Count("pk"))),
        unknown=Message.objects.filter(run__in=newest, state=MessageState.UNKNOWN).count(),
        due_since=_due_since(at),
        last_try_at=Attempt.objects.order_by("-pk").values_list("started_at", flat=True).first(),
    )


def _due_since(at: datetime) -> datetime | None:
    sending = Run.objects.filter(status=RunStatus.SENDING)
    queued = Message.objects.filter(run=OuterRef("pk"), state=MessageState.QUEUED)
    sealed = sending.filter(Exists(queued)).aggregate(since=Min("sealed_at"))["since"]
    put_off = Message.objects.filter(state=MessageState.DEFERRED, next_at__lte=at, run__in=sending)
    return min(filter(None, (sealed, put_off.aggregate(since=Min("next_at"))["since"])), default=None)

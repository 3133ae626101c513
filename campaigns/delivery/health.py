"""How well a run is taken: complaints and hard bounces against the limits at which mailbox providers begin to block.

Google's guidelines for senders ask to stay below 0.1 % complaints and never to reach 0.3 %; above 5 % unknown mailboxes
a list is taken for bought. https://support.google.com/a/answer/81126
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from django.db.models import Count, F, Q, QuerySet, Value
from django.db.models.functions import Lower, StrIndex, Substr

from campaigns.delivery import setbacks
from campaigns.models import Message, MessageState, Response, ResponseKind, Run, RunStatus

ENOUGH = 500  # sends before a share is believed
HARD = Q(kind=ResponseKind.BOUNCE, class_reason="hard")
COMPLAINTS = Q(kind=ResponseKind.COMPLAINT)
WARN, STOP = "warn", "stop"
DOMAINS = 20


@dataclass(frozen=True)
class Limit:
    """Of which responses, and the shares of the sends at which to warn and to pause; `reason` is the pause's code."""

    key: str
    counts: Q
    warns_at: float
    stops_at: float
    reason: str


LIMITS = (
    Limit("complaints", COMPLAINTS, 0.001, 0.003, "too_many_complaints"),
    Limit("hard_bounces", HARD, 0.02, 0.05, "too_many_hard_bounces"),
)
REASONS = tuple(limit.reason for limit in LIMITS)


@dataclass(frozen=True)
class Rate:
    """`count` of `sends` people, and whether that is fine (""), a warning or reason to pause."""

    limit: Limit
    count: int
    sends: int

    @property
    def share(self) -> float:
        return self.count / self.sends if self.sends else 0.0

    @property
    def level(self) -> str:
        if self.sends < ENOUGH:
            return ""
        return STOP if self.share >= self.limit.stops_at else WARN if self.share >= self.limit.warns_at else ""


def rates(run: Run) -> tuple[Rate, ...]:
    """The run's shares since a person last took responsibility for them, or since its beginning."""
    sends = tried(run).count()
    answers = Response.objects.filter(message__in=tried(run)) if run.judged_from else of_run(run)
    counts = answers.aggregate(**{limit.key: Count("message", filter=limit.counts, distinct=True) for limit in LIMITS})
    return tuple(Rate(limit, counts[limit.key], sends) for limit in LIMITS)


def of_run(run: Run) -> QuerySet[Response]:
    kinds = (ResponseKind.BOUNCE, ResponseKind.COMPLAINT)
    return Response.objects.filter(message__run=run, kind__in=kinds).order_by()


def tried(run: Run) -> QuerySet[Message]:
    """Messages that a server took, or refused because there is no such mailbox."""
    taken = Q(state__in=(MessageState.SENT, MessageState.UNKNOWN))
    refused = Q(state=MessageState.FAILED, reason="no_mailbox")
    rows = Message.objects.filter(taken | refused, run=run).order_by()
    return rows.filter(final_at__gte=run.judged_from) if run.judged_from else rows


def check(run_id: int, *, at: datetime) -> bool:
    """Pause the run when a limit is reached; only a person lets it go on. False when all is well."""
    run = Run.objects.filter(pk=run_id, status=RunStatus.SENDING).first()
    if run is None or not of_run(run).exists():
        return False
    broken = next((rate for rate in rates(run) if rate.level == STOP), None)
    return broken is not None and setbacks.pause_for_a_person(run_id, broken.limit.reason, at=at)


@dataclass(frozen=True)
class Domain:
    """One domain of recipients: how many were tried there, and what came back."""

    name: str
    tried: int
    refused: int
    hard: int
    soft: int
    complaints: int


def by_domain(run: Run, most: int = DOMAINS) -> Sequence[Domain]:
    """The domains with the most recipients, what came back from each beside it. Two statements, whatever the size."""
    sent = (MessageState.SENT, MessageState.UNKNOWN, MessageState.FAILED)
    rows = with_domain(Message.objects.filter(run=run, state__in=sent), "customer__email").values("domain")
    found = rows.annotate(n=Count("pk"), refused=Count("pk", filter=Q(state=MessageState.FAILED)))
    told = {one["domain"]: one for one in returned(run)}
    return [
        Domain(
            one["domain"] or "–",
            one["n"],
            one["refused"],
            *(told.get(one["domain"], {}).get(key, 0) for key in ("hard", "soft", "complaints")),
        )
        for one in found.order_by("-n", "domain")[:most]
    ]


def returned(run: Run) -> QuerySet[Response, dict[str, int]]:
    soft = Q(kind=ResponseKind.BOUNCE, class_reason="soft")
    kinds = {"hard": HARD, "soft": soft, "complaints": COMPLAINTS}
    counts = {key: Count("message", filter=one, distinct=True) for key, one in kinds.items()}
    return with_domain(of_run(run), "message__customer__email").values("domain").annotate(**counts)


def with_domain(rows: QuerySet, column: str) -> QuerySet:
    return rows.annotate(domain=Lower(Substr(F(column), StrIndex(F(column), Value("@")) + 1))).order_by()

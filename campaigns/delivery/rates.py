"""How fast: token buckets as rows, one for a whole channel and one per domain of recipients, shared by all workers."""

from collections import Counter
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db import connection
from django.db.models import Q

from campaigns.models import Run, RunStatus, SendingRate

LONGEST_WAIT = timedelta(minutes=1)  # the sweep comes by anyway
AT_ONCE = 20  # messages worth coming back for


def domain_of(address: str) -> str:
    """The part after the @, in lower case."""
    return address.strip().rpartition("@")[2].lower()


def refilled(tokens: float, filled_at: datetime | None, now: datetime, *, per_minute: int, burst: int) -> float:
    """Tokens in the bucket now. A new bucket is full; a clock that went back gives nothing.

    >>> noon = datetime(2026, 1, 1, 12)
    >>> refilled(3, noon, noon + timedelta(seconds=30), per_minute=4, burst=10)
    5.0
    """
    if filled_at is None:
        return float(burst)
    passed = max((now - filled_at).total_seconds(), 0)
    return min(float(burst), tokens + passed * per_minute / 60)


@dataclass
class Allowance:
    """What may leave now: whole tokens per domain, "" being the channel; locked rows until the transaction ends."""

    rows: dict[str, SendingRate]
    now: datetime | None
    taken: Counter[str]

    def left(self, domain: str) -> int | None:
        """Messages the bucket still allows; None where no rate is set."""
        row = self.rows.get(domain)
        return None if row is None else int(row.tokens) - self.taken[domain]

    def take(self, address: str) -> bool:
        """Take a token of the channel and of the address's domain, both or none."""
        named = [one for one in {"", domain_of(address)} if one in self.rows]
        if any((self.left(one) or 0) < 1 for one in named):
            return False
        self.taken.update(named)
        return True

    def exhausted(self) -> list[str]:
        """Domains whose recipients have to wait."""
        return [domain for domain in self.rows if domain and (self.left(domain) or 0) < 1]

    def keep(self) -> None:
        """Write what was taken; the rows are still locked."""
        for domain, row in self.rows.items():
            row.tokens -= self.taken[domain]
            row.filled_at = self.now
            row.save(update_fields=["tokens", "filled_at"])


def allowance(channel: str) -> Allowance:
    """The buckets of the channel, filled up to now by the database's clock and locked."""
    rows = {row.domain: row for row in SendingRate.objects.select_for_update().filter(channel=channel).order_by("pk")}
    now = database_now() if rows else None
    for row in rows.values():
        if now is not None:
            filled = {"per_minute": row.per_minute, "burst": row.burst}
            row.tokens = refilled(row.tokens, row.filled_at, now, **filled)
    return Allowance(rows, now, Counter())


def database_now() -> datetime:
    """The clock every worker shares; read after the rows are locked, so that it never runs behind `filled_at`."""
    sql = (
        "SELECT clock_timestamp()"
        if connection.vendor == "postgresql"
        else "SELECT strftime('%Y-%m-%d %H:%M:%f','now')"
    )
    with connection.cursor() as cursor:
        cursor.execute(sql)
        (now,) = cursor.fetchone()
    return now if isinstance(now, datetime) else datetime.fromisoformat(f"{now}+00:00")


def book_return(run_id: int) -> float | None:
    """Seconds after which to come back for messages that wait for a rate; None when nothing waits or another does.

    One worker per run comes back, however many asked.
    """
    run = Run.objects.filter(pk=run_id, status=RunStatus.SENDING).select_related("campaign").first()
    rows = SendingRate.objects.filter(channel=run.campaign.channel) if run else ()
    now = database_now()
    waits = [one for row in rows if (one := wait(row, now))]
    if not waits:
        return None
    seconds = min(max(waits), LONGEST_WAIT.total_seconds())
    free = Run.objects.filter(Q(poke_at=None) | Q(poke_at__lte=now), pk=run_id)
    return seconds if free.update(poke_at=now + timedelta(seconds=seconds)) else None


def wait(row: SendingRate, now: datetime) -> float:
    """Seconds until the bucket holds a handful again; 0 when it has some now."""
    tokens = refilled(row.tokens, row.filled_at, now, per_minute=row.per_minute, burst=row.burst)
    if tokens >= 1:
        return 0.0
    return max((min(row.burst, AT_ONCE) - tokens) * 60 / row.per_minute, 0.5)

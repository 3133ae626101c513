"""What deals add up to: sums per stage, the weighted forecast per month, the win rate and why deals were lost."""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Any

from django.db.models import Case, Count, DecimalField, ExpressionWrapper, F, Q, QuerySet, Sum, Value, When
from django.db.models.functions import Coalesce, TruncMonth

from crm import due
from crm.models import Deal, DealStatus, LostReason, PipelineStage

MONTHS = 6
NOTHING = Decimal(0)


@dataclass(frozen=True)
class StageSum:
    """The open deals of a stage: how many, and their amounts by currency, whole and weighted by probability."""

    stage: PipelineStage
    count: int
    amounts: dict[str, Decimal]
    weighted: dict[str, Decimal]


@dataclass(frozen=True)
class Month:
    """What is expected to be won in a month, in one currency: all of it, and weighted by probability.

    The first month also holds what was expected earlier and is still open.
    """

    first: date
    count: int
    amount: Decimal
    weighted: Decimal


@dataclass(frozen=True)
class WinRate:
    """How many of the deals closed in a period were won; `share` is None when none was closed."""

    won: int
    lost: int

    @property
    def share(self) -> float | None:
        closed = self.won + self.lost
        return self.won / closed if closed else None


def probability() -> Any:
    """A deal's own probability, else that of its stage; won is certain and lost is not."""
    own = Coalesce(F("probability_share"), F("stage__probability_share"))
    share: DecimalField = DecimalField(max_digits=4, decimal_places=3)
    certain = {DealStatus.WON: Value(Decimal(1)), DealStatus.LOST: Value(Decimal(0))}
    return Case(*(When(status=one, then=value) for one, value in certain.items()), default=own, output_field=share)


def weighted() -> Any:
    """Amount times probability."""
    decimal: DecimalField = DecimalField(max_digits=20, decimal_places=5)
    return ExpressionWrapper(F("amount") * probability(), output_field=decimal)


def of_stages(deals: QuerySet[Deal], stages: Sequence[PipelineStage]) -> list[StageSum]:
    """Counts and sums of the open deals in each of the stages."""
    rows = deals.filter(status=DealStatus.OPEN, stage__in=stages).order_by()
    summed = rows.values("stage", "currency").annotate(n=Count("pk"), whole=Sum("amount"), expected=Sum(weighted()))
    counts: dict[int, int] = defaultdict(int)
    whole: dict[int, dict[str, Decimal]] = defaultdict(dict)
    expected: dict[int, dict[str, Decimal]] = defaultdict(dict)
    for row in summed:
        counts[row["stage"]] += row["n"]
        whole[row["stage"]][row["currency"]] = row["whole"]
        expected[row["stage"]][row["currency"]] = Decimal(row["expected"])
    return [StageSum(one, counts[one.pk], whole[one.pk], expected[one.pk]) for one in stages]


def of_months(deals: QuerySet[Deal], *, currency: str, today: date, months: int = MONTHS) -> list[Month]:
    """The open deals of one currency by the month they are expected in, from this month on."""
    firsts = [due.months_from(today.replace(day=1), n) for n in range(months)]
    rows = deals.filter(
        status=DealStatus.OPEN, currency=currency, expected_on__lt=due.months_from(firsts[-1], 1)
    ).order_by()
    by_month: Any = rows.annotate(month=TruncMonth("expected_on")).values("month")
    found: dict[date, list[Any]] = {first: [0, NOTHING, NOTHING] for first in firsts}
    for row in by_month.annotate(n=Count("pk"), whole=Sum("amount"), expected=Sum(weighted())):
        sums = found[max(row["month"], firsts[0])]
        sums[0] += row["n"]
        sums[1] += row["whole"]
        sums[2] += Decimal(row["expected"])
    return [Month(first, *sums) for first, sums in found.items()]


def win_rate(deals: QuerySet[Deal], *, since: datetime) -> WinRate:
    """Of the deals closed since a moment."""
    counted = deals.filter(closed_at__gte=since).aggregate(
        won=Count("pk", filter=Q(status=DealStatus.WON)), lost=Count("pk", filter=Q(status=DealStatus.LOST))
    )
    return WinRate(counted["won"], counted["lost"])


def lost_reasons(deals: QuerySet[Deal], *, since: datetime) -> list[tuple[Any, int]]:
    """Why deals were lost since a moment, the commonest first: reason row and count."""
    rows = deals.filter(status=DealStatus.LOST, closed_at__gte=since).order_by()
    counts = dict(rows.values_list("lost_reason").annotate(n=Count("pk")))
    named = LostReason.objects.in_bulk(list(counts))
    return sorted(((named[pk], n) for pk, n in counts.items()), key=lambda pair: (-pair[1], pair[0].position))


def age_days(deal: Deal, at: datetime) -> int:
    """Whole days the deal has stood in its stage."""
    return max(0, (at - deal.stage_since_at) // timedelta(days=1))


def is_slow(deal: Deal, at: datetime) -> bool:
    """Whether an open deal has stood in its stage for longer than usual there."""
    return deal.status == DealStatus.OPEN and age_days(deal, at) > deal.stage.slow_after_days


def in_words(amounts: dict[str, Decimal], write: Any) -> str:
    """Sums of several currencies side by side."""
    return " + ".join(write(amount, currency) for currency, amount in sorted(_some(amounts))) or write(NOTHING, None)


def _some(amounts: dict[str, Decimal]) -> Iterable[tuple[str, Decimal]]:
    return ((currency, amount) for currency, amount in amounts.items() if amount)

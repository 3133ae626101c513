"""What can be measured over a customer's events: one row each, with its wording, expression and empty answer."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any, Final

from segments.rules.moments import DayRange


@dataclass(frozen=True)
class Measure:
    """`of` is what it is taken over: nothing, number (a numeric property), property (any), or conditions (a share).

    `answer` is the kind its value is compared as. `empty` is the answer of a customer without such events; None is
    missing. `total` is aggregated and, when `per` is given, divided by it — compared as total ≥ value × per, so that
    no rounding decides who is in.
    """

    key: str
    label: str
    label_fi: str
    of: str
    answer: str
    empty: int | None
    total: Callable[[Any, Any, Any], Any]
    per: Callable[[Any, Any, Any], Any] | None = None


def _count(events: Any, column: Any, where: Any) -> Any:
    return events.count(where=where)


MEASURES: Final = (
    Measure("count", "number", "lukumäärä", "nothing", "number", 0, _count),
    Measure("sum", "sum", "summa", "number", "money", 0,
            lambda events, column, where: column.sum(where=where).fill_null(0)),
    Measure("average", "average", "keskiarvo", "number", "money", None,
            lambda events, column, where: column.sum(where=where),
            lambda events, column, where: column.count(where=where)),
    Measure("minimum", "smallest", "pienin", "number", "money", None,
            lambda events, column, where: column.min(where=where)),
    Measure("maximum", "largest", "suurin", "number", "money", None,
            lambda events, column, where: column.max(where=where)),
    Measure("distinct", "number of different", "eri arvojen määrä", "property", "number", 0,
            lambda events, column, where: column.nunique(where=where)),
    Measure("first", "first time", "ensimmäinen kerta", "nothing", "datetime", None,
            lambda events, column, where: events.ts.min(where=where)),
    Measure("last", "last time", "viimeisin kerta", "nothing", "datetime", None,
            lambda events, column, where: events.ts.max(where=where)),
    Measure("days_since", "days since the last", "päiviä viimeisimmästä", "nothing", "days", None,
            lambda events, column, where: events.ts.max(where=where)),
    Measure("share", "share", "osuus", "conditions", "share", None, _count,
            lambda events, column, where: events.count(where=where)),
)  # fmt: skip

BY_KEY: Final = {measure.key: measure for measure in MEASURES}
COMPARISONS: Final = ("is", "is_not", "at_least", "at_most", "more_than", "less_than", "between")
TREND_MEASURES: Final = ("count", "sum", "distinct")

DAYS_SINCE: Final[dict[str, Callable[[Any, date], DayRange]]] = {
    "is": lambda days, today: (_ago(today, days), _ago(today, days - 1)),
    "at_least": lambda days, today: (None, _ago(today, days - 1)),
    "at_most": lambda days, today: (_ago(today, days), None),
    "more_than": lambda days, today: (None, _ago(today, days)),
    "less_than": lambda days, today: (_ago(today, days - 1), None),
    "between": lambda pair, today: (_ago(today, pair[1]), _ago(today, pair[0] - 1)),
}


def comparisons(row: Measure) -> tuple[str, ...]:
    """Keys of the operators that fit a measure whose answer is a number."""
    return tuple(DAYS_SINCE) if row.answer == "days" else COMPARISONS


def _ago(today: date, days: int) -> date:
    return today - timedelta(days=days)


@dataclass(frozen=True)
class Trend:
    """A measure now against the same measure before; with `needs_before`, nothing before is a missing value."""

    key: str
    operand: str
    label: str
    label_fi: str
    en: str
    fi: str
    holds: Callable[[Any, Any, Any], Any]
    needs_before: bool


TRENDS: Final = (
    Trend("fell_by", "percent", "fell by at least %", "väheni vähintään %", "fell by at least {value}%",
          "väheni vähintään {value} %", lambda now, before, percent: now * 100 <= before * (100 - percent), True),
    Trend("rose_by", "rise", "rose by at least %", "kasvoi vähintään %", "rose by at least {value}%",
          "kasvoi vähintään {value} %", lambda now, before, percent: now * 100 >= before * (100 + percent), True),
    Trend("stopped", "nothing", "stopped", "loppui", "stopped", "loppui kokonaan",
          lambda now, before, _: (before > 0) & (now == 0), False),
    Trend("started", "nothing", "started", "alkoi", "started", "alkoi",
          lambda now, before, _: (before == 0) & (now > 0), False),
)  # fmt: skip

TRENDS_BY_KEY: Final = {trend.key: trend for trend in TRENDS}
AGAINST: Final = {"before": None, "year_before": 364}
RESPONSES: Final = ("open", "click", "conversion", "unsubscribe", "complaint")

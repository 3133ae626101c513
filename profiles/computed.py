"""The computed features: one row each, an expression over a customer's events up to a moment.

The usual sales filter holds throughout: an order counts when it is a sale of a known customer, and for the sum of its
lines with a positive quantity and price (its total when it has no lines). A free or cancelled order is no purchase.
A customer without purchases has frequency 0 and spend 0; what cannot be known is missing.
"""

import re
from collections.abc import Callable, Collection, Iterable
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from functools import cache, reduce
from typing import Any, Final

import ibis
from ibis.expr.types import Table, Value

from profiles.catalogue import Feature
from profiles.moments import Moment

MONEY: Final = "decimal(16, 4)"
MOST: Final = Decimal("999999999999.9999")  # of money; a sum beyond it says so much: one must not stop the build of all
EVENT: Final = ibis.table(
    {
        "id": "int64",
        "customer_id": "int64",
        "type": "string",
        "ts": "timestamp",
        "value": MONEY,
        "channel": "string",
        "category": "string",
        "properties": "string",
        "source": "string",
        "sale_amount": MONEY,
        "margin_amount": MONEY,
    },
    name="event",
)
VISITS: Final = ("page", "visit", "screen")
CARTS: Final = ("cart",)
OPENS: Final = ("open", "email_open")
CLICKS: Final = ("click", "email_click")
LONGEST_WINDOW_DAYS: Final = 90
LAPSED_AFTER_DAYS: Final = 365
REGULAR_ORDERS: Final = 3
SLOWED_DOWN_RATIO: Final = 2
SECONDS_A_DAY: Final = 86_400


@dataclass(frozen=True)
class Computed:
    """`expression(table, clock)` over the table of its basis; `empty` is the value where there are no events."""

    basis: str
    feature: Feature
    expression: Callable[[Any, "Clock"], Any]
    empty: Any = None


@ibis.udf.scalar.builtin(name="getvariable", signature=(("string",), "timestamp"))
def _time(variable: Any) -> Any:
    """The engine's own: a variable that holds a time."""


@ibis.udf.scalar.builtin(name="getvariable", signature=(("string",), "date"))
def _day(variable: Any) -> Any:
    """The engine's own: a variable that holds a day."""


@dataclass(frozen=True)
class Clock:
    """A moment as the expressions see it: the engine's variables by name, so that SQL is compiled once for all moments.

    `zone` is the firm's; `variables` gives the values of one moment.
    """

    zone: str

    @property
    def now(self) -> Any:
        return _time("moment_now")

    @property
    def today(self) -> Any:
        return _day("moment_today")

    def days_ago(self, days: int) -> Any:
        return _time(f"moment_days_ago_{days}")


@ibis.udf.scalar.builtin(name="timezone", signature=(("string", "timestamp"), "timestamp"))
def _zoned(zone: Any, moment: Any) -> Any:
    """The engine's own: a time of UTC as one of `zone`, applied twice."""


def local(moment: Any, at: Clock) -> Any:
    """A UTC time on the firm's clock."""
    return _zoned(at.zone, _zoned("UTC", moment))


def days_since(moment: Any, at: Clock) -> Any:
    """Calendar days of the firm from a UTC time to `at`."""
    return at.today.delta(local(moment, at).date(), unit="day")


def within(events: Any, days: int, at: Clock) -> Any:
    """From the beginning of the firm's day so many days ago until now."""
    return events.ts >= at.days_ago(days)


def _feature(key: str, label: str, label_fi: str, kind: str = "number", unit: str = "", **more: Any) -> Feature:
    more.setdefault("dimension", "behavioural")
    return Feature(key, label, label_fi, kind, unit=unit, source="computed", **more)


def _words(named: Iterable[Any]) -> tuple[tuple[str, str, str], ...]:
    return tuple((one.key, one.label, one.label_fi) for one in named)


def _happened(types: tuple[str, ...], days: int) -> Callable[[Any, Clock], Value]:
    return lambda events, at: events.count(where=events.type.isin(types) & within(events, days, at))


def _orders_in(days: int) -> Callable[[Any, Clock], Value]:
    return lambda events, at: events.count(where=is_sale(events) & within(events, days, at))


def _spend_in(days: int) -> Callable[[Any, Clock], Value]:
    return lambda events, at: _spent(events, is_sale(events) & within(events, days, at))


def _spent(events: Any, which: Any) -> Any:
    amount, most = events.sale_amount.sum(where=which), ibis.literal(MOST, MONEY)
    return _money(ibis.ifelse(amount > most, most, amount))


def _money(amount: Any) -> Any:
    return amount.cast(MONEY)


def is_sale(events: Any) -> Any:
    return (events.type == "order") & events.sale_amount.notnull()


def is_return(events: Any) -> Any:
    return events.type == "return"


def _last_within(types: tuple[str, ...], days: int) -> Callable[[Any, Clock], Value]:
    return lambda events, at: events.ts.max(where=events.type.isin(types) & within(events, days, at))


def scored(buyers: Any, name: str, column: str, *, best_is: str) -> Table:
    """The buyers with a score of 1 to 5 by fifths: one more than the whole fifths of buyers who are strictly worse;
    ties share. Values are counted before they are sorted, since buyers have few different ones."""
    counted = buyers.group_by(column).aggregate(people=buyers.count())
    order = counted[column].asc() if best_is == "high" else counted[column].desc()
    worse = counted.people.sum().over(ibis.cumulative_window(order_by=order)) - counted.people
    score = (1 + (worse * 5) // counted.people.sum().over()).cast("int64")
    return buyers.join(counted.select(column, **{name: score}), column)


@dataclass(frozen=True)
class Cell:
    """A named group of buyers by their recency and frequency scores, both ends included."""

    key: str
    label: str
    label_fi: str
    recency: tuple[int, int]
    frequency: tuple[int, int]

    def holds(self, buyers: Any) -> Any:
        return buyers.rfm_recency.between(*self.recency) & buyers.rfm_frequency.between(*self.frequency)


CELLS: Final = (
    Cell("champions", "Champions", "Parhaat asiakkaat", (5, 5), (4, 5)),
    Cell("loyal", "Loyal customers", "Uskolliset asiakkaat", (3, 4), (4, 5)),
    Cell("potential_loyal", "Potential loyalists", "Tulevat uskolliset", (4, 5), (2, 3)),
    Cell("new", "New customers", "Uudet asiakkaat", (5, 5), (1, 1)),
    Cell("promising", "Promising", "Lupaavat", (4, 4), (1, 1)),
    Cell("need_attention", "Need attention", "Huomiota kaipaavat", (3, 3), (3, 3)),
    Cell("about_to_sleep", "About to sleep", "Hiipumassa", (3, 3), (1, 2)),
    Cell("at_risk", "At risk", "Vaarassa lähteä", (1, 2), (3, 4)),
    Cell("cannot_lose", "Cannot lose them", "Ei saa menettää", (1, 2), (5, 5)),
    Cell("hibernating", "Hibernating", "Horroksessa", (1, 2), (1, 2)),
)


@dataclass(frozen=True)
class JourneyStage:
    """A stage of the journey; the first that `holds` for a buyer is theirs."""

    key: str
    label: str
    label_fi: str
    holds: Callable[[Any], Any]


JOURNEY: Final = (
    JourneyStage("lapsed", "Lapsed", "Poistunut", lambda b: b.recency_days > LAPSED_AFTER_DAYS),
    JourneyStage("first_time", "First-time buyer", "Ensiostaja", lambda b: b.frequency == 1),
    JourneyStage("returned", "Returned", "Palannut", lambda b: b.days_before_last_order > LAPSED_AFTER_DAYS),
    JourneyStage(
        "slowed_down",
        "Slowed down",
        "Hidastunut",
        lambda b: (b.frequency >= REGULAR_ORDERS) & (b.recency_days > SLOWED_DOWN_RATIO * b.days_between_orders),
    ),
    JourneyStage("regular", "Regular", "Kanta-asiakas", lambda b: b.orders_365d >= REGULAR_ORDERS),
    JourneyStage("occasional", "Occasional", "Satunnainen", lambda _: ibis.literal(True)),
)  # the stage of a customer without purchases is `prospect`


def _first_of(rows: Any, buyers: Any) -> Any:
    return ibis.cases(*((row.holds(buyers), row.key) for row in rows))


def _rhythm(buyers: Any, _: Clock) -> Any:
    seconds = buyers.last_order_at.epoch_seconds() - buyers.first_order_at.epoch_seconds()
    return (seconds / SECONDS_A_DAY / (buyers.frequency - 1).nullif(0)).round(1)


def _code(buyers: Any, _: Clock) -> Any:
    parts = (buyers.rfm_recency, buyers.rfm_frequency, buyers.rfm_monetary)
    return reduce(lambda code, part: code + part.cast("string"), parts, ibis.literal(""))


# --- the table: a new feature is a new row; a row may use the columns of the rows above it -----------------------
COMPUTED: Final[tuple[Computed, ...]] = (
    # orders: aggregates over the sales and returns of each customer
    Computed("orders", _feature("frequency", "Orders", "Tilauksia", unit="orders"),
             lambda e, at: e.count(where=is_sale(e)), empty=0),
    Computed("orders", _feature("monetary_amount", "Spend in all", "Ostot yhteensä", "money", dimension="economic"),
             lambda e, at: _spent(e, is_sale(e)), empty=0),
    Computed("orders", _feature("first_order_at", "First order", "Ensimmäinen tilaus", "datetime"),
             lambda e, at: e.ts.min(where=is_sale(e))),
    Computed("orders", _feature("last_order_at", "Latest order", "Viimeisin tilaus", "datetime"),
             lambda e, at: e.ts.max(where=is_sale(e))),
    Computed("orders", _feature("orders_30d", "Orders in 30 days", "Tilauksia 30 päivässä", unit="orders"),
             _orders_in(30), empty=0),
    Computed("orders", _feature("orders_90d", "Orders in 90 days", "Tilauksia 90 päivässä", unit="orders"),
             _orders_in(90), empty=0),
    Computed("orders", _feature("orders_365d", "Orders in 365 days", "Tilauksia 365 päivässä", unit="orders"),
             _orders_in(365), empty=0),
    Computed("orders", _feature("spend_30d_amount", "Spend in 30 days", "Ostot 30 päivässä", "money",
                                dimension="economic"), _spend_in(30), empty=0),
    Computed("orders", _feature("spend_90d_amount", "Spend in 90 days", "Ostot 90 päivässä", "money",
                                dimension="economic"), _spend_in(90), empty=0),
    Computed("orders", _feature("spend_365d_amount", "Spend in 365 days", "Ostot 365 päivässä", "money",
                                dimension="economic"), _spend_in(365), empty=0),
    Computed("orders", _feature("margin_365d_amount", "Margin in 365 days", "Kate 365 päivässä", "money",
                                dimension="economic"),
             lambda e, at: e.margin_amount.sum(where=is_sale(e) & within(e, 365, at)).try_cast(MONEY)),
    Computed("orders", _feature("largest_order_amount", "Largest order", "Suurin tilaus", "money",
                                dimension="economic"), lambda e, at: e.sale_amount.max(where=is_sale(e))),
    Computed("orders", _feature("returns", "Returns", "Palautuksia", unit="returns"),
             lambda e, at: e.count(where=is_return(e)), empty=0),
    # buyers: what follows from the aggregates of one buyer
    Computed("buyers", _feature("recency_days", "Days since the latest order", "Päiviä viimeisimmästä tilauksesta",
                                unit="days"), lambda b, at: days_since(b.last_order_at, at)),
    Computed("buyers", _feature("average_basket_amount", "Average basket", "Keskiostos", "money", dimension="economic"),
             lambda b, at: _money((b.monetary_amount / b.frequency).round(4))),
    Computed("buyers", _feature("days_between_orders", "Days between orders", "Päiviä tilausten välissä", unit="days"),
             _rhythm),
    Computed("buyers", _feature("returns_share", "Share of returns", "Palautusten osuus", unit="share"),
             lambda b, at: (b.returns / (b.frequency + b.returns)).round(4)),
    # ranked: a buyer's place among all buyers; the expression is the whole table with the place beside
    Computed("ranked", _feature("rfm_recency", "Recency score", "Tuoreuspisteet", unit="1–5"),
             lambda b, at: scored(b, "rfm_recency", "recency_days", best_is="low")),
    Computed("ranked", _feature("rfm_frequency", "Frequency score", "Toistuvuuspisteet", unit="1–5"),
             lambda b, at: scored(b, "rfm_frequency", "frequency", best_is="high")),
    Computed("ranked", _feature("rfm_monetary", "Monetary score", "Ostopisteet", unit="1–5", dimension="economic"),
             lambda b, at: scored(b, "rfm_monetary", "monetary_amount", best_is="high")),
    # named: words for the numbers
    Computed("named", _feature("rfm_code", "RFM code", "RFM-koodi", "text"), _code),
    Computed("named", _feature("rfm_cell", "RFM group", "RFM-ryhmä", "choice",
                               choices=tuple(cell.key for cell in CELLS), words=_words(CELLS)),
             lambda b, at: _first_of(CELLS, b)),
    Computed("named", _feature("journey_stage", "Journey stage", "Asiakaspolun vaihe", "choice",
                               choices=("prospect", *(stage.key for stage in JOURNEY)),
                               words=(("prospect", "Prospect", "Mahdollinen asiakas"), *_words(JOURNEY))),
             lambda b, at: _first_of(JOURNEY, b), empty="prospect"),
    # activity: what happened lately besides orders
    Computed("activity", _feature("visits_7d", "Visits in 7 days", "Käyntejä 7 päivässä", unit="visits"),
             _happened(VISITS, 7), empty=0),
    Computed("activity", _feature("visits_30d", "Visits in 30 days", "Käyntejä 30 päivässä", unit="visits"),
             _happened(VISITS, 30), empty=0),
    Computed("activity", _feature("visits_90d", "Visits in 90 days", "Käyntejä 90 päivässä", unit="visits"),
             _happened(VISITS, 90), empty=0),
    Computed("activity", _feature("carts_7d", "Carts in 7 days", "Ostoskoreja 7 päivässä", unit="carts"),
             _happened(CARTS, 7), empty=0),
    Computed("activity", _feature("carts_30d", "Carts in 30 days", "Ostoskoreja 30 päivässä", unit="carts"),
             _happened(CARTS, 30), empty=0),
    Computed("activity", _feature("carts_90d", "Carts in 90 days", "Ostoskoreja 90 päivässä", unit="carts"),
             _happened(CARTS, 90), empty=0),
    Computed("activity", _feature("opens_90d", "Opens in 90 days", "Avauksia 90 päivässä", unit="opens"),
             _happened(OPENS, 90), empty=0),
    Computed("activity", _feature("clicks_90d", "Clicks in 90 days", "Klikkauksia 90 päivässä", unit="clicks"),
             _happened(CLICKS, 90), empty=0),
    Computed("activity", _feature("last_cart_at", "Latest cart in 90 days", "Viimeisin ostoskori 90 päivässä",
                                  "datetime"), _last_within(CARTS, 90)),
    Computed("activity", _feature("last_visit_at", "Latest visit in 90 days", "Viimeisin käynti 90 päivässä",
                                  "datetime"), _last_within(VISITS, 90)),
    # favourite: the commonest value among a buyer's orders; of equals the latest, then the first by name
    Computed("favourite", _feature("favourite_channel", "Favourite channel", "Mieluisin kanava", "text"),
             lambda e, at: e.channel.nullif("")),
    Computed("favourite", _feature("favourite_category", "Favourite category", "Mieluisin tuoteryhmä", "text"),
             lambda e, at: e.category.nullif("")),
    Computed("favourite", _feature("favourite_hour", "Favourite hour", "Mieluisin tunti", unit="hour of day"),
             lambda e, at: local(e.ts, at).hour().cast("int64")),
    Computed("favourite", _feature("favourite_weekday", "Favourite weekday", "Mieluisin viikonpäivä",
                                   unit="1 Monday – 7 Sunday"),
             lambda e, at: (local(e.ts, at).day_of_week.index() + 1).cast("int64")),
    # joined: what needs several of the above
    Computed("joined", _feature("cart_abandoned_days", "Days since an abandoned cart", "Päiviä hylätystä ostoskorista",
                                unit="days"),
             lambda p, at: ibis.ifelse(p.last_order_at.isnull() | (p.last_order_at < p.last_cart_at),
                                       days_since(p.last_cart_at, at), ibis.null())),
)  # fmt: skip


# A place among all buyers, and what follows from it: nobody's own rows decide these.
RELATIVE: Final = frozenset({*(row.feature.key for row in COMPUTED if row.basis == "ranked"), "rfm_code", "rfm_cell"})


def of_basis(basis: str) -> list[Computed]:
    return [row for row in COMPUTED if row.basis == basis]


def columns(basis: str, table: Table, at: Clock) -> dict[str, Value]:
    return {row.feature.key: row.expression(table, at) for row in of_basis(basis)}


def buyers(at: Clock) -> Table:
    """One row per customer who ever ordered or returned, with every column that follows from orders."""
    orders = known(at).filter(lambda e: is_sale(e) | is_return(e))
    latest = before_last(orders)
    table = orders.group_by("customer_id").aggregate(**columns("orders", orders, at))
    table = table.left_join(latest, "customer_id").drop("customer_id_right")
    table = table.mutate(**columns("buyers", table, at))
    bought = table.filter(table.frequency > 0)
    ranked = with_places(bought, at)
    return ranked.mutate(**columns("named", ranked, at))


def with_places(bought: Table, at: Clock) -> Table:
    """Buyers with every column that is a place among all of them."""
    return reduce(lambda table, row: row.expression(table, at), of_basis("ranked"), bought)


def known(at: Clock) -> Table:
    """The events that had happened by the moment."""
    return EVENT.filter(EVENT.ts <= at.now)


def before_last(orders: Table) -> Table:
    """How long each buyer had waited before the latest order: customer_id, days_before_last_order."""
    sales = orders.filter(is_sale(orders))
    last = sales.group_by("customer_id").aggregate(last_at=sales.ts.max())
    earlier = sales.join(last, "customer_id").filter(lambda t: t.ts < t.last_at)
    waited = earlier.group_by("customer_id").aggregate(
        seconds=lambda t: t.last_at.max().epoch_seconds() - t.ts.max().epoch_seconds()
    )
    return waited.select("customer_id", days_before_last_order=waited.seconds / SECONDS_A_DAY)


def activity(at: Clock) -> Table:
    events = known(at).filter(lambda e: e.type.isin(VISITS + CARTS + OPENS + CLICKS))
    events = events.filter(lambda e: within(e, LONGEST_WINDOW_DAYS, at))
    return events.group_by("customer_id").aggregate(**columns("activity", events, at))


def favourite(row: Computed, at: Clock) -> Table:
    key = row.feature.key
    sales = known(at).filter(is_sale)
    sales = sales.select("customer_id", "ts", value=row.expression(sales, at)).filter(lambda t: t.value.notnull())
    counted = sales.group_by("customer_id", "value").aggregate(times=sales.count(), last_at=sales.ts.max())
    place = ibis.row_number().over(
        group_by=counted.customer_id, order_by=[counted.times.desc(), counted.last_at.desc(), counted.value]
    )
    return counted.mutate(place=place).filter(lambda t: t.place == 0).select("customer_id", **{key: counted.value})


def joined(at: Clock) -> Table:
    """Over the parts already written: a row per customer with activity, beside what they bought."""
    table = part("activity").left_join(part("buyers"), "customer_id")
    return table.select("customer_id", **columns("joined", table, at))


def part(name: str) -> Table:
    """A written part by its name."""
    types = {row.key: IBIS_TYPES[row.kind] for row in features_of(name)}
    return ibis.table({"customer_id": "int64", **types}, name=f"part_{name}")


def features_of(part: str) -> list[Feature]:
    """What stands in a part: the features of its bases, or the favourite it is named after."""
    return [row.feature for row in COMPUTED if row.basis in PARTS.get(part, ()) or row.feature.key == part]


PARTS: Final = {"buyers": ("orders", "buyers", "ranked", "named"), "activity": ("activity",), "joined": ("joined",)}
JOINED_FROM: Final = ("buyers", "activity")
IBIS_TYPES: Final = {
    "number": "float64", "money": MONEY, "datetime": "timestamp", "text": "string", "choice": "string"
}  # fmt: skip


def places(at: Clock) -> Table:
    """Over a profile already written: every buyer's place among all buyers."""
    columns_of = {
        row.feature.key: IBIS_TYPES[row.feature.kind] for basis in ("orders", "buyers") for row in of_basis(basis)
    }
    profile = ibis.table({"customer_id": "int64", **columns_of}, name="profile")
    bought = profile.filter(profile.frequency > 0)
    ranked = with_places(bought, at)
    named = {row.feature.key: row.expression(ranked, at) for row in of_basis("named") if row.feature.key in RELATIVE}
    return ranked.mutate(**named).select("customer_id", *sorted(RELATIVE))


@cache
def places_statement(zone: str) -> str:
    return str(ibis.to_sql(places(Clock(zone)), dialect="duckdb"))


def relations(at: Clock) -> dict[str, Table]:
    """What the profile is joined from, in order: each has one row per customer_id and is written as part_NAME."""
    favourites = {row.feature.key: favourite(row, at) for row in of_basis("favourite")}
    return {"buyers": buyers(at), "activity": activity(at), **favourites, "joined": joined(at)}


def parts_behind(keys: Collection[str]) -> list[str]:
    """The parts that hold these features, and those they are joined from; in order."""
    names = ["buyers", "activity", *(row.feature.key for row in of_basis("favourite")), "joined"]
    holding = {name for name in names if any(feature.key in keys for feature in features_of(name))}
    needed = holding | (set(JOINED_FROM) if "joined" in holding else set())
    return [name for name in names if name in needed]


@cache
def statements(zone: str) -> dict[str, str]:
    """The relations as the engine's SQL; compiling takes ten times as long as running them over a few rows."""
    return {name: str(ibis.to_sql(relation, dialect="duckdb")) for name, relation in relations(Clock(zone)).items()}


def variables(moment: Moment) -> dict[str, datetime | date]:
    """What the statements' clock shows at one moment."""
    windows = {
        int(days) for days in re.findall(r"moment_days_ago_(\d+)", "".join(statements(moment.zone.key).values()))
    }
    starts = {f"moment_days_ago_{days}": moment.days_ago(days) for days in sorted(windows)}
    return {"moment_now": moment.now, "moment_today": moment.today, **starts}

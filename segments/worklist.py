"""The worklist of a salesperson: whom to contact today, why, and by which channel. The reasons are a table.

Each reason finds a bounded number of customers where they are found cheapest – tasks and deals in the database, what
people did in the warehouse – then facts are read once for all of them and the weights of their reasons are added up.
"""

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from decimal import Decimal
from functools import cache, lru_cache, partial
from typing import TYPE_CHECKING, Any, Final

import ibis
import pyarrow as pa
from django.db.models import Q
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from crm import answers, due, figures, panels, timeline
from crm import queries as crm_queries
from crm.addresses import AddressRefused, address_key, address_of
from crm.rights import Actor
from profiles import queries as profile_queries
from segments.models import Membership, Segment, WorklistMark

if TYPE_CHECKING:
    from crm.models import Customer

MOST_FOUND = 200  # customers per reason; the list shows the weightiest of all of them
MOST_SHOWN = 25
REST = timedelta(days=7)  # after a call or meeting nobody is proposed again, but for promises and deals that close
NEWS = timedelta(days=3)
CLOSING = timedelta(days=7)
CART_DAYS = 7
TOP_FIFTH = 5
CONTACTS: Final = ("call", "meeting")
AT_RISK: Final = ("cannot_lose", "at_risk")

PROFILE: Final = ibis.table(
    {
        "customer_id": "int64",
        "monetary_amount": "decimal(16, 4)",
        "rfm_monetary": "int64",
        "rfm_cell": "string",
        "journey_stage": "string",
        "recency_days": "int64",
        "days_between_orders": "float64",
        "cart_abandoned_days": "int64",
        "is_restricted": "boolean",
        "has_objected": "boolean",
    },
    name="profile",
)
ROW: Final = ibis.table({"id": "int64", "owner_id": "int64", "team_id": "int64"}, name="customer_row")
CHOSEN: Final = ibis.table({"customer_id": "int64"}, name="chosen")


@dataclass(frozen=True)
class Reason:
    """Why somebody stands on the list, in words, and how much it weighs. What was promised is not a matter of value."""

    key: str
    said: Callable[[], str]  # hundreds are weighed, a few are read
    weight: int
    is_promised: bool = False
    url_name: str = ""
    url_id: int = 0

    @property
    def words(self) -> str:
        return self.said()


@dataclass(frozen=True)
class Way:
    """A channel by which somebody may be contacted, or why not."""

    channel: str
    label: Any
    address: str
    is_open: bool
    why_not: str = ""
    url: str = ""  # where the house itself contacts them


@dataclass(frozen=True)
class Entry:
    """One line: who, why (the weightiest first), by which ways, what they are worth, and the last contact."""

    customer: "Customer"
    reasons: tuple[Reason, ...]
    ways: tuple[Way, ...]
    spent: Decimal | None
    last_contact_at: datetime | None
    score: float

    @property
    def open_ways(self) -> tuple[Way, ...]:
        return tuple(way for way in self.ways if way.is_open)

    @property
    def shut_ways(self) -> tuple[Way, ...]:
        return tuple(way for way in self.ways if not way.is_open)

    @property
    def phone(self) -> str:
        """The number that may be called, or nothing."""
        return next((way.address for way in self.open_ways if way.channel == "phone"), "")


@dataclass(frozen=True)
class Facts:
    """What the warehouse knows of the customers looked at, by their id; empty before it was built."""

    rows: Mapping[int, Mapping[str, Any]] = field(default_factory=dict)

    def of(self, customer_id: int) -> Mapping[str, Any]:
        return self.rows.get(customer_id, {})


# --- reasons -------------------------------------------------------------------------------------


def promised(actor: Actor, at: datetime) -> Iterable[tuple[Any, Reason]]:
    """Calls and meetings of one's own that are due."""
    rows = crm_queries.tasks(actor).filter(owner=actor.user, status="open", kind__in=CONTACTS, customer__isnull=False)
    for row in rows.filter(due_at__lte=due.end_of(due.day_of(at))).order_by("due_at")[:MOST_FOUND]:
        is_late = row.due_at < at
        words = _("Promised: %(title)s, overdue since %(day)s") if is_late else _("Promised for today: %(title)s")
        told = words % {"title": row.title, "day": figures.day(row.due_at)}
        yield row.customer_id, Reason("promised", partial(str, told), 110 if is_late else 100, True, "task", row.pk)


def closing(actor: Actor, at: datetime) -> Iterable[tuple[Any, Reason]]:
    """Deals of one's own that are expected within a week, or were expected already."""
    today, until = due.day_of(at), due.day_of(at + CLOSING)
    rows = crm_queries.deals(actor).filter(owner=actor.user, status="open", customer__isnull=False)
    for row in rows.filter(expected_on__lte=until).order_by("expected_on")[:MOST_FOUND]:
        is_late = row.expected_on < today
        words = _("Deal “%(title)s” was expected on %(day)s") if is_late else _("Deal “%(title)s” closes on %(day)s")
        told = words % {"title": row.title, "day": figures.day(row.expected_on)}
        yield row.customer_id, Reason("deal", partial(str, told), 70 if is_late else 60, True, "deal", row.pk)


def entered(actor: Actor, at: datetime) -> Iterable[tuple[int, Reason]]:
    """Who came into a marketing segment in the last days; what a new segment began with is no news."""
    since = at - NEWS
    live = Segment.objects.filter(archived_at__isnull=True, purpose="marketing", created_at__lt=since)
    names = dict(live.values_list("pk", "name"))  # by number: for a subquery PostgreSQL would read the whole ledger
    people = _own(actor, crm_queries.customers(actor)).values("pk")
    rows = Membership.objects.filter(
        segment__in=list(names), entered_at__gte=since, left_at__isnull=True, customer__in=people
    )
    for row in rows.order_by("-entered_at")[:MOST_FOUND]:
        days = (due.day_of(at) - due.day_of(row.entered_at)).days
        ago = ngettext("Entered “%(name)s” %(n)s day ago", "Entered “%(name)s” %(n)s days ago", days)
        told = (ago if days else _("Entered “%(name)s” today")) % {"name": names[row.segment_id], "n": days}
        yield row.customer_id, Reason("entered", partial(str, told), 25)


def found_in_warehouse(actor: Actor) -> list[int]:
    """The most valuable of those whose doings give a reason: slowed down, at risk, a cart left behind. Kept while the
    profiles stay the same."""
    snapshot = profile_queries.current()
    teams = None if actor.team_ids is None else sorted(actor.team_ids)
    name = f"worklist:{actor.user.pk}:{teams}"
    return answers.kept(name, snapshot.pk, lambda: _look_in(snapshot, actor))


def _look_in(snapshot: Any, actor: Actor) -> list[int]:
    teams = None if actor.team_ids is None else tuple(sorted(actor.team_ids))
    found = profile_queries.select(_best_of(actor.user.pk, teams), snapshot=snapshot)
    return [int(one) for one in found["customer_id"].to_pylist()]


@lru_cache(maxsize=256)
def _best_of(user_id: int, teams: tuple[int, ...] | None) -> str:
    """The statement; writing it down takes as long as its answer."""
    mine = ROW.owner_id.isnull() | (ROW.owner_id == user_id)
    rows = PROFILE.join(ROW.filter(mine), PROFILE.customer_id == ROW.id)
    if teams is not None:
        rows = rows.filter(rows.team_id.isin(teams))
    tells = (
        (rows.journey_stage == "slowed_down")
        | rows.rfm_cell.isin(AT_RISK)
        | (rows.cart_abandoned_days <= CART_DAYS).fill_null(False)
    )
    rows = rows.filter(tells & ~rows.is_restricted & ~rows.has_objected)
    best = rows.order_by(ibis.desc("monetary_amount"), "customer_id").limit(MOST_FOUND)
    return profile_queries.statement(best.select("customer_id"))


def read_off(facts: Mapping[str, Any]) -> Iterable[Reason]:
    """The reasons that follow from what somebody did."""
    if facts.get("journey_stage") == "slowed_down" and facts.get("days_between_orders"):
        yield Reason("slowed", partial(_slowed, facts), 40)
    elif facts.get("rfm_cell") in AT_RISK:
        yield Reason("at_risk", partial(_at_risk, facts), 30)
    if facts.get("cart_abandoned_days") is not None and facts["cart_abandoned_days"] <= CART_DAYS:
        yield Reason("cart", partial(_left_cart, facts), 35)
    if facts.get("rfm_monetary") == TOP_FIFTH:
        yield Reason("value", partial(_spends_most, facts), 10)


def _slowed(facts: Mapping[str, Any]) -> str:
    usual = figures.number(Decimal(str(facts["days_between_orders"])))
    told = _("Regular who has slowed down: %(days)s days since the last order, usually %(usual)s")
    return told % {"days": figures.number(facts["recency_days"]), "usual": usual}


def _at_risk(facts: Mapping[str, Any]) -> str:
    told = _("Bought often, then nothing for %(days)s days")
    return told % {"days": figures.number(facts["recency_days"])}


def _left_cart(facts: Mapping[str, Any]) -> str:
    cart = int(facts["cart_abandoned_days"])
    told = ngettext("Left a cart behind %(n)s day ago", "Left a cart behind %(n)s days ago", cart)
    return told % {"n": cart} if cart else _("Left a cart behind today")


def _spends_most(facts: Mapping[str, Any]) -> str:
    return _("Among the fifth that spends most: %(spent)s") % {
        "spent": figures.money(facts["monetary_amount"], digits=0)
    }


@cache
def _of_chosen() -> str:
    return profile_queries.statement(PROFILE.filter(PROFILE.customer_id.isin(CHOSEN.customer_id)))


# --- the list ------------------------------------------------------------------------------------


def entries(actor: Actor, *, at: datetime, most: int = MOST_SHOWN) -> list[Entry]:
    """Whom the actor should contact today, the most pressing first; those put off or just contacted are left out."""
    reasons: dict[int, list[Reason]] = defaultdict(list)
    for source in (promised, closing, entered):
        for customer_id, reason in source(actor, at):
            if all(known.key != reason.key for known in reasons[customer_id]):
                reasons[customer_id].append(reason)
    looked_at = _in_warehouse(actor)
    facts = _facts(actor, [*reasons, *looked_at])
    for customer_id in {*reasons, *looked_at}:
        reasons[customer_id] += read_off(facts.of(customer_id))
    ranked = _ranked(actor, reasons, facts, at)[: most * 2]
    return _dressed(ranked, actor, reasons, facts, at)[:most]


def _in_warehouse(actor: Actor) -> list[int]:
    try:
        return found_in_warehouse(actor)
    except (profile_queries.NoSnapshot, profile_queries.EngineError):
        return []  # tasks and deals are reasons enough until the warehouse is built


def _facts(actor: Actor, ids: Sequence[int]) -> Facts:
    """What the profiles say of these customers; kept while both stay the same."""
    if not ids:
        return Facts()
    wanted = sorted(set(ids))
    try:
        snapshot = profile_queries.current()
        name = f"worklist facts:{actor.user.pk}:{wanted}"
        return answers.kept(name, snapshot.pk, lambda: _read_facts(snapshot, wanted))
    except (profile_queries.NoSnapshot, profile_queries.EngineError):
        return Facts()


def _read_facts(snapshot: Any, ids: Sequence[int]) -> Facts:
    chosen = {"chosen": pa.table({"customer_id": pa.array(ids, pa.int64())})}
    rows = profile_queries.select(_of_chosen(), tables=chosen, snapshot=snapshot).to_pylist()
    return Facts({row["customer_id"]: row for row in rows})


def _ranked(actor: Actor, reasons: Mapping[int, list[Reason]], facts: Facts, at: datetime) -> list[tuple[float, int]]:
    """Those left by id, with their scores: first what was promised, then the highest."""
    ids = [pk for pk, found in reasons.items() if any(one.key != "value" for one in found)]
    put_off = set(marks(actor, at=at).filter(customer__in=ids).values_list("customer_id", flat=True))
    people = _own(actor, crm_queries.customers(actor)).filter(pk__in=set(ids) - put_off, restricted_at__isnull=True)
    contacts = timeline.last_contacts(actor, ids, since=at - REST)
    rows = people.order_by().values_list("pk", "objected_at")
    left = [pk for pk, objected in rows if _is_due(reasons[pk], contacts.get(pk), at, objects=bool(objected))]
    found = [(score(reasons[pk], facts.of(pk)), pk) for pk in left]
    return sorted(found, key=lambda pair: (-_pressing(reasons[pair[1]]), -pair[0], pair[1]))


def _is_due(found: Iterable[Reason], last: datetime | None, at: datetime, *, objects: bool) -> bool:
    """Promised calls stay until they are made; a deal rests for the day after a contact, all else for a week."""
    was_today = last is not None and due.day_of(last) == due.day_of(at)
    if any(one.is_promised and not (one.key == "deal" and was_today) for one in found):
        return True
    return not objects and last is None


def _pressing(found: Iterable[Reason]) -> int:
    """The weight of what was promised; 0 where nothing was."""
    return max((one.weight for one in found if one.is_promised), default=0)


def score(reasons: Iterable[Reason], facts: Mapping[str, Any]) -> float:
    """The weights of the reasons, those that rest on value times a factor from 0.8 to 1.6 by the fifth of spending."""
    factor = 0.6 + 0.2 * (facts.get("rfm_monetary") or 1)
    return sum(one.weight if one.is_promised else one.weight * factor for one in reasons)


def _own(actor: Actor, people: Any) -> Any:
    """One's own customers and those of one's teams that are nobody's."""
    return people.filter(Q(owner=actor.user) | Q(owner__isnull=True))


def _dressed(
    ranked: Sequence[tuple[float, int]],
    actor: Actor,
    reasons: Mapping[int, list[Reason]],
    facts: Facts,
    at: datetime,
) -> list[Entry]:
    """The lines with ways and last contact; who can be reached by no way is left out, unless something was promised."""
    rows = crm_queries.customers(actor).select_related("company", "owner").in_bulk([pk for _score, pk in ranked])
    ranked = [(score, pk) for score, pk in ranked if pk in rows]
    people = [rows[pk] for _score, pk in ranked]
    ways, last = ways_of(people, at=at), timeline.last_contacts(actor, [row.pk for row in people])
    found = []
    for (weight, _pk), row in zip(ranked, people, strict=True):
        told = tuple(sorted(reasons[row.pk], key=lambda one: -one.weight))
        begun = {one.channel: url for one, url in panels.contacts(actor, row.pk)}
        own = tuple(replace(way, url=begun.get(way.channel, "")) for way in ways[row.pk])
        entry = Entry(row, told, own, facts.of(row.pk).get("monetary_amount"), last.get(row.pk), weight)
        if entry.open_ways or any(one.is_promised for one in told):
            found.append(entry)
    return found


# --- ways ----------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Channel:
    """By which column somebody is reached, and whether a yes is needed, or only that nobody said no."""

    key: str
    label: Any
    column: str
    needs_yes: bool


def channels() -> tuple[Channel, ...]:
    """Electronic marketing needs a consent beforehand; calls and letters are allowed until somebody forbids them."""
    return (
        Channel("phone", _("Phone"), "phone", False),
        Channel("email", _("E-mail"), "email", True),
        Channel("sms", _("SMS"), "phone", True),
        Channel("post", _("Post"), "street", False),
    )


def ways_of(people: Sequence["Customer"], *, at: datetime) -> dict[int, tuple[Way, ...]]:
    """Each person's ways, open or shut, in a few questions for all of them."""
    ids, found = [row.pk for row in people], channels()
    yes = {one.key: _consenting(one.key, ids, at) for one in found if one.needs_yes}
    no = {one.key: _refusing(one.key, ids) for one in found if not one.needs_yes}
    shut = {one.key: _suppressed(one, people) for one in found}
    return {row.pk: tuple(_way(row, one, yes, no, shut) for one in found) for row in people}


def _way(row: "Customer", channel: Channel, yes: Any, no: Any, shut: Any) -> Way:
    address = getattr(row, channel.column)
    checks = (
        (not address, _("no address")),
        (bool(row.objected_at), _("objects to marketing")),
        (row.pk in shut[channel.key], _("on the suppression list")),
        (channel.needs_yes and row.pk not in yes.get(channel.key, ()), _("no consent")),
        (not channel.needs_yes and row.pk in no.get(channel.key, ()), _("has forbidden it")),
    )
    why_not = next((words for is_so, words in checks if is_so), "")
    return Way(channel.key, channel.label, address, not why_not, why_not)


def _consenting(channel: str, ids: Sequence[int], at: datetime) -> set[int]:
    rows = crm_queries.consenting("marketing", channel, at=at).filter(customer__in=ids)
    return set(rows.values_list("customer_id", flat=True))


def _refusing(channel: str, ids: Sequence[int]) -> set[int]:
    return set(
        crm_queries.refusing("marketing", channel).filter(customer__in=ids).values_list("customer_id", flat=True)
    )


def _suppressed(channel: Channel, people: Sequence["Customer"]) -> set[int]:
    keys: dict[str, int] = {}
    for row in people:
        try:
            keys[address_key(channel.key, address_of(channel.key, row))] = row.pk
        except AddressRefused:
            continue
    return {keys[key] for key in crm_queries.suppressed_keys(channel.key, keys)}


# --- what was put off ----------------------------------------------------------------------------


def marks(actor: Actor, *, at: datetime) -> Any:
    """What the actor put off and is still waiting."""
    return WorklistMark.objects.filter(user=actor.user, until_at__gt=at)

"""The audience of a campaign: who is in it as of a moment, and for each the first reason not to write to them."""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache
from typing import Any, Final, NamedTuple

from django.db.models import Exists, F, OuterRef, Q, QuerySet
from django.db.models.functions import Coalesce
from django.db.models.lookups import LessThanOrEqual
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

from campaigns import channels, pressure, topics
from campaigns.delivery import permission
from campaigns.delivery.permission import NEEDS_CONSENT, consents
from campaigns.models import Attempt, Campaign, ContactCap, ContactWish, TopicChoice
from crm import addresses, answers
from crm import queries as crm_queries
from crm.among import Among
from crm.joined import Joined
from crm.models import Customer
from segments import panels
from segments import queries as segment_queries
from segments.models import Membership

READ: Final = (*permission.READ, Membership)
"""What sealing and sending ask; the database must know how much there is of each."""

CHUNK = 5_000
LOOKED_AT = 50_000  # members judged at a time where nothing is written
MOST_SPARSE = 3  # customers on a stretch for each that is meant
Segments = QuerySet | Sequence[int]


@dataclass(frozen=True)
class Prospect:
    """A member of the audience, with the ids of its included segments they are in, commas between.

    `reason` is empty when we may write; then `address_key` names the mailbox.
    """

    customer_id: int
    groups: str
    reason: str = ""
    address_key: str = ""


@dataclass(frozen=True)
class Loss:
    """One reason not to write: its code, the step of the funnel at which it counts, its words."""

    code: str
    step: str
    label: Any


LOSSES = (
    Loss("erased", "has_address", _("Erased")),
    Loss("no_address", "has_address", _("No address")),
    Loss("bad_address", "has_address", _("The address is not one")),
    Loss("restricted", "consents", _("Processing restricted")),
    Loss("objected", "consents", _("Objects to marketing")),
    Loss("no_consent", "consents", _("No consent")),
    Loss(topics.REFUSED, "consents", _("Does not want this topic")),
    Loss("suppressed", "not_suppressed", _("On the suppression list")),
    Loss(pressure.TOO_SOON, "within_caps", _("Got a message a short while ago")),
    Loss(pressure.TOO_MANY, "within_caps", _("Got as many messages as allowed")),
    Loss(pressure.OUTRANKED, "within_caps", _("A message that goes first takes their turn")),
    Loss(pressure.OWN_WISH, "within_caps", _("Wants messages less often")),
    Loss("same_address", "will_get_it", _("Another member has the same address")),
)
STEPS = (
    ("has_address", pgettext_lazy("reach", "have an address")),
    ("consents", pgettext_lazy("reach", "consent")),
    ("not_suppressed", pgettext_lazy("reach", "are not suppressed")),
    ("within_caps", _("have not had too much lately")),
    ("will_get_it", _("will get it")),
)


@dataclass(frozen=True)
class Step:
    """A step of the funnel: how many are left, and the losses on the way by reason code."""

    key: str
    label: str
    count: int
    losses: tuple[tuple[str, str, int], ...]


@dataclass(frozen=True)
class Reach:
    """The reach funnel. `will_get_it` includes the hold-out, which is drawn from them."""

    matches: int
    steps: tuple[Step, ...]

    @property
    def will_get_it(self) -> int:
        return self.steps[-1].count

    def as_json(self) -> dict[str, object]:
        """matches, then per step its count and its losses by reason."""
        steps = {
            step.key: {"count": step.count, "losses": {code: n for code, _, n in step.losses}} for step in self.steps
        }
        return {"matches": self.matches, **steps}


def funnel(reasons: Counter[str]) -> Reach:
    """The funnel from the number of members per reason; the empty reason counts those who will get it."""
    left = matches = reasons.total()
    steps = []
    for key, label in STEPS:
        losses = tuple((loss.code, str(loss.label), reasons[loss.code]) for loss in LOSSES if loss.step == key)
        left -= sum(count for *_, count in losses)
        steps.append(Step(key, str(label), left, tuple(one for one in losses if one[2])))
    return Reach(matches, tuple(steps))


def members(campaign: Campaign, as_of: datetime) -> QuerySet[Customer]:
    """Customers in any of the included segments and none of the excluded ones at that moment."""
    return members_of(campaign.include.values("pk"), campaign.exclude.values("pk"), as_of)


def members_of(include: Segments, exclude: Segments, as_of: datetime) -> QuerySet[Customer]:
    """The same for segments that no campaign was given yet."""
    return among(Customer.objects.filter(merged_into=None).order_by("pk"), include, exclude, as_of)


def among(customers: QuerySet[Customer], include: Segments, exclude: Segments, as_of: datetime) -> QuerySet[Customer]:
    """Those of the customers who are in any of the included segments and in none of the excluded."""
    included, excluded = intervals(include, as_of), intervals(exclude, as_of)
    return customers.filter(Exists(included)).exclude(Exists(excluded))


def intervals(segments: Segments, as_of: datetime) -> QuerySet[Membership]:
    """Memberships of the outer customer in these segments that were open at that moment."""
    return memberships(segments, as_of).filter(customer=OuterRef("pk"))


def memberships(segments: Segments, as_of: datetime) -> QuerySet[Membership]:
    """Memberships in these segments that were open at that moment, in no order."""
    still = Q(left_at=None) | Q(left_at__gt=as_of)
    # The time inside a function: else SQLite walks every interval of the segments, for the customers of each chunk.
    entered = LessThanOrEqual(Coalesce("entered_at", "entered_at"), as_of)
    return Membership.objects.filter(still, entered, segment__in=segments).order_by()


@dataclass(frozen=True)
class When:
    """At what moment the messages would leave, and which run asks: what others sent, or want to, depends on both."""

    at: datetime
    run_id: int = pressure.LAST


Seen = Callable[[Sequence[str]], set[str]]
"""Of these address keys, the ones another member of the run already has."""


def chunk(
    campaign: Campaign, as_of: datetime, *, after: int, size: int = CHUNK, seen: Seen, when: When | None = None
) -> list[Prospect]:
    """The next members by customer id, judged; empty at the end. Both the reach funnel and the sealing read this."""
    while groups := next_members(campaign, as_of, after, size):
        if rows := facts(campaign, as_of, groups):
            return judgement(campaign, rows, seen, when or When(as_of))
        after = max(groups)
    return []


def judgement(campaign: Campaign, rows: Sequence["Fact"], seen: Seen, when: When) -> list[Prospect]:
    """Each member with the first reason that holds."""
    keys = {row.pk: channels.key_of(row.address, campaign.channel) for row in rows}
    reasons = {row.pk: own_reason(row, keys[row.pk], campaign.purpose) for row in rows}
    open_rows = [pk for pk, reason in reasons.items() if not reason]
    suppressed = crm_queries.suppressed_keys(campaign.channel, [keys[pk] for pk in open_rows])
    reasons |= {pk: "suppressed" for pk in open_rows if keys[pk] in suppressed}
    open_rows = [pk for pk in open_rows if not reasons[pk]]
    reasons |= pressure.reasons(campaign, open_rows, when.at, members, when.run_id)
    taken = seen([keys[pk] for pk in open_rows if not reasons[pk]])
    return [judged(row, reasons[row.pk], keys[row.pk], taken) for row in rows]


class Fact(NamedTuple):
    """What the judgement needs to know of one member."""

    pk: int
    address: str
    erased_at: datetime | None
    restricted_at: datetime | None
    objected_at: datetime | None
    groups: str
    has_consent: bool
    refuses_topic: bool = False


def next_members(campaign: Campaign, as_of: datetime, after: int, size: int) -> dict[int, str]:
    """The next customers by id in an included segment, each with the ids of those segments, ascending.

    They are looked for on stretches of ids, each twice as long as the one before: so the ledger is read in the order
    of its segments or of its customers, whichever the database keeps, and no further than needed.
    """
    rows, found, width = memberships(ids_of(campaign.include), as_of), dict[int, str](), size
    last = Customer.objects.order_by("-pk").values_list("pk", flat=True).first() or 0
    while len(found) < size and after < last:
        stretch = rows.filter(customer__gt=after, customer__lte=after + width).values_list("customer")
        some = stretch.annotate(own=Joined("segment")).order_by("customer")[: size - len(found)]
        found |= {customer: in_order(own) for customer, own in some}
        after, width = after + width, 2 * width
    return found


@lru_cache(maxsize=10_000)
def in_order(listed: str) -> str:
    """The same numbers ascending and once each.

    >>> in_order("12,7,12")
    '7,12'
    """
    return ",".join(map(str, sorted(set(map(int, listed.split(","))))))


def stratum(groups: str) -> str:
    """The first of the segments a member is in: arms are balanced inside each.

    >>> stratum("7,12")
    '7'
    """
    return groups.partition(",")[0]


def facts(campaign: Campaign, as_of: datetime, groups: dict[int, str]) -> list[Fact]:
    """Facts of those customers who are members, by id. One pass each over the chunk: no question per row."""
    ids, channel = list(groups), campaign.channel
    excluded = memberships(ids_of(campaign.exclude), as_of).filter(close("customer_id", ids))
    out = set(excluded.values_list("customer", flat=True))
    granting = consents(channel=channel).filter(close("customer_id", ids))
    granted = set(granting.values_list("customer", flat=True))
    unwilling = topics.refusing(campaign.topic_id).filter(close("customer_id", ids))
    refusing = set(unwilling.values_list("customer", flat=True)) if campaign.topic_id else set()
    own = ("pk", "erased_at", "restricted_at", "objected_at", *channels.CHANNELS[channel].columns)
    people = Customer.objects.filter(close("pk", ids), merged_into=None).order_by("pk").values_list(*own)
    return [
        Fact(pk, addresses.given(where), erased, restricted, objected, groups[pk], pk in granted, pk in refusing)
        for pk, erased, restricted, objected, *where in people
        if pk in groups and pk not in out
    ]


def close(column: str, ids: Sequence[int]) -> Q:
    """Rows of these ids, and perhaps some that lie between them: a stretch costs less than thousands of values."""
    first, last = min(ids), max(ids)
    if last - first < MOST_SPARSE * len(ids):
        return Q(**{f"{column}__gte": first, f"{column}__lte": last})
    return Q(Among(F(column), ids))


def ids_of(segments: Any) -> list[int]:
    return list(segments.values_list("pk", flat=True))


def own_reason(row: Fact, key: str, purpose: str) -> str:
    """The first reason that lies in the customer's own row and consents."""
    needs_consent = purpose == NEEDS_CONSENT
    reasons = (
        (row.erased_at, "erased"),
        (not row.address, "no_address"),
        (not key, "bad_address"),
        (row.restricted_at, "restricted"),
        (needs_consent and row.objected_at, "objected"),
        (needs_consent and not row.has_consent, "no_consent"),
        (needs_consent and row.refuses_topic, topics.REFUSED),
    )
    return next((code for holds, code in reasons if holds), "")


def judged(row: Fact, reason: str, key: str, taken: set[str]) -> Prospect:
    """The member with the first reason that holds; a mailbox that may be written to is then taken."""
    reason = reason or ("same_address" if key in taken else "")
    if reason:
        return Prospect(row.pk, row.groups, reason)
    taken.add(key)
    return Prospect(row.pk, row.groups, "", key)


def had_enough(channel: str, customers: Callable[[], Sequence[int]], at: datetime) -> dict[str, int] | None:
    """How many of the customers the caps would keep from a marketing message of usual priority, by reason.

    None when no cap and no wish binds anybody on the channel.
    """
    if not pressure.binds(channel):
        return None
    usual, found, people = Campaign(channel=channel, purpose=NEEDS_CONSENT), Counter[str](), customers()
    for start in range(0, len(people), LOOKED_AT):
        found.update(pressure.reasons(usual, people[start : start + LOOKED_AT], at, members).values())
    return {one.code: found[one.code] for one in LOSSES if found[one.code]}


def enough_rests_on() -> tuple[Any, ...]:
    """What changes when other people may have had enough: what was sent and planned, the caps, their wishes."""
    bounds = ContactCap.objects.order_by("pk").values_list("channel", "at_most", "period_hours", "is_active")
    return answers.newest((Attempt, "id"), (ContactWish, "said_at"), (Campaign, "updated_at")), tuple(bounds)


WITHIN_CAPS = panels.Step(
    "within_caps",
    dict(STEPS)["within_caps"],
    had_enough,
    {one.code: one.label for one in LOSSES},
    enough_rests_on,
)


def everyone(
    campaign: Campaign, as_of: datetime, when: When | None = None, *, size: int = CHUNK
) -> Iterator[list[Prospect]]:
    """All members, judged, in the order of their ids, so many at a time."""
    after, all_seen = 0, set[str]()

    def seen(keys: Sequence[str]) -> set[str]:
        return all_seen

    while rows := chunk(campaign, as_of, after=after, size=size, seen=seen, when=when):
        yield rows
        after = rows[-1].customer_id


def reach(campaign: Campaign, as_of: datetime, members_at: datetime | None = None) -> Reach:
    """The reach funnel as it would be sealed at that moment, of the members of then or of an earlier moment."""
    return funnel(reasons(campaign, as_of, members_at))


def reasons(
    campaign: Campaign, as_of: datetime, members_at: datetime | None = None, tell: Callable[[int], None] | None = None
) -> Counter[str]:
    """The members by their reason, the empty one for those who would get it; `tell` hears how many are judged."""
    found: Counter[str] = Counter()
    for rows in everyone(campaign, members_at or as_of, When(as_of), size=LOOKED_AT):
        found.update(one.reason for one in rows)
        if tell:
            tell(found.total())
    return found


def kept_reach(
    campaign: Campaign,
    as_of: datetime,
    members_at: datetime | None = None,
    tell: Callable[[int], None] | None = None,
) -> Reach:
    """The same for looking at: judged again in the next hour, and when anything it rests on has changed.

    Of another version of the campaign, or of other members' approval, nothing is answered for a while still.
    """
    marks = answers.newest((Attempt, "id"), (TopicChoice, "said_at"), *crm_queries.MARKS_OF_REACH)
    name = f"reach:{campaign.pk}:{campaign.updated_at}:{members_at}:{listed(campaign)}"
    rests_on = (f"{as_of:%Y-%m-%d %H}", ledgers(campaign), marks)
    return funnel(answers.kept(name, rests_on, lambda: reasons(campaign, as_of, members_at, tell)))


def listed(campaign: Campaign) -> list[tuple[int, bool]]:
    """The segments of a campaign, and whether their members are left out."""
    return [(pk, is_out) for pk, _version, is_out in ledgers(campaign)]


def rows_of(campaign: Campaign) -> int:
    """How many members its segments have, each as often as they are one: what judging them costs."""
    return segment_queries.rows_of(campaign.include.all())


def ledgers(campaign: Campaign) -> list[tuple[int, int, bool]]:
    """The state of the segments of a campaign."""
    return [*states_of(campaign.include.all()), *states_of(campaign.exclude.all(), is_out=True)]


def states_of(segments: Iterable[Any], *, is_out: bool = False) -> list[tuple[int, int, bool]]:
    """Of each segment its id, the version of its ledger, and whether its members are left out."""
    return sorted((one.pk, one.ledger_version, is_out) for one in segments)

"""How many of those who match can be written to: address, then consent, then suppression, counted in one array."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

import ibis
import numpy as np

from segments import ledger
from segments.evaluation import Engine
from segments.rules import compiler, tables, tree

CHANNELS: Final = ("email", "sms")
NEEDS_CONSENT: Final = "marketing"  # other purposes rest on the contract with the customer
PERSON: Final = ibis.table(
    {"customer_id": "int64", "is_restricted": "boolean", "has_objected": "boolean"}, name="profile"
)
# What is known of a customer, a bit each: two for the person, then three for every channel.
UNRESTRICTED, UNOBJECTING, ADDRESS, CONSENT, FREE = 1, 2, 4, 8, 16
BITS_OF_CHANNEL: Final = 3
MOST_HELD = 2  # snapshots whose facts a process holds: nine bytes a customer


@dataclass(frozen=True)
class Reach:
    """Customers left after each step, in the order in which a campaign judges them.

    A campaign loses a few more: mailboxes that two members share, addresses that are none. `later` are the steps that
    floors above judge, each with who is left, and the losses by reason in words.
    """

    channel: str
    matches: int
    has_address: int
    consents: int
    not_suppressed: int
    later: tuple[tuple[str, int, Mapping[str, int]], ...] = ()

    @property
    def steps(self) -> tuple[tuple[str, int], ...]:
        return tuple((name, getattr(self, name)) for name in ("has_address", "consents", "not_suppressed"))


@dataclass(frozen=True)
class Facts:
    """What decides whether a customer can be written to: ids ascending, bits beside them; true from `since` on, until a
    consent begins or lapses (None: never)."""

    customers: ledger.Ids
    bits: np.ndarray
    since: datetime
    until: datetime | None

    def hold_at(self, moment: datetime) -> bool:
        return self.since <= moment and (self.until is None or moment < self.until)


def of_customers(customers: ledger.Ids, engine: Engine, *, purpose: str = NEEDS_CONSENT) -> tuple[Reach, ...]:
    """The reach of these customers by each channel."""
    facts = facts_of(engine)
    counts = np.bincount(_bits_of(customers, facts), minlength=256)
    return tuple(
        Reach(channel, len(customers), *_left(counts, _steps(i, purpose == NEEDS_CONSENT)))
        for i, channel in enumerate(CHANNELS)
    )


def reached(customers: ledger.Ids, engine: Engine, channel: str) -> list[int]:
    """Those of the customers whom marketing reaches by the channel."""
    facts = facts_of(engine)
    *_before, mask = _steps(CHANNELS.index(channel), True)
    places = _places_of(customers, facts)
    return facts.customers[places[(facts.bits[places] & mask) == mask]].tolist()


def _bits_of(customers: ledger.Ids, facts: Facts) -> np.ndarray:
    """The bits of those who are known."""
    return facts.bits[_places_of(customers, facts)]


def _places_of(customers: ledger.Ids, facts: Facts) -> np.ndarray:
    """Where those who are known stand."""
    if not len(facts.customers):
        return np.zeros(0, dtype=np.int64)
    places = np.minimum(np.searchsorted(facts.customers, customers), len(facts.customers) - 1)
    return places[facts.customers[places] == customers]


def _steps(channel: int, needs_consent: bool) -> tuple[int, int, int]:
    """The bits that must all be set at each step."""
    shift = BITS_OF_CHANNEL * channel
    address = ADDRESS << shift
    may = address | UNRESTRICTED | (UNOBJECTING | CONSENT << shift if needs_consent else 0)
    return address, may, may | FREE << shift


def _left(counts: np.ndarray, masks: tuple[int, int, int]) -> tuple[int, int, int]:
    address, may, free = masks
    return _having(counts, address), _having(counts, may), _having(counts, free)


def _having(counts: np.ndarray, mask: int) -> int:
    return int(counts[(np.arange(len(counts)) & mask) == mask].sum())


# --- the facts -----------------------------------------------------------------------------------

_held: dict[str, Facts] = {}


def facts_of(engine: Engine) -> Facts:
    """The facts of everybody; of a snapshot that is asked again and again they are held while they are true."""
    if engine.snapshot is None or engine.shared or engine.is_past:
        return read(engine)
    name, moment = engine.snapshot.file_name, engine.moment.now
    facts = _held.get(name)
    if facts is None or not facts.hold_at(moment):
        facts = read(engine)
        for old in list(_held)[: 1 - MOST_HELD]:
            _held.pop(old, None)
        _held[name] = facts
    return facts


def read(engine: Engine) -> Facts:
    """One pass over profiles, addresses and consents."""
    people: Any = PERSON
    for channel in CHANNELS:
        people = people.left_join(_facts(channel, engine), "customer_id").drop("customer_id_right")
    told = people.select("customer_id", bits=_written(people))
    found = engine.select(told.order_by("customer_id"), {})
    changes = engine.select(_changes(engine), {})["at"].to_pylist()
    customers, bits = (found[name].to_numpy() for name in ("customer_id", "bits"))
    return Facts(customers, bits.astype(np.uint8), engine.moment.now, changes[0])


def _written(people: Any) -> Any:
    """The bits of a row as one number."""
    truths = {UNRESTRICTED: ~people.is_restricted, UNOBJECTING: ~people.has_objected}
    for i, channel in enumerate(CHANNELS):
        for bit, name in ((ADDRESS, "address"), (CONSENT, "consent"), (FREE, "free")):
            truths[bit << BITS_OF_CHANNEL * i] = people[f"{channel}_{name}"]
    bits = [truth.fill_null(False).cast("int64") * bit for bit, truth in truths.items()]
    return sum(bits[1:], bits[0])


def _facts(channel: str, engine: Engine) -> Any:
    """Per customer: an address, a consent that holds, no suppression, for one channel."""
    reach = ibis.table(tables.REACH, name="reach").filter(lambda row: row.channel == channel)
    node = tree.ConsentCondition(NEEDS_CONSENT, channel)
    finding = compiler.consent_finding(node, compiler.scope(tree.Rule(node), engine.catalogue, engine.moment))
    consent = finding.rows.select("customer_id", granted=finding.holds(finding.rows))
    joined = reach.left_join(consent, "customer_id")
    return joined.select(
        "customer_id",
        **{
            f"{channel}_address": joined.has_address,
            f"{channel}_consent": joined.granted.fill_null(False),
            f"{channel}_free": ~joined.is_suppressed,
        },
    )


def _changes(engine: Engine) -> Any:
    """The next moment at which a consent begins or lapses."""
    now = ibis.literal(engine.moment.now)
    said = ibis.table(tables.CONSENT, name="consent").filter(lambda row: row.purpose == NEEDS_CONSENT)
    begins, lapses = said.select(at=said.since_at), said.select(at=said.expires_at)
    times = begins.union(lapses)
    return times.filter(times.at > now).aggregate(at=times.at.min())

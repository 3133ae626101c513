"""How many of those who match can be written to: address, then consent, then suppression, counted in the engine."""

from dataclasses import dataclass
from typing import Any, Final

import ibis
import pyarrow as pa

from segments import ledger
from segments.evaluation import Engine
from segments.rules import compiler, tables, tree

CHANNELS: Final = ("email", "sms")
NEEDS_CONSENT: Final = "marketing"  # other purposes rest on the contract with the customer
PERSON: Final = ibis.table(
    {"customer_id": "int64", "is_restricted": "boolean", "has_objected": "boolean"}, name="profile"
)
CHOSEN: Final = ibis.table({"customer_id": "int64"}, name="chosen")


@dataclass(frozen=True)
class Reach:
    """Customers left after each step, in the order in which a campaign judges them.

    A campaign loses a few more: mailboxes that two members share, addresses that are none, caps on contact.
    """

    channel: str
    matches: int
    has_address: int
    consents: int
    not_suppressed: int

    @property
    def steps(self) -> tuple[tuple[str, int], ...]:
        return tuple((name, getattr(self, name)) for name in ("has_address", "consents", "not_suppressed"))


def of_customers(customers: ledger.Ids, engine: Engine, *, purpose: str = NEEDS_CONSENT) -> tuple[Reach, ...]:
    """The reach of these customers by each channel: one pass."""
    measures: dict[str, Any] = {}
    people = PERSON.filter(PERSON.customer_id.isin(CHOSEN.customer_id))
    for channel in CHANNELS:
        people = people.left_join(_facts(channel, engine), "customer_id").drop("customer_id_right")
    for channel in CHANNELS:
        measures |= _measures(people, channel, needs_consent=purpose == NEEDS_CONSENT)
    extra = {"chosen": pa.table({"customer_id": pa.array(customers, pa.int64())})}
    row = engine.select(people.aggregate(**measures), extra).to_pylist()[0]
    return tuple(_reach(channel, len(customers), row) for channel in CHANNELS)


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


def _measures(people: Any, channel: str, *, needs_consent: bool) -> dict[str, Any]:
    has_address = people[f"{channel}_address"].fill_null(False)
    may = ~people.is_restricted
    if needs_consent:
        may &= ~people.has_objected & people[f"{channel}_consent"].fill_null(False)
    steps = (has_address, has_address & may, has_address & may & people[f"{channel}_free"].fill_null(False))
    return {f"{channel}{i}": step.sum().fill_null(0) for i, step in enumerate(steps)}


def _reach(channel: str, matches: int, row: dict[str, Any]) -> Reach:
    return Reach(channel, matches, *(int(row[f"{channel}{i}"]) for i in range(3)))

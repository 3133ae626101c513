"""Consents that a file brings: recorded with their evidence; a file never lifts a withdrawal that came later."""

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from crm.imports.plans import Plan, Stamp
from crm.imports.problems import Problem
from crm.models import Channel, ConsentEntry, ConsentState, Customer

BULK, ANY = 500, Channel.ANY.value


@dataclass(frozen=True)
class Consent:
    """What a row says about one purpose and channel; `at` is None when the file does not say when."""

    number: str
    row: int
    purpose: str
    channel: str
    is_granted: bool
    at: datetime | None
    evidence: dict[str, Any]


def plan_consents(consents: list[Consent], existing: Mapping[str, Customer], plan: Plan) -> None:
    """Keep in `plan.work.consents` those that say something new; warn where a later withdrawal stands."""
    customers = {customer.pk: number for number, customer in existing.items() if customer.pk}
    states: dict[tuple[str, str], list[ConsentState]] = defaultdict(list)
    for state in ConsentState.objects.filter(customer__in=customers) if consents and customers else ():
        states[customers[state.customer_id], state.purpose].append(state)
    plan.work.consents = []
    for consent in consents:
        said = states[consent.number, consent.purpose]
        lifted = [state.since_at for state in said if _lifts_withdrawal(consent, state)]
        if lifted:
            message = f"withdrawn on {max(lifted):%Y-%m-%d}; the file does not say that it was granted later"
            plan.problems.append(Problem(consent.row, str(consent.evidence["column"]), "consent_withdrawn", message))
        elif _is_news(consent, next((state for state in said if state.channel == consent.channel), None)):
            plan.work.consents.append(consent)
            plan.counts["consents"] += 1


def _lifts_withdrawal(consent: Consent, state: ConsentState) -> bool:
    """Whether the grant would undo the refusal: of its channel, of every channel, or of one among every channel."""
    is_about_both = consent.channel == state.channel or ANY in (consent.channel, state.channel)
    if state.is_granted or not consent.is_granted or not is_about_both:
        return False
    return consent.at is None or consent.at <= state.since_at


def _is_news(consent: Consent, state: ConsentState | None) -> bool:
    if state is None:
        return True
    is_older = consent.at is not None and consent.at <= state.since_at
    return state.is_granted != consent.is_granted and not is_older


def write_consents(consents: list[Consent], stamp: Stamp) -> None:
    """Append the ledger lines and set the states they lead to."""
    if not consents:
        return
    numbers = {consent.number for consent in consents}
    ids = dict(Customer.objects.filter(number__in=numbers).values_list("number", "pk"))
    ConsentEntry.objects.bulk_create([_entry(one, ids[one.number], stamp) for one in consents], batch_size=BULK)
    states = {(one.number, one.purpose, one.channel): _state(one, ids[one.number], stamp) for one in consents}
    ConsentState.objects.bulk_create(
        states.values(),
        batch_size=BULK,
        update_conflicts=True,
        unique_fields=["customer", "purpose", "channel"],
        update_fields=["is_granted", "since_at", "expires_at", "updated_at"],
    )


def _entry(consent: Consent, customer_id: int, stamp: Stamp) -> ConsentEntry:
    return ConsentEntry(
        customer_id=customer_id,
        purpose=consent.purpose,
        channel=consent.channel,
        act="granted" if consent.is_granted else "withdrawn",
        at=consent.at or stamp.at,
        source="import",
        evidence=consent.evidence,
        recorded_at=stamp.at,
        by=stamp.by,
        import_run=stamp.run,
    )


def _state(consent: Consent, customer_id: int, stamp: Stamp) -> ConsentState:
    return ConsentState(
        customer_id=customer_id,
        purpose=consent.purpose,
        channel=consent.channel,
        is_granted=consent.is_granted,
        since_at=consent.at or stamp.at,
        updated_at=stamp.at,
    )

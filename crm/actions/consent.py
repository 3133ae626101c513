"""Consent and suppression: the ledger with its current state, and the list of addresses never to be contacted."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from django.db import transaction
from django.utils.translation import gettext as _

from crm.actions.audit import audit
from crm.actions.identity import lock_living
from crm.actions.touches import touch
from crm.addresses import address_key
from crm.models import Channel, ConsentAct, ConsentEntry, ConsentState, Customer, Import, Purpose, Suppression
from crm.refusals import Refused
from crm.rights import Actor, require


class ConsentRefused(Refused):
    """Not a consent that would stand: no proof, an unknown purpose, or a time that cannot be."""

    code = "consent_invalid"


@transaction.atomic
def record_consent(
    customer: Customer,
    *,
    purpose: str,
    channel: str,
    act: str,
    said_at: datetime,
    source: str,
    evidence: Mapping[str, Any],
    by: Actor,
    at: datetime,
    expires_at: datetime | None = None,
    import_run: Import | None = None,
) -> ConsentEntry:
    """Write what the person said at `said_at` into the ledger, and into the state if nothing newer was said.

    A grant needs evidence (wording, form, message id) and the right consents.grant. Said twice at one time, no wins.
    """
    require(by, "consents.grant" if act == ConsentAct.GRANTED else "consents.withdraw")
    _check(purpose, channel, act, said_at, evidence, at)
    customer = lock_living(customer.pk)
    entry = ConsentEntry.objects.create(
        customer_id=customer.pk,
        purpose=purpose,
        channel=channel,
        act=act,
        at=said_at,
        expires_at=expires_at,
        source=source,
        evidence=dict(evidence),
        recorded_at=at,
        by=by.user,
        import_run=import_run,
    )
    _bring_up_to_date(entry, at)
    audit(
        kind="customer",
        object_id=customer.pk,
        verb=f"consent {act}",
        changes={f"consent.{purpose}.{channel}": [None, act]},
        by=by,
        at=at,
        import_run=import_run,
    )
    if import_run is None:
        touch([customer.pk], at=at)
    return entry


def _check(purpose: str, channel: str, act: str, said_at: datetime, evidence: Mapping[str, Any], at: datetime) -> None:
    for path, value, choices in (
        ("purpose", purpose, Purpose.values),
        ("channel", channel, Channel.values),
        ("act", act, ConsentAct.values),
    ):
        if value not in choices:
            raise ConsentRefused(_("Not one of the choices."), path=path, choices=choices, code="invalid_choice")
    if said_at > at:
        raise ConsentRefused(_("The time lies in the future."), path="at")
    if act == ConsentAct.GRANTED and not evidence:
        raise ConsentRefused(_("A consent needs its evidence, e.g. the wording and the form."), path="evidence")


def _bring_up_to_date(entry: ConsentEntry, at: datetime) -> None:
    place = {"customer_id": entry.customer_id, "purpose": entry.purpose, "channel": entry.channel}
    is_granted = entry.act == ConsentAct.GRANTED
    now = {"is_granted": is_granted, "since_at": entry.at, "expires_at": entry.expires_at, "updated_at": at}
    state, is_new = ConsentState.objects.get_or_create(**place, defaults=now)
    is_newer = entry.at > state.since_at or (entry.at == state.since_at and not is_granted)
    if not is_new and is_newer:
        ConsentState.objects.filter(pk=state.pk).update(**now)


@transaction.atomic
def suppress(*, channel: str, address: str, reason: str, source: str, by: Actor, at: datetime) -> Suppression:
    """Never contact the address again by the channel. Said again, the first reason and time stay."""
    return suppress_key(channel=channel, key=address_key(channel, address), reason=reason, source=source, by=by, at=at)


@transaction.atomic
def suppress_key(*, channel: str, key: str, reason: str, source: str, by: Actor, at: datetime) -> Suppression:
    """As suppress, for an address known by its keyed hash only."""
    require(by, "consents.withdraw")
    first = {"reason": reason, "at": at, "source": source}
    row, is_new = Suppression.objects.get_or_create(channel=channel, address_key=key, defaults=first)
    if is_new:
        audit(kind="suppression", object_id=row.pk, verb="suppressed", changes={"reason": [None, reason]}, by=by, at=at)
    return row


@transaction.atomic
def lift_suppression(suppression: Suppression, *, proof: str, by: Actor, at: datetime) -> None:
    """Take the address off the list, with the new proof that its owner wants to be contacted."""
    require(by, "suppressions.lift")
    if not proof.strip():
        raise ConsentRefused(_("New proof is needed."), path="proof")
    changes = {"reason": [suppression.reason, None], "proof": [None, proof], "channel": [suppression.channel, None]}
    audit(kind="suppression", object_id=suppression.pk, verb="lifted", changes=changes, by=by, at=at)
    Suppression.objects.filter(pk=suppression.pk).delete()

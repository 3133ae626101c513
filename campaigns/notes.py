"""Short letters to one person that are no campaign: may we write to you, and the way to your data."""

from datetime import datetime
from typing import Any

from django.conf import settings
from django.core import signing
from django.core.mail import EmailMessage
from django.db import transaction
from django.utils.translation import gettext as _
from django.utils.translation import override

from crm import actions as crm_actions
from crm import addresses, rights
from crm import queries as crm_queries
from crm.refusals import NotPossibleNow, Refused
from crm.rights import Actor

OPT_IN, OWN_DATA = "opt-in", "own data"
DAYS = {OPT_IN: 7, OWN_DATA: 1}
PATHS = {OPT_IN: "i", OWN_DATA: "d"}
OPT_INS = ("marketing", "tracking", "profiling")
WORDING = "opt-in 1"  # change with the words of the letter or the page: it is part of the evidence
PERSON = rights.machine("recipient")


class Asked(Exception):
    """The address of the letter is wrong, or too old."""


def token(kind: str, **told: Any) -> str:
    """A signed word good for one kind of letter, for as many days as it has."""
    return signing.dumps(told, salt=kind)


def read(kind: str, given: str) -> tuple[Any, dict[str, Any]]:
    """Customer and words of a token. Raises `Asked`; also when the address of then is no longer theirs."""
    try:
        told = signing.loads(given, salt=kind, max_age=DAYS[kind] * 86_400)
    except signing.BadSignature as error:
        raise Asked from error
    customer = crm_queries.now_known_as(told["customer"])
    if customer is None or key_of(customer) != told["key"]:
        raise Asked
    return customer, told


def key_of(customer: Any) -> str:
    """The keyed hash of the mailbox. Raises `AddressRefused` when there is none."""
    return addresses.address_key("email", customer.email)


def url(kind: str, customer: Any, **told: Any) -> str:
    return f"{settings.BASE_URL}/{PATHS[kind]}/{token(kind, customer=customer.pk, key=key_of(customer), **told)}/"


def send(customer: Any, subject: str, body: str) -> None:
    """To the customer, at once. Raises `NotPossibleNow` when the server does not take it."""
    try:
        EmailMessage(subject, body, settings.DEFAULT_FROM_EMAIL, [customer.email.strip()]).send()
    except OSError as error:
        raise NotPossibleNow(_("The mail server does not answer; try again later.")) from error


def language_of(customer: Any) -> str | None:
    return customer.language if customer.language in dict(settings.LANGUAGES) else None


@transaction.atomic
def ask_for_consent(customer: Any, *, purpose: str, by: Actor, at: datetime) -> None:
    """Ask whether they want it; nothing is granted before they press the button (double opt-in)."""
    rights.require(by, "consents.grant")
    if purpose not in OPT_INS:
        raise Refused(_("There is no such purpose."), path="purpose", choices=OPT_INS)
    if customer.objected_at or customer.restricted_at or customer.erased_at:
        raise NotPossibleNow(_("This person objected, or their data are frozen: they are not asked."))
    with override(language_of(customer)):
        subject = _("%(firm)s: may we write to you?") % {"firm": settings.FIRM_NAME}
        body = _("Somebody gave us this address for messages from %(firm)s. If that was you, confirm it within a week:")
        rest = _("Otherwise do nothing: you will get no messages.")
        link = url(OPT_IN, customer, purpose=purpose, asked_at=at.isoformat())
        send(customer, subject, f"{body % {'firm': settings.FIRM_NAME}}\n\n{link}\n\n{rest}\n")
    changes = {"purpose": [None, purpose]}
    crm_actions.audit(kind="customer", object_id=customer.pk, verb="asked for consent", changes=changes, by=by, at=at)


@transaction.atomic
def confirm(customer: Any, told: dict[str, Any], *, at: datetime) -> None:
    """They pressed the button: the consent is theirs, with what they were asked and when as evidence."""
    evidence = {
        "wording": WORDING,
        "asked_at": told["asked_at"],
        "confirmed_at": at.isoformat(),
        "address": told["key"],
    }
    said = {"purpose": told["purpose"], "channel": "email", "act": "granted", "said_at": at, "source": "double opt-in"}
    crm_actions.record_consent(customer, **said, evidence=evidence, by=PERSON, at=at)
    left = crm_queries.suppressions(PERSON).filter(channel="email", address_key=told["key"], reason="unsubscribed")
    for suppression in left if told["purpose"] == "marketing" else ():
        crm_actions.lift_suppression(suppression, proof="double opt-in", by=PERSON, at=at)


def send_way_to_data(customer: Any, *, at: datetime) -> None:
    """A letter with the way to everything we know: only who reads the mailbox gets in, for a day."""
    with override(language_of(customer)):
        subject = _("%(firm)s: your data") % {"firm": settings.FIRM_NAME}
        body = _("Here is what we know about you. The address is good for one day:")
        send(customer, subject, f"{body}\n\n{url(OWN_DATA, customer)}\n")
    crm_actions.audit(kind="customer", object_id=customer.pk, verb="asked for own data", changes={}, by=PERSON, at=at)

"""Consent, suppression and the rights of the person, against a plain reading of the ledger."""

from collections.abc import Callable
from datetime import datetime, timedelta
from types import SimpleNamespace

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as some

from crm import access, actions, queries, rights
from crm.addresses import address_key
from crm.models import AuditLine, ConsentEntry, ConsentState, Customer, Suppression
from crm.refusals import Refused
from crm.rights import NotAllowed
from tests.crm.conftest import NOW

MACHINE = rights.machine("test")
PROOF = {"form": "newsletter", "wording": "2026-01"}


def say(customer: Customer, act: str, days: int, channel: str = "email", by: rights.Actor = MACHINE) -> ConsentEntry:
    said_at = NOW - timedelta(days=100 - days)
    more = {"purpose": "marketing", "said_at": said_at, "source": "test", "evidence": PROOF}
    return actions.record_consent(customer, channel=channel, act=act, by=by, at=NOW, **more)


def may_mail(customer: Customer, at: datetime = NOW) -> bool:
    return queries.consenting("marketing", "email", at=at).filter(customer=customer).exists()


def test_what_was_said_last_holds_whatever_order_it_arrives_in(make_customer: Callable) -> None:
    customer = make_customer("1")
    assert not may_mail(customer)
    say(customer, "granted", 10)
    assert may_mail(customer)
    say(customer, "withdrawn", 5)
    assert may_mail(customer), "an older withdrawal arrives late"
    say(customer, "withdrawn", 10)
    assert not may_mail(customer), "said both at one time: no wins"


ACTS, CHANNELS = some.sampled_from(["granted", "withdrawn"]), some.sampled_from(["email", "any", "sms"])


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=40)
@given(said=some.lists(some.tuples(ACTS, CHANNELS, some.integers(0, 5)), max_size=8))
def test_the_state_equals_a_plain_reading_of_the_ledger(said: list, make_customer: Callable) -> None:
    ConsentState.objects.all().delete()
    ConsentEntry.objects.all().delete()
    Customer.objects.all().delete()
    customer = make_customer("1")
    for act, channel, day in said:
        say(customer, act, day, channel)
    heard = [(day, act) for act, channel, day in said if channel in ("email", "any")]
    last_day = max((day for day, _act in heard), default=None)
    expected = bool(heard) and all(act == "granted" for day, act in heard if day == last_day)
    assert may_mail(customer) == expected
    assert customer.consent_entries.count() == len(said)


def test_a_grant_lapses_when_it_expires(make_customer: Callable) -> None:
    customer = make_customer("1")
    more = {"purpose": "marketing", "channel": "email", "act": "granted", "source": "t", "evidence": PROOF}
    actions.record_consent(customer, said_at=NOW, expires_at=NOW + timedelta(days=1), by=MACHINE, at=NOW, **more)
    assert may_mail(customer) and not may_mail(customer, NOW + timedelta(days=1))


@pytest.mark.parametrize(
    ("change", "path"),
    [
        ({"purpose": "fun"}, "purpose"),
        ({"channel": "pigeon"}, "channel"),
        ({"act": "maybe"}, "act"),
        ({"evidence": {}}, "evidence"),
        ({"said_at": NOW + timedelta(days=1)}, "at"),
    ],
)
def test_a_consent_that_would_not_stand_is_refused(change: dict, path: str, make_customer: Callable) -> None:
    values = {"purpose": "marketing", "channel": "email", "act": "granted", "said_at": NOW, "evidence": PROOF}
    with pytest.raises(Refused) as refusal:
        actions.record_consent(make_customer("1"), **{**values, **change}, source="t", by=MACHINE, at=NOW)
    assert refusal.value.path == path and not ConsentEntry.objects.exists()


def test_sales_and_marketers_record_opt_outs_but_no_consent(cast: SimpleNamespace, make_customer: Callable) -> None:
    customer = make_customer("1", cast.north)
    for user in (cast.anna, cast.maija):
        say(customer, "withdrawn", 1, by=access.of_user(user))
        with pytest.raises(NotAllowed):
            say(customer, "granted", 2, by=access.of_user(user))
    with pytest.raises(NotAllowed):
        say(customer, "withdrawn", 3, by=access.of_user(cast.aino))


def test_one_mailbox_has_one_key_and_other_channels_another() -> None:
    assert address_key("email", "Aada@Example.FI") == address_key("email", " aada@example.fi ")
    assert address_key("sms", "040 123 4567") == address_key("phone", "+358 40 1234567")
    assert address_key("email", "a@example.fi") != address_key("email", "b@example.fi")
    assert "aada" not in address_key("email", "aada@example.fi")


def test_the_key_is_the_published_hmac(settings: object) -> None:
    """RFC 4231 says how HMAC-SHA256 is made; here once by hand."""
    import hashlib

    settings.ADDRESS_HASH_KEY = "k"  # type: ignore[attr-defined]
    block = b"k".ljust(64, b"\0")
    inner = hashlib.sha256(bytes(byte ^ 0x36 for byte in block) + b"email:a@example.fi").digest()
    expected = hashlib.sha256(bytes(byte ^ 0x5C for byte in block) + inner).hexdigest()
    assert address_key("email", "A@example.fi") == expected


def test_suppression_is_said_once_and_lifted_by_admins_with_proof_only(cast: SimpleNamespace) -> None:
    def suppress(reason: str) -> Suppression:
        more = {"channel": "email", "address": "a@example.fi", "source": "test"}
        return actions.suppress(reason=reason, by=MACHINE, at=NOW, **more)

    row = suppress("complaint")
    assert suppress("manual").reason == "complaint"
    assert queries.is_suppressed("email", "A@EXAMPLE.fi") and not queries.is_suppressed("email", "b@example.fi")
    assert queries.is_suppressed("email", "no address")
    with pytest.raises(NotAllowed):
        actions.lift_suppression(row, proof="asked", by=access.of_user(cast.maija), at=NOW)
    with pytest.raises(Refused):
        actions.lift_suppression(row, proof=" ", by=access.of_user(cast.adele), at=NOW)
    actions.lift_suppression(row, proof="letter of 1.11.", by=access.of_user(cast.adele), at=NOW)
    assert not queries.is_suppressed("email", "a@example.fi")
    assert [line.verb for line in AuditLine.objects.filter(kind="suppression").order_by("id")] == [
        "suppressed",
        "lifted",
    ]


def test_erasure_leaves_nothing_that_says_who_and_nobody_writes_again(db: None) -> None:
    values = {"number": "1", "first_name": "Planted", "email": "planted@example.fi", "phone": "0401234567"}
    customer = actions.create_customer(values=values, by=MACHINE, at=NOW)
    say(customer, "granted", 1)
    event = actions.NewEvent("web", "1", "page", NOW, customer.pk, properties={"mail": "planted@example.fi"})
    actions.record_events([event], by=MACHINE, at=NOW)
    actions.erase_customer(customer, by=MACHINE, at=NOW)
    kept = [
        str(row.__dict__) for model in (Customer, AuditLine, ConsentEntry, Suppression) for row in model.objects.all()
    ]
    kept += [str(row.properties) for row in customer.events.all()]
    assert not [row for row in kept if "lanted" in row or "0401234567" in row or "+35840" in row]
    assert queries.is_suppressed("email", "planted@example.fi") and queries.is_suppressed("sms", "+358401234567")
    assert not queries.customers(MACHINE).exists()
    actions.create_customer(values={"number": "2", "email": "planted@example.fi"}, by=MACHINE, at=NOW)
    assert queries.is_suppressed("email", "planted@example.fi"), "coming back by import lifts nothing"


def test_objection_may_be_filed_by_sales_and_erasure_only_executed_by_admins(
    cast: SimpleNamespace, make_customer: Callable
) -> None:
    customer, anna = make_customer("1", cast.north), access.of_user(cast.anna)
    assert actions.record_objection(customer, by=anna, at=NOW).objected_at == NOW
    for verb in (actions.erase_customer, actions.restrict_customer):
        with pytest.raises(NotAllowed):
            verb(customer, by=anna, at=NOW)

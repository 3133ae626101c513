"""The rights of the person: restriction (article 18), objection (21) and erasure (17) of the GDPR."""

from collections.abc import Iterable
from datetime import datetime
from typing import Any

from django.db import transaction
from django.db.models import Q

from crm.actions.audit import audit
from crm.actions.consent import suppress_key
from crm.actions.forgetting_work import forget_work
from crm.actions.identity import lock_living
from crm.actions.requests import close_by_erasure
from crm.actions.touches import touch
from crm.actions.words import forget_words
from crm.addresses import erased_number, keys_of
from crm.imports.forgetting import forget_in_imports
from crm.models import (
    AuditLine,
    ConsentEntry,
    Customer,
    CustomerTag,
    Event,
    FieldDefinition,
    IdempotencyRecord,
    Sensitivity,
)
from crm.rights import Actor, machine, require

SHORTEST_TELLING = 4  # characters; shorter ones stand in texts about anybody

# What erasure leaves empty; team and stage stay so that sums and sealed results stay true. The number stays, too, so
# that no file brings the person back, unless it was made from what says who they are: then a keyed hash of it stays.
SCRUBBED: dict[str, Any] = {
    "first_name": "", "last_name": "", "email": "", "phone": "", "language": "", "time_zone": "", "birth_date": None,
    "gender": "", "street": "", "postal_code": "", "city": "", "country": "", "attributes": {}, "company": None,
    "owner": None, "source": "",
}  # fmt: skip


def restrict_customer(customer: Customer, *, by: Actor, at: datetime) -> Customer:
    """Freeze processing: no sending, no scoring, no changes, until lifted."""
    return _mark(customer, "restricted_at", at, "restricted", by=by, at=at)


def lift_restriction(customer: Customer, *, by: Actor, at: datetime) -> Customer:
    """Process the customer's data again."""
    return _mark(customer, "restricted_at", None, "restriction lifted", by=by, at=at)


def record_objection(customer: Customer, *, by: Actor, at: datetime) -> Customer:
    """The person objects to marketing and profiling: out of segments, scores and sends from now on."""
    return _mark(customer, "objected_at", at, "objected", by=by, at=at, right="privacy.file")


@transaction.atomic
def _mark(
    customer: Customer, column: str, value: Any, verb: str, *, by: Actor, at: datetime, right: str = "privacy.execute"
) -> Customer:
    require(by, right)
    row = lock_living(customer.pk)
    before = getattr(row, column)
    if bool(before) != bool(value):
        Customer.objects.filter(pk=row.pk).update(**{column: value, "updated_at": at})
        audit(kind="customer", object_id=row.pk, verb=verb, changes={column: [before, value]}, by=by, at=at)
        touch([row.pk], at=at)
    row.refresh_from_db()
    return row


@transaction.atomic
def erase_customer(customer: Customer, *, by: Actor, at: datetime) -> Customer:
    """Scrub everything that says who this was; keep keyed hashes of the addresses so that nobody writes to them again.

    Whoever was merged away is erased with the record they belong to now. Orders and bare events stay as facts of the
    firm. Floors above sweep their own rows by `erased_at`.
    """
    require(by, "privacy.execute")
    row = _locked_whole(customer.pk)
    if row.merged_into and not row.merged_into.erased_at:
        erase_customer(row.merged_into, by=by, at=at)
        row.refresh_from_db()
    if row.erased_at:
        return row
    told = telling(row)
    for channel, key in keys_of(row).items():
        suppress_key(channel=channel, key=key, reason="erased", source="erasure", by=machine("erasure"), at=at)
    forget_in_imports(row, told)
    number = erased_number(row.number) if says_who(row.number, told) else row.number
    Customer.objects.filter(pk=row.pk).update(**SCRUBBED, number=number, erased_at=at, updated_at=at)
    forget_words([row.first_name, row.last_name])
    Event.objects.filter(customer=row).update(properties={}, anonymous_id="")
    ConsentEntry.objects.filter(customer=row).update(evidence={})
    AuditLine.objects.filter(kind="customer", object_id=row.pk).update(changes={})
    CustomerTag.objects.filter(customer=row).delete()
    forget_work(row, at=at)
    close_by_erasure(row, by=by, at=at)
    IdempotencyRecord.objects.filter(scope__contains=" customers.", body__id=row.pk).delete()
    audit(kind="customer", object_id=row.pk, verb="erased", changes={"erased_at": [None, at]}, by=by, at=at)
    touch([row.pk], at=at)
    for tombstone in Customer.objects.filter(merged_into=row, erased_at=None):
        erase_customer(tombstone, by=by, at=at)
    row.refresh_from_db()
    return row


def _locked_whole(pk: int) -> Customer:
    """The customer, locked with what was merged into it, in the order of their ids as everybody locks them."""
    rows = Customer.objects.select_for_update().filter(Q(pk=pk) | Q(merged_into=pk)).order_by("pk")
    return next(row for row in rows if row.pk == pk)


def note_takeout(customer: Customer, *, by: Actor, at: datetime) -> None:
    """Write down that everything held about the person was taken out."""
    require(by, "privacy.execute")
    audit(kind="customer", object_id=customer.pk, verb="exported", changes={}, by=by, at=at)


def telling(row: Customer) -> set[str]:
    """The texts of the row that say who it is: names, addresses, and a number made from one of them."""
    columns = ("first_name", "last_name", "email", "phone", "street")
    texts = {getattr(row, column).strip() for column in columns} | {row.email.partition("@")[0]}
    found = {text for text in texts if len(text) >= SHORTEST_TELLING}
    return found | {row.number} if says_who(row.number, found) else found


def says_who(number: str, told: Iterable[str]) -> bool:
    """Whether a customer number was made from an address or a name."""
    return "@" in number or any(text.casefold() in number.casefold() for text in told)


def note_special_use(row: Customer, definitions: Iterable[FieldDefinition], *, by: Actor, at: datetime) -> None:
    """Write down that values of special-category fields (article 9) were shown to somebody."""
    keys = [field.key for field in definitions if field.sensitivity == Sensitivity.SPECIAL]
    if keys:
        seen: dict[str, list[Any]] = {f"attributes.{key}": [None, None] for key in keys}
        audit(kind="customer", object_id=row.pk, verb="special seen", changes=seen, by=by, at=at)

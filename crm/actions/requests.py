"""Requests of persons about their data: filed by whoever hears of one, due in a month, done or refused."""

from datetime import date, datetime

from django.db import transaction
from django.utils.translation import gettext as _

from crm import due, queries
from crm.actions.audit import audit
from crm.actions.rows import ValueRefused
from crm.models import CameBy, Customer, PrivacyRequest, RequestKind, RequestState
from crm.refusals import NotPossibleNow
from crm.rights import Actor, require


def due_on(asked_on: date, months: int = 1) -> date:
    """A month after, or three, at the latest its last day (GDPR article 12(3)).

    >>> due_on(date(2026, 1, 31)), due_on(date(2026, 12, 5)), due_on(date(2026, 11, 30), 3)
    (datetime.date(2026, 2, 28), datetime.date(2027, 1, 5), datetime.date(2027, 2, 28))
    """
    return due.months_from(asked_on, months)


@transaction.atomic
def file_request(
    customer: Customer, *, kind: str, by: Actor, at: datetime, came_by: str = CameBy.EMAIL, words: str = "",
    asked_on: date | None = None,
) -> PrivacyRequest:  # fmt: skip
    """Write down that a person uses a right; the clock runs from the day on which it reached the firm."""
    require(by, "privacy.file")
    today = due.day_of(at)
    asked_on = asked_on or today
    if kind not in RequestKind.values or came_by not in CameBy.values:
        raise ValueRefused(_("Not one of the choices."), path="kind" if kind not in RequestKind.values else "came_by")
    if asked_on > today or asked_on.year < 2018:
        raise ValueRefused(_("A day between 2018 and today."), path="asked_on")
    if len(words) > 4000:
        raise ValueRefused(_("At most 4000 characters."), path="words")
    if not queries.customers(by).filter(pk=customer.pk).exists():
        raise ValueRefused(_("Not found."), path="customer")
    row = PrivacyRequest.objects.create(
        customer=customer, kind=kind, came_by=came_by, words=words.strip(), asked_on=asked_on, due_on=due_on(asked_on),
        filed_at=at, filed_by=by.user,
    )  # fmt: skip
    audit(kind="privacy_request", object_id=row.pk, verb="filed", changes={"kind": [None, str(kind)]}, by=by, at=at)
    return row


@transaction.atomic
def decide_request(request: PrivacyRequest, *, state: str, outcome: str, by: Actor, at: datetime) -> PrivacyRequest:
    """Done, or refused; what was done, or why not, is part of it and told to the person."""
    require(by, "privacy.execute")
    if state not in (RequestState.DONE, RequestState.REFUSED):
        raise ValueRefused(_("Not one of the choices."), path="state", choices=["done", "refused"])
    words = outcome.strip()
    if len(words) > 1000 or (not words and state == RequestState.REFUSED):
        raise ValueRefused(_("Say why, in at most 1000 characters."), path="outcome")
    row = PrivacyRequest.objects.select_for_update().get(pk=request.pk)
    if row.state != RequestState.OPEN:
        raise NotPossibleNow(_("This request is decided already."))
    row.state, row.outcome, row.decided_at, row.decided_by = state, words, at, by.user
    row.save(update_fields=["state", "outcome", "decided_at", "decided_by"])
    audit(kind="privacy_request", object_id=row.pk, verb=state, changes={"state": ["open", str(state)]}, by=by, at=at)
    return row


@transaction.atomic
def extend_request(request: PrivacyRequest, *, because: str, by: Actor, at: datetime) -> PrivacyRequest:
    """Two months more, once, where a request is complex or there are many; the person is told why (article 12(3))."""
    require(by, "privacy.execute")
    words = because.strip()
    if not 1 <= len(words) <= 1000:
        raise ValueRefused(_("Say why, in at most 1000 characters."), path="because")
    row = PrivacyRequest.objects.select_for_update().get(pk=request.pk)
    if row.state != RequestState.OPEN:
        raise NotPossibleNow(_("This request is decided already."))
    if row.extended_because:
        raise NotPossibleNow(_("This request was prolonged already; the law allows it once."))
    before, row.due_on, row.extended_because = row.due_on, due_on(row.asked_on, months=3), words
    row.save(update_fields=["due_on", "extended_because"])
    changes = {"due_on": [str(before), str(row.due_on)]}
    audit(kind="privacy_request", object_id=row.pk, verb="prolonged", changes=changes, by=by, at=at)
    return row


def close_by_erasure(customer: Customer, *, by: Actor, at: datetime) -> None:
    """What was asked about data that are gone is done."""
    for row in PrivacyRequest.objects.select_for_update().filter(customer=customer, state=RequestState.OPEN):
        row.state, row.outcome = RequestState.DONE, _("Their data were erased.")
        row.decided_at, row.decided_by = at, by.user
        row.save(update_fields=["state", "outcome", "decided_at", "decided_by"])
        changes = {"state": ["open", "done"]}
        audit(kind="privacy_request", object_id=row.pk, verb="done", changes=changes, by=by, at=at)

"""Deals: opened, changed, moved through stages, won, lost with a reason, reopened; the last step can be taken back."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.conf import settings
from django.db import transaction
from django.utils.translation import gettext as _

from crm import queries
from crm.actions.audit import audit, created, difference
from crm.actions.pipelines import default_pipeline
from crm.actions.rows import ValueRefused, cleaned
from crm.actions.tasks import ChangedSince, MoveNotAllowed, refuse_frozen
from crm.models import Deal, DealMove, DealNote, DealStatus, LostReason, PipelineStage
from crm.rights import Actor, require

COLUMNS = (
    "title", "note", "customer", "company", "owner", "amount", "currency", "probability_share", "expected_on",
)  # fmt: skip
CURRENCY = re.compile(r"[A-Z]{3}")
REQUIRED = ("title", "amount", "expected_on")
LINKS = {"customer": queries.customers, "company": queries.companies}


@dataclass(frozen=True)
class Step:
    """A step of the lifecycle: from which statuses it leads to which, and the word of its audit line."""

    begins: tuple[str, ...]
    end: str
    verb: str


STEPS = {
    "move": Step((DealStatus.OPEN,), DealStatus.OPEN, "moved"),
    "win": Step((DealStatus.OPEN,), DealStatus.WON, "won"),
    "lose": Step((DealStatus.OPEN,), DealStatus.LOST, "lost"),
    "reopen": Step((DealStatus.WON, DealStatus.LOST), DealStatus.OPEN, "reopened"),
}


@transaction.atomic
def create_deal(*, values: Mapping[str, Any], by: Actor, at: datetime, stage: PipelineStage | None = None) -> Deal:
    """A new deal. `values` maps COLUMNS; unless named, its stage is the first and its owner the actor."""
    require(by, "deals.change")
    start = {**dict.fromkeys(REQUIRED, ""), "owner": by.user, "currency": settings.FIRM_CURRENCY}
    read = cleaned(Deal, {**start, **values}, COLUMNS)
    if not (read.get("customer") or read.get("company")):
        raise ValueRefused(_("Name a customer or a company."), path="customer")
    _check_values(read, by)
    stage = stage or default_pipeline(at=at).stages.filter(archived_at__isnull=True).first()
    _refuse_stage(stage, by)
    row = Deal(**read, stage=stage, stage_since_at=at, created_at=at, updated_at=at)
    row.save(force_insert=True)
    DealMove.objects.create(deal=row, to_stage=row.stage, status=row.status, at=at, by=by.user)
    audit(kind="deal", object_id=row.pk, verb="created", changes=created({**read, "stage": stage}), by=by, at=at)
    return row


@transaction.atomic
def change_deal(deal: Deal, *, values: Mapping[str, Any], by: Actor, at: datetime) -> Deal:
    """Set the given columns; the stage is changed by move_deal. No difference, no line."""
    row = _held(deal, by)
    read = cleaned(Deal, values, COLUMNS)
    _check_values(read, by, owner_id=row.owner_id)
    changes = difference(row, read)
    if not changes:
        return row
    if not (changes.get("customer", [None, row.customer_id])[1] or changes.get("company", [None, row.company_id])[1]):
        raise ValueRefused(_("Name a customer or a company."), path="customer")
    return _written(row, changes, "changed", by=by, at=at)


def move_deal(deal: Deal, stage: PipelineStage, *, by: Actor, at: datetime) -> Deal:
    """To another stage; nothing when it stands there."""
    return _step(deal, "move", {"stage": stage, "stage_since_at": at}, by=by, at=at)


def win_deal(deal: Deal, *, by: Actor, at: datetime) -> Deal:
    """The customer buys."""
    return _step(deal, "win", {"closed_at": at}, by=by, at=at)


def lose_deal(deal: Deal, *, reason: LostReason | None, by: Actor, at: datetime, note: str = "") -> Deal:
    """The customer does not buy; why is part of it."""
    if reason is None or not queries.lost_reasons(by).filter(pk=reason.pk).exists():
        choices = list(queries.lost_reasons(by).values_list("slug", flat=True))
        raise ValueRefused(_("Say why it was lost."), path="reason", choices=choices)
    return _step(deal, "lose", {"closed_at": at, "lost_reason": reason, "lost_note": note[:1000]}, by=by, at=at)


def reopen_deal(deal: Deal, *, by: Actor, at: datetime) -> Deal:
    """It is on again, in the stage where it was closed."""
    values = {"closed_at": None, "lost_reason": None, "lost_note": "", "stage_since_at": at}
    return _step(deal, "reopen", values, by=by, at=at)


@transaction.atomic
def undo_deal_move(deal: Deal, move_id: int, *, by: Actor, at: datetime) -> Deal:
    """Take back the last step of a deal, as if it had not been made. Raises ChangedSince when it is not the last."""
    row = _held(deal, by)
    last, *earlier = list(row.moves.select_related("from_stage").order_by("-at", "-id")[:2])
    if last.pk != move_id:
        raise ChangedSince(_("Somebody changed this since; look at it as it is now."))
    if not earlier or last.from_stage is None or row.status == DealStatus.OPEN != earlier[0].status:
        raise MoveNotAllowed(_("There is nothing to take back."))
    open_again = {"status": str(DealStatus.OPEN), "closed_at": None, "lost_reason": None, "lost_note": ""}
    since = _since(row, last)
    changes = difference(row, {**open_again, "stage": last.from_stage, "stage_since_at": since})
    last.delete()
    return _written(row, changes, "taken back", by=by, at=at)


@transaction.atomic
def add_deal_note(deal: Deal, *, text: str, by: Actor, at: datetime) -> DealNote:
    """Write something down about a deal."""
    row = _held(deal, by)
    words = text.strip()
    if not words or len(words) > 4000:
        raise ValueRefused(_("Between 1 and 4000 characters."), path="text")
    note = DealNote.objects.create(deal=row, text=words, at=at, by=by.user)
    audit(kind="deal", object_id=row.pk, verb="noted", changes={"notes": [None, note.pk]}, by=by, at=at)
    return note


@transaction.atomic
def _step(deal: Deal, name: str, values: dict[str, Any], *, by: Actor, at: datetime) -> Deal:
    row, step = _held(deal, by), STEPS[name]
    if row.status not in step.begins:
        raise MoveNotAllowed(_("This deal is %(status)s.") % {"status": row.get_status_display().lower()})
    if name == "move":
        _refuse_stage(values["stage"], by)
        if values["stage"].pk == row.stage_id:
            return row
    before = row.stage
    changes = difference(row, {"status": str(step.end), **values})
    row = _written(row, changes, step.verb, by=by, at=at)
    DealMove.objects.create(deal=row, from_stage=before, to_stage=row.stage, status=row.status, at=at, by=by.user)
    return row


def _since(row: Deal, last: DealMove) -> datetime:
    """Since when the deal has stood in the stage it goes back to: its newest arrival there before the last step."""
    arrived = row.moves.filter(to_stage=last.from_stage).exclude(pk=last.pk).exclude(from_stage=last.from_stage)
    found = arrived.order_by("-at", "-id").first()
    return found.at if found else row.created_at


def _held(deal: Deal, by: Actor) -> Deal:
    require(by, "deals.change")
    row = Deal.objects.select_related("customer", "stage").select_for_update(of=("self",)).get(pk=deal.pk)
    refuse_frozen(row.customer, by)
    return row


def _written(row: Deal, changes: dict[str, list[Any]], verb: str, *, by: Actor, at: datetime) -> Deal:
    for name, (_before, after) in changes.items():
        setattr(row, name, after)
    row.updated_at = at
    row.save(update_fields=[*changes, "updated_at"])
    audit(kind="deal", object_id=row.pk, verb=verb, changes=changes, by=by, at=at)
    return row


def _refuse_stage(stage: PipelineStage | None, by: Actor) -> None:
    if stage is None or not queries.stages(by).filter(pk=stage.pk).exists():
        choices = list(queries.stages(by).values_list("slug", flat=True))
        raise ValueRefused(_("Not a stage that takes deals."), path="stage", choices=choices)


def _check_values(read: Mapping[str, Any], by: Actor, owner_id: int | None = None) -> None:
    """With whom, and whose, must be in the actor's scope; money must be money."""
    for name, rows in LINKS.items():
        if (row := read.get(name)) and not rows(by).filter(pk=row.pk).exists():
            raise ValueRefused(_("Not found."), path=name)
    refuse_frozen(read.get("customer"), by)
    if (owner := read.get("owner")) and not queries.colleagues(by, present=owner_id).filter(pk=owner.pk).exists():
        raise ValueRefused(_("Not somebody who can do this."), path="owner")
    if read.get("amount") is not None and read["amount"] < 0:
        raise ValueRefused(_("Not below zero."), path="amount")
    share = read.get("probability_share")
    if share is not None and not 0 <= share <= 1:
        raise ValueRefused(_("A share between 0 and 1."), path="probability_share")
    if "currency" in read and not CURRENCY.fullmatch(read["currency"]):
        raise ValueRefused(_("Three capital letters, e.g. EUR."), path="currency")

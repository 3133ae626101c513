"""What a campaign may become from where it stands: one table, one guarded update, one refusal."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.utils.translation import gettext as _
from django.utils.translation import pgettext_lazy

from campaigns.models import Campaign, CampaignStatus
from crm.refusals import NotPossibleNow

DRAFT, SCHEDULED, SENDING, PAUSED, FINISHED, CANCELLED = (
    CampaignStatus.DRAFT,
    CampaignStatus.SCHEDULED,
    CampaignStatus.SENDING,
    CampaignStatus.PAUSED,
    CampaignStatus.FINISHED,
    CampaignStatus.CANCELLED,
)


@dataclass(frozen=True)
class Move:
    """One line of the table: from any of these states to that one; `label` is what a person does by it."""

    name: str
    before: tuple[CampaignStatus, ...]
    after: CampaignStatus
    label: Any


MOVES = {
    move.name: move
    for move in (
        Move("change", (DRAFT, SCHEDULED), DRAFT, pgettext_lazy("move", "change it")),
        Move("schedule", (DRAFT, SCHEDULED), SCHEDULED, pgettext_lazy("move", "schedule it")),
        Move("launch", (DRAFT, SCHEDULED), SENDING, pgettext_lazy("move", "launch it")),
        Move("pause", (SENDING,), PAUSED, pgettext_lazy("move", "pause it")),
        Move("resume", (PAUSED,), SENDING, pgettext_lazy("move", "resume it")),
        Move("finish", (SENDING,), FINISHED, pgettext_lazy("move", "finish it")),
        Move("reopen", (FINISHED,), SENDING, pgettext_lazy("move", "send again")),
        Move("roll out", (FINISHED,), PAUSED, pgettext_lazy("move", "roll out a decision")),
        Move("take back", (SENDING, PAUSED), FINISHED, pgettext_lazy("move", "take a roll-out back")),
        Move("cancel", (DRAFT, SCHEDULED, SENDING, PAUSED), CANCELLED, pgettext_lazy("move", "cancel it")),
    )
}
APPROVE = pgettext_lazy("move", "approve it")  # not a move of its own, but bound to where it may be changed


class MoveNotAllowed(NotPossibleNow):
    """The campaign does not stand where this move begins. Says where it stands and what it may do instead."""

    def __init__(self, move: str, status: str) -> None:
        self.move, self.standing = move, status
        told = {"status": CampaignStatus(status).label, "move": MOVES[move].label if move in MOVES else APPROVE}
        valid = ", ".join(str(MOVES[one].label) for one in possible(status) if one != "finish")  # it does so by itself
        words = (
            _("The campaign stands at “%(status)s”: you cannot %(move)s. What you can: %(valid)s.")
            if valid
            else _("The campaign stands at “%(status)s”: you cannot %(move)s any more.")
        )
        super().__init__(words % {**told, "valid": valid}, choices=possible(status))


def possible(status: str) -> tuple[str, ...]:
    """Names of the moves that begin at `status`.

    >>> possible("sending")
    ('pause', 'finish', 'cancel')
    """
    return tuple(move.name for move in MOVES.values() if status in move.before)


def make_move(campaign_id: int, name: str, *, at: datetime) -> CampaignStatus:
    """Move the campaign in one guarded update, so that of many callers at once only one succeeds.

    Return the state it came from. Raises `MoveNotAllowed`.
    """
    move = MOVES[name]
    standing = CampaignStatus(Campaign.everything.values_list("status", flat=True).get(pk=campaign_id))
    same = Campaign.everything.filter(pk=campaign_id, status=standing)
    if standing not in move.before or same.update(status=move.after, updated_at=at) != 1:
        raise MoveNotAllowed(name, Campaign.everything.values_list("status", flat=True).get(pk=campaign_id))
    return standing

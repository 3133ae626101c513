"""What a campaign may become from where it stands: one table, one guarded update, one refusal."""

from dataclasses import dataclass
from datetime import datetime

from django.utils.translation import gettext as _

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
    """One line of the table: from any of these states to that one."""

    name: str
    before: tuple[CampaignStatus, ...]
    after: CampaignStatus


MOVES = {
    move.name: move
    for move in (
        Move("change", (DRAFT, SCHEDULED), DRAFT),
        Move("schedule", (DRAFT, SCHEDULED), SCHEDULED),
        Move("launch", (DRAFT, SCHEDULED), SENDING),
        Move("pause", (SENDING,), PAUSED),
        Move("resume", (PAUSED,), SENDING),
        Move("finish", (SENDING,), FINISHED),
        Move("reopen", (FINISHED,), SENDING),
        Move("roll out", (FINISHED,), PAUSED),
        Move("take back", (SENDING, PAUSED), FINISHED),
        Move("cancel", (DRAFT, SCHEDULED, SENDING, PAUSED), CANCELLED),
    )
}


class MoveNotAllowed(NotPossibleNow):
    """The campaign does not stand where this move begins. Says where it stands and what it may do instead."""

    def __init__(self, move: str, status: str) -> None:
        self.move, self.standing = move, status
        super().__init__(
            _("A campaign that is “%(status)s” cannot do “%(move)s”; it can: %(valid)s.")
            % {"status": status, "move": move, "valid": ", ".join(possible(status)) or "–"},
            choices=possible(status),
        )


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

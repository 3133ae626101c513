"""From an empty house to a first decision: steps that tick themselves off the rows."""

from dataclasses import dataclass

from django.conf import settings
from django.utils.translation import gettext as _

from campaigns import queries as campaign_queries
from crm import queries as crm_queries
from crm.finding import address
from crm.rights import Actor, may
from segments import queries as segment_queries


@dataclass(frozen=True)
class Step:
    """One step on the way to a first decision."""

    words: str
    url: str
    is_done: bool


def first_steps(actor: Actor) -> list[Step]:
    """Those left and those done, for whoever may do all of them; none once all are done."""
    if not (may(actor, "imports.run") and may(actor, "segments.change") and may(actor, "campaigns.launch")):
        return []
    launched = campaign_queries.campaigns().exclude(status__in=("draft", "cancelled"))
    steps = [
        Step(_("Import your customers"), address("import-new"), crm_queries.customers(actor).exists()),
        Step(_("Draw a segment of them"), address("segment-new"), segment_queries.segments(actor).exists()),
        Step(_("Launch a campaign and learn what works"), address("campaign-begin"), launched.exists()),
        Step(_("Write down what you learned"), address("notebook"), campaign_queries.lessons().exists()),
        *(_of_administrators(actor) if may(actor, "users.change") else []),
    ]
    return [] if all(step.is_done for step in steps) else steps


def _of_administrators(actor: Actor) -> list[Step]:
    return [
        Step(
            _("Let your colleagues in"),
            address("user-new"),
            crm_queries.users(actor).exclude(pk=actor.user.pk).exists(),
        ),
        Step(_("Protect your sign-in with a code"), address("security"), crm_queries.has_two_factor(actor.user)),
        Step(_("Connect a mail server"), address("channels"), not settings.HAS_MAIL_CATCHER),
    ]

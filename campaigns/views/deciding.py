"""From a report to a decision: rolled out to the rest of a segment by one button, and taken back by another."""

from dataclasses import dataclass
from typing import Any

from django.contrib import messages as levels
from django.http import HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django.views.decorators.http import require_POST

from campaigns import actions, queries, rollout, tasks
from campaigns.models import CampaignStatus, MessageState, Run
from campaigns.results import words
from campaigns.results.answer import Results
from campaigns.views import places
from crm import figures
from crm.access import ActorRequest, needs
from crm.notices import notify
from crm.refusals import Refused
from crm.rights import may

GROUP = "group-"


@dataclass(frozen=True)
class Past:
    """A roll-out as its report tells it."""

    run: Run
    who: str
    versions: str
    reason: str
    state: str
    may_be_undone: bool


def context(request: ActorRequest, found: Results) -> dict[str, Any]:
    """What the report needs to roll its decisions out."""
    is_finished = found.campaign.status == CampaignStatus.FINISHED
    return {
        "choices": rollout.choices(found) if is_finished and may(request.actor, "campaigns.launch") else (),
        "roll_outs": [past(request, found, run) for run in queries.roll_outs(found.run)],
        "roll_out_reason": words.conclusion(found),
        "lesson_text": words.conclusion(found) if words.has_decided(found) else "",
        "lessons": queries.lessons(campaign=found.campaign),
        "lesson_segments": [(one.key, one.name) for one in found.report.segments],
        "may_note": may(request.actor, "campaigns.change"),
        "is_test_open": not found.is_window_over,
    }


def past(request: ActorRequest, found: Results, run: Run) -> Past:
    names = {one.key: one.name for one in found.report.segments}
    decided = run.plan["decisions"].items()
    versions = "; ".join(f"{names.get(key, _('Everybody else'))}: {variant}" for key, variant in decided)
    is_open = run.status in rollout.UNDER_WAY
    return Past(
        run=run,
        who=str(run.started_by or ""),
        versions=versions,
        reason=run.plan["reason"],
        state=state_of(run),
        may_be_undone=is_open and may(request.actor, "campaigns.launch"),
    )


def state_of(run: Run) -> str:
    """How far a roll-out is, in words."""
    states = queries.progress(run).states
    said = {"sent": figures.number(states.get(MessageState.SENT, 0)), "all": figures.number(sum(states.values()))}
    if run.status in rollout.UNDER_WAY and run.resume_at:
        return _("The first of %(all)s messages leaves at %(time)s.") % {**said, "time": figures.clock(run.resume_at)}
    if run.status == "cancelled":
        return _("Taken back; %(sent)s had been sent.") % said
    return _("Sent to %(sent)s of %(all)s people.") % said


@require_POST
@needs("campaigns.launch")
def roll_out(request: ActorRequest, pk: int) -> HttpResponse:
    """Send the ticked decisions to the rest of their segments."""
    found = places.found(pk)
    groups = {name.removeprefix(GROUP): str(value) for name, value in request.POST.items() if name.startswith(GROUP)}
    try:
        run = actions.roll_out(
            found,
            groups=groups,
            reason=request.POST.get("reason", "").replace("\0", ""),
            by=request.actor,
            at=timezone.now(),
        )
    except Refused as refusal:
        notify(request, str(refusal), level=levels.ERROR)
    else:
        tasks.poke(run.pk)
        said = _("It leaves in ten minutes, to everybody of these segments who has not had it.")
        notify(request, said, undo_url=reverse("campaign-roll-out-undo", args=[pk]))
    return redirect("campaign-report", pk)


@require_POST
@needs("campaigns.launch")
def roll_out_undo(request: ActorRequest, pk: int) -> HttpResponse:
    """Take back what has not left."""
    try:
        left = actions.undo_roll_out(places.found(pk), by=request.actor, at=timezone.now())
    except Refused as refusal:
        notify(request, str(refusal), level=levels.ERROR)
    else:
        gone = ngettext("Taken back; %d had left already.", "Taken back; %d had left already.", left) % left
        notify(request, gone if left else _("Taken back. Nothing had left, and the test goes on."))
    return redirect("campaign-report", pk)

"""One campaign: its state, the launch and what may be done while it runs, and who got it."""

import csv
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from io import StringIO
from typing import Any

from django.conf import settings
from django.contrib import messages as levels
from django.db.models import QuerySet
from django.http import Http404, HttpResponse, StreamingHttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils import timezone
from django.utils.dates import WEEKDAYS_ABBR
from django.utils.text import capfirst
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from campaigns import actions, audience, lifecycle, queries, readiness, scheduling, tasks
from campaigns.channels import CHANNELS
from campaigns.delivery import ahead, calls, lists, printing
from campaigns.delivery.plain_words import explained
from campaigns.forms import ScheduleForm
from campaigns.models import FINAL_STATES, Campaign, CampaignStatus, Message, MessageState, Run, RunStatus
from campaigns.reasons import reason_words
from campaigns.results import sketch
from campaigns.views import checks, places, reaching, returns
from campaigns.views.steps import left_to_do
from campaigns.views.steps import steps as planning_steps
from crm import charts, figures, keyset, spreadsheets
from crm import queries as crm_queries
from crm.access import ActorRequest, needs
from crm.lists import downloads
from crm.notices import notify
from crm.refusals import Refused
from crm.rights import Actor, may
from crm.tables import Column

ONLY_FORMS = require_http_methods(["GET", "HEAD", "POST"])
STATES = (
    Column(gettext_lazy("What became of them")),
    Column(gettext_lazy("People"), "number"),
    Column(gettext_lazy("Why")),
)
CALLS = (
    Column(gettext_lazy("Version")),
    Column(gettext_lazy("Calls"), "number"),
    Column(gettext_lazy("Reached"), "number"),
    Column(gettext_lazy("Agreed"), "number"),
    Column(gettext_lazy("Not interested"), "number"),
)
PEOPLE = (
    Column(gettext_lazy("Customer")),
    Column(gettext_lazy("Version")),
    Column(gettext_lazy("State")),
    Column(gettext_lazy("Why")),
    Column(gettext_lazy("When")),
)
PEOPLE_SHEET = downloads.Sheet(
    "campaign-people",
    "campaign-people",
    (
        (gettext_lazy("Number"), lambda one: whose.number if (whose := living(one)) else ""),
        (gettext_lazy("Customer"), lambda one: str(living(one) or _("Erased"))),
        (gettext_lazy("Version"), lambda one: one.variant.key if one.variant else ""),
        (gettext_lazy("State"), lambda one: one.state_words),
        (gettext_lazy("Why"), lambda one: reason_words(one.reason) if one.reason else explained(one.code)),
        (gettext_lazy("When"), lambda one: one.final_at),
    ),
    downloads.PERSONS,
)
MOVES = {
    "pause": (actions.pause, gettext_lazy("Paused. Nothing more leaves until it is resumed.")),
    "resume": (actions.resume, gettext_lazy("Going on where it stopped.")),
    "cancel": (actions.cancel, gettext_lazy("Cancelled. What had not begun to leave will not.")),
}
UNDO = {"pause": "resume", "resume": "pause"}
ROWS = 50


@require_safe
@needs("campaigns.view")
def campaign(request: ActorRequest, pk: int) -> HttpResponse:
    """How the campaign stands: what it will do, how far it is, or what became of everyone."""
    found = places.found(pk)
    run = queries.latest_run(found)
    context = {**places.frame(request, found), "facts": facts(found), "variants": found.variants.all(), "run": run}
    if context["is_editable"] and (found.approved_hash or queries.rules().approval_above is not None):
        context.update(agreement(request, found))
    context["has_mail_catcher"] = settings.HAS_MAIL_CATCHER and may(request.actor, "campaigns.change")
    return render(request, "campaigns/campaign.html", {**context, **progress(request, found, run)})


def facts(campaign: Campaign) -> list[tuple[str, str]]:
    """What was chosen, as pairs."""
    included, excluded = (", ".join(str(one) for one in group.all()) for group in (campaign.include, campaign.exclude))
    return [
        (_("Channel"), f"{CHANNELS[campaign.channel].label} {campaign.webhook or ''}".strip()),
        (_("To"), included),
        (_("Except"), excluded),
        *([(_("Topic"), str(campaign.topic))] if campaign.topic else []),
        (_("Goal"), campaign.get_goal_display()),
        (_("Window"), ngettext("%d day", "%d days", campaign.window_days) % campaign.window_days),
        (_("Hold-out"), figures.share(campaign.holdout_share, 0)),
        *([(_("Waves"), waves_words(campaign))] if campaign.waves > 1 else []),
        (_("Cost per message"), figures.money(campaign.cost_per_message_amount, campaign.currency)),
        (_("Priority"), str(campaign.priority)),
        (_("Hours"), hours(campaign)),
        (_("Send at"), figures.moment(campaign.send_at) if campaign.send_at else ""),
    ]


def waves_words(campaign: Campaign) -> str:
    said = {"waves": figures.number(campaign.waves), "hours": figures.number(campaign.wave_hours)}
    return _("%(waves)s, %(hours)s hours apart") % said


def files(campaign: Campaign, run: Run) -> list[tuple[str, str]]:
    """Words and addresses of the files its channel hands over by."""
    kinds = [one for one in lists.KINDS.values() if one.channel == campaign.channel]
    found = [(str(one.label), reverse("campaign-list-file", args=[campaign.pk, one.key])) for one in kinds]
    return found + (pdf_files(campaign, run) if campaign.channel == "post" else [])


def pdf_files(campaign: Campaign, run: Run) -> list[tuple[str, str]]:
    """The letters as PDF; long lists in parts."""
    url, count = reverse("campaign-letters-pdf", args=[campaign.pk]), printing.parts(run)
    if count <= 1:
        return [(_("Letters (PDF)"), url)]
    words = _("Letters (PDF), part %(part)s")
    return [(words % {"part": part}, f"{url}?part={part}") for part in range(1, count + 1)]


def hours(campaign: Campaign) -> str:
    """When its messages leave, by the recipients' clocks."""
    span = (
        f"{campaign.send_from:%H:%M}–{campaign.send_until:%H:%M}" if campaign.send_from and campaign.send_until else ""
    )
    days = ", ".join(str(WEEKDAYS_ABBR[int(day) - 1]) for day in campaign.send_weekdays)
    return " ".join(filter(None, (days, span)))


def progress(request: ActorRequest, campaign: Campaign, run: Run | None) -> dict[str, Any]:
    """The part of the page that moves while messages leave."""
    if run is None:
        said = missed(campaign) or campaign.description
        return {"answer": said, "state": campaign.get_status_display(), "moves": moves(request, campaign)}
    now = queries.progress(run)
    return {
        "answer": answer(campaign, now),
        "account": now,
        "is_active": campaign.status == CampaignStatus.SENDING and run.status != RunStatus.INCOMPLETE,
        **standing(campaign, run),
        "state_rows": state_rows(run, now),
        "state_columns": STATES,
        "moves": moves(request, campaign),
        "may_resend": may(request.actor, "campaigns.resend"),
        "missing": queries.missing(run, request.actor)[:ROWS] if run.status == RunStatus.INCOMPLETE else (),
        "may_mend": may(request.actor, "campaigns.launch"),
        "calls": calls.tallies(run) if campaign.channel == calls.CHANNEL else (),
        "call_columns": CALLS,
        "rates": returns.rate_rows(run),
        "pause_words": returns.pause_words(run),
        "goes_on": returns.goes_on(run),
        "pause_reply": returns.pause_reply(run),
        "files": files(campaign, run) if may(request.actor, "campaigns.launch") else (),
    }


def standing(campaign: Campaign, run: Run) -> dict[str, Any]:
    """The state in the head: a run that lost rows is not under way, whatever the campaign is called meanwhile."""
    if run.status == RunStatus.INCOMPLETE:
        return {"state": run.get_status_display(), "tone": "bad"}
    return {"state": campaign.get_status_display()}


def missed(campaign: Campaign) -> str:
    """That it was not launched in time, if so; the button beside it leads to launching and to a new time."""
    if not scheduling.was_missed(campaign, timezone.now()):
        return ""
    said = _("It missed its time, %(moment)s, and was not sent. Launch it now or choose a new time.")
    return said % {"moment": figures.moment(campaign.send_at)}


def answer(campaign: Campaign, now: queries.Progress) -> str:
    """How far it is, in one sentence."""
    apart = now.states.get(MessageState.SKIPPED, 0) + now.states.get(MessageState.HELD_OUT, 0)
    sent = figures.number(now.states.get(MessageState.SENT, 0))
    if now.expected is None:
        return _("The audience is being sealed: %(count)s people so far.") % {
            "count": figures.number(sum(now.states.values()))
        }
    said = {"sent": sent, "expected": figures.number(now.expected - apart), "unknown": figures.number(now.unresolved)}
    if now.unresolved:
        return _("Sent to %(sent)s of %(expected)s people; of %(unknown)s it is not known whether they got it.") % said
    if not now.is_accounted_for:
        lost = now.expected - sum(now.states.values())
        text = ngettext(
            "Sent to %(sent)s of %(expected)s people; %(count)s member of the audience has no row.",
            "Sent to %(sent)s of %(expected)s people; %(count)s members of the audience have no row.",
            lost,
        )
        return text % {**said, "count": figures.number(lost)}
    if now.done < now.expected:
        return _("Sent to %(sent)s of %(expected)s people so far.") % said
    return _("Sent to %(sent)s of %(expected)s people; everyone is accounted for.") % said


def moves(request: ActorRequest, campaign: Campaign) -> list[tuple[str, str, str]]:
    """Name, words and kind of the buttons that fit this stage and visitor."""
    labels = {
        "pause": (_("Pause"), "plain"),
        "resume": (_("Resume"), "primary"),
        "cancel": (_("Cancel the rest") if campaign.runs.exists() else _("Cancel the campaign"), "danger"),
    }
    if not may(request.actor, "campaigns.launch"):
        return []
    names = lifecycle.possible(campaign.status)
    is_paused = campaign.status == CampaignStatus.PAUSED
    if is_paused and campaign.runs.filter(status=RunStatus.PAUSED, resume_at__isnull=False).exists():
        names = ("pause", *names)  # it would go on by itself
    if campaign.runs.filter(status=RunStatus.INCOMPLETE).exists():
        names = tuple(name for name in names if name != "pause")  # nothing leaves before it is mended
    return [(name, *labels[name]) for name in names if name in labels]


@dataclass(frozen=True)
class StateRow:
    """How many ended (or stand) in one state, for which reasons, and where their names are."""

    label: str
    count: int
    reasons: str
    url: str
    is_final: bool


def state_rows(run: Run, now: queries.Progress) -> list[StateRow]:
    """Every state anybody is in, in the order of the life of a message."""
    reasons = queries.reasons(run, now.states)
    here = reverse("campaign-people", args=[run.campaign_id])
    return [
        StateRow(
            label=str(MessageState(state).label),
            count=now.states[state],
            reasons=", ".join(
                f"{reason_words(code)} {figures.number(n)}" for code, n in reasons.get(state, {}).items()
            ),
            url=f"{here}?state={state}",
            is_final=state in FINAL_STATES,
        )
        for state in MessageState.values
        if state in now.states
    ]


@ONLY_FORMS
@needs("campaigns.launch")
def launch(request: ActorRequest, pk: int) -> HttpResponse:
    """Who will get it and whether all is in order; then exactly one button."""
    found = places.found(pk)
    if request.method == "POST":
        return launched(request, found)
    counted = reaching.counted(request, found, lambda: reached(found, at=timezone.now()))
    if request.headers.get("HX-Request") == "true" and "later" not in counted:
        return HttpResponse(headers={"HX-Refresh": "true"})  # the page that waited for the count
    context = {
        **places.frame(request, found),
        "steps": planning_steps(found) if may(request.actor, "campaigns.change") else (),
        **left_to_do(found),
        **counted,
        "schedule": ScheduleForm(),
        **agreement(request, found),
        **checks.context(request, found),
    }
    return render(request, "campaigns/launch.html", context)


def reached(campaign: Campaign, *, at: datetime) -> dict[str, Any]:
    """Who will get it, and what that many people can show."""
    reach = queries.reach(campaign, as_of=at)
    held = round(reach.will_get_it * campaign.holdout_share)
    return {
        "reach": steps(reach),
        "will_get_it": reach.will_get_it,
        "held_out": held,
        "contacted": reach.will_get_it - held,
        "too_slow": ahead.too_slow(campaign, reach.will_get_it - held, at=at),
        "design": sketch.of_campaign(campaign, reach.will_get_it, at=at),
    }


def agreement(request: ActorRequest, campaign: Campaign) -> dict[str, Any]:
    """How it stands with a second person, and what this visitor may do about it."""
    return {
        "stamp": campaign.updated_at.isoformat(),
        "approval": queries.approval_of(campaign, at=timezone.now()),
        "may_approve": queries.may_approve(campaign, request.actor),
        "may_ask": may(request.actor, "campaigns.change"),
        "faults": faults(campaign),
    }


def steps(reach: audience.Reach) -> list[charts.Step]:
    """The reach funnel for its component, reasons in words."""
    kept = [charts.Step(capfirst(str(step.label)), step.count, reasons(step)) for step in reach.steps]
    return [charts.Step(_("In the segments"), reach.matches), *kept]


def reasons(step: audience.Step) -> str:
    """Why people are lost at the step; a single reason needs no count of its own."""
    if len(step.losses) == 1:
        return step.losses[0][1]
    return ", ".join(f"{label} {figures.number(count)}" for _code, label, count in step.losses)


def faults(campaign: Campaign) -> list[str]:
    """What stands in the way of a launch, in sentences."""
    at = timezone.now()
    said = _("Version %(key)s: %(fault)s")
    texts = [said % {"key": key, "fault": fault} for key, found in queries.faults(campaign).items() for fault in found]
    stale = [
        _("The segment %(name)s was not refreshed lately.") % {"name": one}
        for one in queries.stale_segments(campaign, at=at)
    ]
    nobody = [] if campaign.include.exists() else [_("Choose at least one segment.")]
    mute = [] if campaign.variants.exists() else [_("Write at least one version.")]
    unfit = [
        _("The segment %(name)s is not drawn for marketing.") % {"name": one}
        for one in queries.unfit_segments(campaign)
    ]
    return [*nobody, *mute, *texts, *unfit, *stale, *readiness.obstacles(campaign)]


def launched(request: ActorRequest, campaign: Campaign) -> HttpResponse:
    """Launch or schedule exactly what the visitor saw; of two clicks the second only finds it running."""
    actor, at = request.actor, timezone.now()
    if request.POST.get("stamp") != campaign.updated_at.isoformat() and campaign.status in places.EDITABLE:
        notify(request, _("It was changed since you looked. Look again before it leaves."), level=levels.WARNING)
        return redirect("campaign-launch", campaign.pk)
    schedule = ScheduleForm(request.POST)
    try:
        if "send_at" in request.POST and schedule.is_valid():
            actions.schedule(campaign, send_at=schedule.cleaned_data["send_at"], by=actor, at=at)
            notify(request, _("Scheduled."))
        elif "send_at" in request.POST:
            notify(request, _("Give a time that is still to come."), level=levels.ERROR)
            return redirect("campaign-launch", campaign.pk)
        else:
            tasks.poke(actions.launch(campaign, by=actor, at=at).pk)
            notify(request, _("Launched. You may leave this page."))
    except Refused as refusal:
        notify(request, str(refusal), level=levels.ERROR)
    return redirect("campaign", campaign.pk)


@require_POST
@needs("campaigns.approve")
def approval(request: ActorRequest, pk: int) -> HttpResponse:
    """Agree to what somebody else wrote, exactly as it was shown; or take that back."""
    found = places.found(pk)
    is_given = "withdraw" not in request.POST
    if is_given and request.POST.get("stamp") != found.updated_at.isoformat():
        notify(request, _("It was changed since you looked. Look again before you approve."), level=levels.WARNING)
        return redirect("campaign-launch", pk)
    act = actions.approve if is_given else actions.withdraw_approval
    try:
        act(found, by=request.actor, at=timezone.now())
    except Refused as refusal:
        notify(request, str(refusal), level=levels.ERROR)
    else:
        notify(request, _("Approved as it stands.") if is_given else _("The approval is withdrawn."))
    return redirect("campaign-launch", pk)


@require_POST
@needs("campaigns.change")
def ask_for_approval(request: ActorRequest, pk: int) -> HttpResponse:
    """Ask those who may approve it, exactly as it was shown."""
    found = places.found(pk)
    if request.POST.get("stamp") != found.updated_at.isoformat():
        notify(request, _("It was changed since you looked. Look again before you ask."), level=levels.WARNING)
        return redirect("campaign-launch", pk)
    try:
        actions.ask_for_approval(found, by=request.actor, at=timezone.now())
    except Refused as refusal:
        notify(request, str(refusal), level=levels.ERROR)
    else:
        notify(request, _("Asked. Those who may approve it are told."))
    return redirect("campaign-launch", pk)


@require_POST
@needs("campaigns.launch")
def move(request: ActorRequest, pk: int, name: str) -> HttpResponse:
    """Pause, resume or cancel."""
    found = places.found(pk)
    if name not in MOVES:
        raise Http404
    act, sentence = MOVES[name]
    undo = reverse("campaign-move", args=[pk, UNDO[name]]) if name in UNDO else ""
    return tried(request, found, act, str(sentence), undo)


def tried(
    request: ActorRequest, campaign: Campaign, act: Callable[..., Any], sentence: str, undo_url: str
) -> HttpResponse:
    try:
        act(campaign, by=request.actor, at=timezone.now())
    except Refused as refusal:
        notify(request, str(refusal), level=levels.ERROR)
    else:
        notify(request, sentence, undo_url=undo_url)
        if (run := queries.latest_run(campaign)) and campaign.status == CampaignStatus.SENDING:
            tasks.poke(run.pk)
    return redirect("campaign", campaign.pk)


@require_POST
@needs("campaigns.resend")
def resend(request: ActorRequest, pk: int) -> HttpResponse:
    """Send again what may or may not have arrived."""
    run = queries.latest_run(places.found(pk))
    if run is None:
        raise Http404
    try:
        count = actions.resend_unknown(run, by=request.actor, at=timezone.now())
    except Refused as refusal:
        notify(request, str(refusal), level=levels.ERROR)
    else:
        tasks.poke(run.pk)
        notify(request, ngettext("%d message is sent again.", "%d messages are sent again.", count) % count)
    return redirect("campaign", pk)


@require_safe
@needs("campaigns.launch")
def list_file(request: ActorRequest, pk: int, kind: str) -> HttpResponseBase:
    """The file of a channel that hands over by one: who is on the list today, spreadsheet-safe; noted in the audit."""
    found = places.found(pk)
    run = queries.latest_run(found)
    if run is None or kind not in lists.KINDS or lists.KINDS[kind].channel != found.channel:
        raise Http404
    actions.note_file(found, kind, by=request.actor, at=timezone.now())
    rows = lists.rows_of(lists.KINDS[kind], run)
    file = StreamingHttpResponse(written(rows), content_type="text/csv; charset=utf-8")
    file["Content-Disposition"] = f'attachment; filename="{found.slug}-{kind}.csv"'
    return file


@require_safe
@needs("campaigns.launch")
def letters_pdf(request: ActorRequest, pk: int) -> HttpResponse:
    """The letters of those who are on the list today, ready to print; noted in the audit."""
    found = places.found(pk)
    run, part = queries.latest_run(found), keyset.row_id(request.GET.get("part", "1")) or 0
    if run is None or found.channel != "post" or not 1 <= part <= max(printing.parts(run), 1):
        raise Http404
    actions.note_file(found, "letters.pdf", by=request.actor, at=timezone.now())
    file = HttpResponse(printing.pdf(run, part), content_type="application/pdf")
    file["Content-Disposition"] = f'attachment; filename="{found.slug}-letters-{part}.pdf"'
    return file


def written(rows: Iterable[Sequence[str]]) -> Iterator[str]:
    """CSV lines as they are made."""
    line = StringIO()
    for row in rows:
        csv.writer(line).writerow([spreadsheets.quoted(cell) for cell in row])
        yield line.getvalue()
        line.seek(0)
        line.truncate()


@require_POST
@needs("campaigns.launch")
def mend(request: ActorRequest, pk: int) -> HttpResponse:
    """Give those who lost their row a new one, and send on."""
    run = queries.latest_run(places.found(pk))
    if run is None:
        raise Http404
    try:
        actions.mend(run, by=request.actor, at=timezone.now())
    except Refused as refusal:
        notify(request, str(refusal), level=levels.ERROR)
    else:
        tasks.poke(run.pk)
        notify(request, _("The missing are added and sent to."))
    return redirect("campaign", pk)


@require_safe
@needs("campaigns.view")
def people(request: ActorRequest, pk: int) -> HttpResponse:
    """Everyone in the sealed audience the visitor may see, by what became of them."""
    found = places.found(pk)
    run = asked_run(request, found)
    if run is None:
        return redirect("campaign", pk)
    state, reason = asked_for(request)
    page = keyset.page_or_first(rows_of(request, run), order="id", cursor=request.GET.get("cursor", ""), size=ROWS)
    query = request.GET.copy()
    query["cursor"] = page.next_cursor
    context = {
        **places.frame(request, found),
        "files": downloads.links(request, "campaign-people-file", pk) if may(request.actor, PEOPLE_SHEET.right) else (),
        "columns": PEOPLE,
        "rows": people_rows(request.actor, page.rows),
        "state": state,
        "states": MessageState.choices,
        "asked_run": run if run != queries.latest_run(found) else None,
        "reason_words": reason_words(reason) if reason else "",
        "more_url": f"?{query.urlencode()}" if page.next_cursor else "",
    }
    return render(request, "campaigns/people.html", context)


def asked_run(request: ActorRequest, campaign: Campaign) -> Run | None:
    """The run of the address, else the campaign's last."""
    asked = keyset.row_id(request.GET.get("run", ""))
    known = campaign.runs.select_related("campaign").filter(pk=asked).first() if asked else None
    return known or queries.latest_run(campaign)


@require_safe
@needs(downloads.PERSONS)
def people_file(request: ActorRequest, pk: int, kind: str) -> HttpResponseBase:
    """Whom the page shows, and what became of them, as a file."""
    run = asked_run(request, places.found(pk))
    if run is None:
        raise Http404
    rows = rows_of(request, run).select_related("customer", "variant").order_by("id")
    return downloads.download(request, PEOPLE_SHEET, rows, kind, of=[pk])


def asked_for(request: ActorRequest) -> tuple[str, str | None]:
    """The state of the address, empty for all, and the reason; None where it names none."""
    state = request.GET.get("state", "")
    reason = request.GET.get("reason", "").replace("\0", "") if "reason" in request.GET else None
    return state if state in MessageState.values else "", reason


def rows_of(request: ActorRequest, run: Run) -> QuerySet[Message]:
    state, reason = asked_for(request)
    rows = queries.messages_in_scope(run, request.actor, state)
    return rows if reason is None else rows.filter(reason=reason)


def living(message: Message) -> Any:
    """Whom a message was for, unless they were erased or merged since."""
    whose = message.customer
    return whose if whose and not whose.erased_at and not whose.merged_into_id else None


def people_rows(actor: Actor, rows: list[Any]) -> list[tuple[Any, ...]]:
    """Message, customer as the actor may see them, the reason in words, and what the server's reply means."""
    known = crm_queries.customers(actor).in_bulk([row.customer_id for row in rows if row.customer_id])
    return [
        (row, known.get(row.customer_id), reason_words(row.reason) if row.reason else "", explained(row.code))
        for row in rows
    ]

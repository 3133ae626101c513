"""One deal: its page, and the buttons that move, win, lose, reopen, note and take back."""

from datetime import datetime
from decimal import Decimal
from typing import Any

from django.contrib import messages
from django.http import Http404, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from crm import actions, due, figures, forecast, keyset, queries
from crm.access import ActorRequest, needs
from crm.forms.deals import DealForm, LostForm
from crm.forms.tasks import QuickForm
from crm.models import Customer, Deal, DealStatus, TaskStatus
from crm.notices import notify
from crm.refusals import ManyRefused, NotPossibleNow, Refused
from crm.rights import Actor, may
from crm.views.places import back, returned
from crm.views.tasks import dressed, row_context

MOVES, NOTES, DEALS = 30, 30, 50
TONES = {DealStatus.OPEN: "info", DealStatus.WON: "good", DealStatus.LOST: "bad"}


def dressed_deal(deal: Deal, now: datetime) -> Deal:
    """The deal with what a card or row shows of it."""
    row: Any = deal
    row.age = forecast.age_days(deal, now)
    row.is_slow = forecast.is_slow(deal, now)
    row.is_late = deal.status == DealStatus.OPEN and deal.expected_on < due.day_of(now)
    row.chance = chance_of(deal)
    row.tone = TONES[DealStatus(deal.status)]
    return deal


def chance_of(deal: Deal) -> Decimal:
    """The probability that counts: won 1, lost 0, else its own or that of its stage."""
    certain = {DealStatus.WON: Decimal(1), DealStatus.LOST: Decimal(0)}
    if deal.status in certain:
        return certain[DealStatus(deal.status)]
    return deal.stage.probability_share if deal.probability_share is None else deal.probability_share


@require_safe
@needs("deals.view")
def deal(request: ActorRequest, pk: int) -> HttpResponse:
    """One deal: where it stands, what is planned, what was noted, and how it got here."""
    actor, now, row = request.actor, timezone.now(), found(request.actor, pk)
    is_editable = may(actor, "deals.change") and not (row.customer and row.customer.restricted_at)
    tasks = queries.tasks(actor).filter(deal=row).select_related("customer", "company", "owner", "deal")
    moves = queries.deal_moves(actor).filter(deal=row).select_related("from_stage", "to_stage", "by")[:MOVES]
    context = {
        "deal": dressed_deal(row, now),
        "title": str(row),
        "crumbs": [(_("Deals"), reverse("deals"))],
        "answer": _deal_answer(row, now),
        "stages": list(queries.stages(actor).filter(pipeline=row.stage.pipeline_id)),
        "facts": _facts(row, now),
        "moves": [(_move_words(one), one) for one in moves],
        "tasks": [dressed(one, now) for one in tasks.filter(status=TaskStatus.OPEN).order_by("due_at")[:NOTES]],
        "notes": queries.deal_notes(actor).filter(deal=row).select_related("by")[:NOTES],
        "quick": QuickForm(initial={"day": due.day_of(now)}, auto_id="panel_%s"),
        "address": request.path,
        **row_context(actor, now),
        "may_change": is_editable,
    }
    return render(request, "crm/deal.html", context)


def found(actor: Actor, pk: int) -> Deal:
    """The deal, when it is in the actor's scope."""
    if pk > keyset.LARGEST_ID:
        raise Http404
    rows = queries.deals(actor).select_related("customer", "company", "owner", "stage__pipeline", "lost_reason")
    return get_object_or_404(rows, pk=pk)


def _deal_answer(row: Deal, now: datetime) -> str:
    if row.status == DealStatus.WON:
        return _("Won on %(day)s.") % {"day": figures.day(row.closed_at)}
    if row.status == DealStatus.LOST:
        return _("Lost on %(day)s: %(why)s.") % {"day": figures.day(row.closed_at), "why": str(row.lost_reason).lower()}
    days = forecast.age_days(row, now)
    said = ngettext("%(n)s day in this stage", "%(n)s days in this stage", days) % {"n": days}
    return _("%(amount)s expected on %(day)s; %(age)s.") % {
        "amount": figures.money(row.amount, row.currency),
        "day": figures.day(row.expected_on),
        "age": said,
    }


def _facts(row: Deal, now: datetime) -> list[tuple[str, Any]]:
    why = " – ".join(filter(None, [str(row.lost_reason or ""), row.lost_note]))
    return [
        (_("Amount"), figures.money(row.amount, row.currency)),
        (_("Probability"), figures.share(chance_of(row), 0)),
        (_("Expected on"), figures.day(row.expected_on)),
        (_("Company"), row.company),
        (_("Owner"), row.owner),
        (_("Pipeline"), row.stage.pipeline),
        (_("Opened"), figures.day(row.created_at)),
        *([(_("Why it is lost"), why)] if why else []),
    ]


def _move_words(move: Any) -> str:
    if move.from_stage is None:
        return _("Opened in “%(stage)s”") % {"stage": move.to_stage}
    if move.status != DealStatus.OPEN:
        return str(move.get_status_display())
    if move.from_stage_id == move.to_stage_id:
        return _("Reopened")
    return _("From “%(before)s” to “%(stage)s”") % {"before": move.from_stage, "stage": move.to_stage}


@require_http_methods(["GET", "HEAD", "POST"])
@needs("deals.change")
def deal_new(request: ActorRequest, pk: int | None = None) -> HttpResponse:
    """Open a deal; with a customer when it was begun on their page."""
    about = {}
    if pk is not None:
        about["customer"] = get_object_or_404(queries.customers(request.actor), pk=min(pk, keyset.LARGEST_ID)).number
    actions.default_pipeline(at=timezone.now())
    return _edited(request, None, about)


@require_http_methods(["GET", "HEAD", "POST"])
@needs("deals.change")
def deal_edit(request: ActorRequest, pk: int) -> HttpResponse:
    """Change what a deal is about."""
    return _edited(request, found(request.actor, pk), {})


def _edited(request: ActorRequest, row: Deal | None, about: dict[str, Any]) -> HttpResponse:
    form = DealForm(request.POST or None, actor=request.actor, deal=row, about=about, at=timezone.now())
    if form.is_valid() and (saved := _saved(form, request.actor, row)):
        notify(request, _("Saved."))
        return redirect("deal", saved.pk)
    address = reverse("deal", args=[row.pk]) if row else reverse("deals")
    title = str(row) if row else _("New deal")
    context = {"form": form, "title": title, "crumbs": [(_("Deals"), reverse("deals"))], "cancel_url": address}
    return render(request, "crm/task_edit.html", context, status=400 if form.is_bound else 200)


def _saved(form: DealForm, actor: Actor, row: Deal | None) -> Deal | None:
    now = timezone.now()
    try:
        if row is None:
            return actions.create_deal(values=form.values(), stage=form.cleaned_data["stage"], by=actor, at=now)
        return actions.change_deal(row, values=form.values(), by=actor, at=now)
    except Refused as error:
        for fault in error.faults if isinstance(error, ManyRefused) else [error]:
            form.refuse(fault)
        return None


# --- buttons -------------------------------------------------------------------------------------


@require_POST
@needs("deals.change")
def deal_move(request: ActorRequest, pk: int) -> HttpResponse:
    """To another stage, by its number."""
    row = found(request.actor, pk)
    stage = get_object_or_404(queries.stages(request.actor), pk=keyset.row_id(request.POST.get("stage", "")) or 0)
    said = _("“%(deal)s” moved to “%(stage)s”.") % {"deal": row, "stage": stage}
    return _pressed(request, row, said, lambda at: actions.move_deal(row, stage, by=request.actor, at=at))


@require_POST
@needs("deals.change")
def deal_win(request: ActorRequest, pk: int) -> HttpResponse:
    """Won."""
    row = found(request.actor, pk)
    said = _("“%(deal)s” is won.") % {"deal": row}
    return _pressed(request, row, said, lambda at: actions.win_deal(row, by=request.actor, at=at))


@require_http_methods(["GET", "HEAD", "POST"])
@needs("deals.change")
def deal_lose(request: ActorRequest, pk: int) -> HttpResponse:
    """Lost, once somebody said why."""
    row = found(request.actor, pk)
    form = LostForm(request.POST if request.method == "POST" else None, actor=request.actor)
    if form.is_valid():
        given = form.cleaned_data
        said = _("“%(deal)s” is lost.") % {"deal": row}
        return _pressed(
            request,
            row,
            said,
            lambda at: actions.lose_deal(row, reason=given["reason"], note=given["note"], by=request.actor, at=at),
        )
    title = _("Why is “%(deal)s” lost?") % {"deal": row}
    address = reverse("deal", args=[row.pk])
    context = {
        "form": form,
        "title": title,
        "crumbs": [(_("Deals"), reverse("deals")), (str(row), address)],
        "cancel_url": address,
    }
    return render(request, "crm/task_edit.html", context, status=400 if form.is_bound else 200)


@require_POST
@needs("deals.change")
def deal_reopen(request: ActorRequest, pk: int) -> HttpResponse:
    """On again."""
    row = found(request.actor, pk)
    said = _("“%(deal)s” is open again.") % {"deal": row}
    return _pressed(request, row, said, lambda at: actions.reopen_deal(row, by=request.actor, at=at), can_undo=False)


@require_POST
@needs("deals.change")
def deal_undo(request: ActorRequest, pk: int, move: int) -> HttpResponse:
    """Take the last step back."""
    row = found(request.actor, pk)
    try:
        actions.undo_deal_move(row, move, by=request.actor, at=timezone.now())
        notify(request, _("“%(title)s” is as it was.") % {"title": row})
    except NotPossibleNow as fault:
        notify(request, fault.message, level=messages.ERROR)
    return returned(request, reverse("deal", args=[row.pk]))


@require_POST
@needs("deals.change")
def deal_note(request: ActorRequest, pk: int) -> HttpResponse:
    """Write something down."""
    row = found(request.actor, pk)
    try:
        actions.add_deal_note(row, text=request.POST.get("text", ""), by=request.actor, at=timezone.now())
    except Refused as fault:
        notify(request, fault.message, level=messages.ERROR)
    return redirect("deal", row.pk)


def _pressed(request: ActorRequest, row: Deal, said: str, do: Any, *, can_undo: bool = True) -> HttpResponse:
    """Do what a button says; tell it with its way back, or why it could not be done."""
    before = row.moves.values_list("pk", flat=True).first()
    try:
        do(timezone.now())
    except Refused as fault:
        notify(request, fault.message, level=messages.ERROR)
    else:
        last = row.moves.values_list("pk", flat=True).first()
        if last != before:
            notify(request, said, undo_url=reverse("deal-undo", args=[row.pk, last]) if can_undo else "")
    return back(request, reverse("deal", args=[row.pk]))


# --- the customer's page -------------------------------------------------------------------------


@require_safe
@needs("deals.view")
def customer_deals(request: ActorRequest, pk: int) -> HttpResponse:
    """The deals of one customer, the open ones first."""
    actor, now = request.actor, timezone.now()
    if pk > keyset.LARGEST_ID:
        raise Http404
    row: Customer = get_object_or_404(queries.customers(actor), pk=pk)
    rows = (
        queries.deals(actor).filter(customer=row).select_related("customer", "company", "owner", "stage", "lost_reason")
    )
    found_ones = [dressed_deal(one, now) for one in rows.order_by("-updated_at")[:DEALS]]
    context = {
        "customer": row,
        "title": str(row),
        "crumbs": [(_("Customers"), reverse("customers")), (str(row), reverse("customer", args=[row.pk]))],
        "deals": sorted(found_ones, key=lambda one: one.status != DealStatus.OPEN),
        "may_change": may(actor, "deals.change") and not row.restricted_at,
    }
    name = "crm/customer_deals_panel.html" if request.htmx else "crm/customer_deals.html"
    return render(request, name, context)

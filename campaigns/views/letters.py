"""Letters to one customer: written on the customer's page, taken back in time, read again with what became of them."""

from typing import Any

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from campaigns import correspondence, letter_texts, queries, tasks
from campaigns.content.merge import RenderFailed
from campaigns.forms_letter import LetterForm, beginning
from campaigns.models import LetterText, Message, MessageState
from campaigns.reasons import REASONS
from campaigns.views.people import TONES, did
from crm import keyset
from crm import queries as crm_queries
from crm.access import ActorRequest, needs
from crm.notices import notify
from crm.refusals import Refused
from crm.rights import Actor, may

MOST_TEXTS = 50
OPEN = (MessageState.QUEUED, MessageState.DEFERRED)


@require_http_methods(["GET", "HEAD", "POST"])
@needs("letters.write")
def write(request: ActorRequest, pk: int) -> HttpResponse:
    """Write to the customer; or why nobody may."""
    actor, now = request.actor, timezone.now()
    customer = _customer(actor, pk)
    texts = letter_texts.texts(actor)
    chosen = texts.filter(pk=keyset.row_id(request.GET.get("text", "")) or 0).first()
    form = LetterForm(request.POST if request.method == "POST" else None, initial=_begun(request, customer, chosen))
    if form.is_valid() and (sent := _sent(form, customer, _task(request, customer), actor, now)):
        undo_url = reverse("letter-take-back", args=[customer.pk, sent.pk])
        notify(request, _("The e-mail leaves in a moment."), undo_url=undo_url)
        return redirect("customer-timeline", customer.pk)
    reason = correspondence.objection(customer, is_offer=False, at=now)
    offer = reason or correspondence.objection(customer, is_offer=True, at=now)
    context = {
        "customer": customer,
        "form": form,
        "reason": correspondence.WORDS.get(reason, reason),
        "no_offer": "" if reason else correspondence.WORDS.get(offer, offer),
        "writer": request.user,
        "task": request.GET.get("task", ""),
        "texts": [(one.name, _with_text(request, one.pk), one == chosen) for one in texts[:MOST_TEXTS]],
    }
    return render(request, "campaigns/letter_new.html", context, status=400 if form.is_bound else 200)


def _begun(request: ActorRequest, customer: Any, chosen: LetterText | None) -> dict[str, str]:
    """The letter before anything is written: a greeting, the chosen text, and who writes."""
    subject = request.GET.get("subject", "")[:200] or (chosen.subject if chosen else "")
    return {"text": beginning(customer, request.user, chosen.text if chosen else ""), "subject": subject}


def _with_text(request: ActorRequest, pk: int) -> str:
    query = request.GET.copy()
    query["text"] = str(pk)
    return f"{request.path}?{query.urlencode()}"


def _sent(form: LetterForm, customer: Any, task: Any, actor: Actor, now: Any) -> Message | None:
    given = form.cleaned_data
    try:
        letter = correspondence.write_letter(
            customer,
            subject=given["subject"],
            text=given["text"],
            is_offer=given["about"] == "offer",
            task=task,
            by=actor,
            at=now,
        )
    except Refused as fault:
        form.add_error(fault.path if fault.path in form.fields else None, fault.message)
        return None
    tasks.poke_later(letter.run_id, correspondence.TAKEN_BACK_WITHIN)
    return letter


def _task(request: ActorRequest, customer: Any) -> Any:
    """The task that asked for the letter, if one did."""
    pk = keyset.row_id(request.GET.get("task", ""))
    rows = crm_queries.tasks(request.actor).filter(customer=customer, status="open")
    return rows.filter(pk=pk).first() if pk is not None else None


@require_safe
@needs("customers.identify")
def letter(request: ActorRequest, pk: int, letter_id: int) -> HttpResponse:
    """One letter: what was written, and what became of it."""
    row = found(request.actor, pk, letter_id)
    campaign = row.run.campaign
    context = {
        "customer": row.customer,
        "letter": row,
        "title": campaign.name,
        "text": _text(row),
        "reason": REASONS.get(row.reason, row.reason),
        "trouble": row.run.pause_reason,
        "tone": TONES.get(row.state, "neutral"),
        "responses": did(row.responses.all()),
        "may_take_back": row.state in OPEN and may(request.actor, "letters.write"),
        "facts": [
            (_("Written by"), campaign.owner or "–"),
            (_("Answers go to"), campaign.reply_to or _("the firm's address")),
            (_("What it is about"), _("An offer") if campaign.purpose == "marketing" else _("Their own matter")),
        ],
    }
    return render(request, "campaigns/letter.html", context)


def _text(row: Message) -> str:
    """As its reader sees it; as it was written where the reader's data are gone."""
    try:
        return queries.letter(row).text
    except RenderFailed:
        return row.variant.text if row.variant else ""


@require_POST
@needs("letters.write")
def take_back(request: ActorRequest, pk: int, letter_id: int) -> HttpResponse:
    """Not to be sent after all."""
    row = found(request.actor, pk, letter_id)
    try:
        correspondence.take_back(row, by=request.actor, at=timezone.now())
        notify(request, _("The e-mail is not sent."))
    except Refused as fault:
        notify(request, fault.message, level=messages.ERROR)
    return redirect("letter", row.customer_id, row.pk)


def _customer(actor: Actor, pk: int) -> Any:
    rows = crm_queries.customers(actor).select_related("owner")
    return get_object_or_404(rows, pk=min(pk, keyset.LARGEST_ID))


def found(actor: Actor, pk: int, letter_id: int) -> Message:
    """The letter, when its customer is in the actor's scope."""
    rows = correspondence.letters(actor).filter(customer=min(pk, keyset.LARGEST_ID))
    return get_object_or_404(rows, pk=min(letter_id, keyset.LARGEST_ID))

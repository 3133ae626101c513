"""Webhooks: who outside is told of what, with which answers; tried out, stopped, made to call again."""

from typing import Any

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from crm import actions, hooks, keyset
from crm.access import ActorRequest, needs
from crm.forms.hooks import HookForm
from crm.models import Hook, HookCall, HookCallState
from crm.notices import notify
from crm.refusals import Refused
from crm.tables import Column

RIGHT = "settings.change"
ONLY_FORMS = require_http_methods(["GET", "HEAD", "POST"])
COLUMNS = (Column(gettext_lazy("Webhook")), Column(gettext_lazy("Told of")), Column(gettext_lazy("State")))
CALLS = (
    Column(gettext_lazy("What happened")),
    Column(gettext_lazy("State")),
    Column(gettext_lazy("Attempts"), "number"),
    Column(gettext_lazy("Last answer")),
    Column(gettext_lazy("Tell again"), "action", is_label_hidden=True),
)
TONES = {HookCallState.WAITING: "info", HookCallState.DONE: "good", HookCallState.FAILED: "bad"}
ROWS = 50


@require_safe
@needs(RIGHT)
def listing(request: ActorRequest) -> HttpResponse:
    """Every webhook with what it is told of and how it does."""
    rows = [(hook, _topics(hook), *state(hook)) for hook in Hook.objects.all()]
    return render(request, "crm/hooks.html", {"rows": rows, "columns": COLUMNS})


def state(hook: Hook) -> tuple[str, str]:
    """A word for how the webhook does, and its tone."""
    if hook.stopped_at and not hook.is_active:
        return _("Stopped: it failed for three days"), "bad"
    if not hook.is_active:
        return _("Stopped"), "neutral"
    return (_("Failing"), "warn") if hook.failing_since else (_("In use"), "good")


def _topics(hook: Hook) -> str:
    return ", ".join(str(hooks.TOPICS.get(one, one)) for one in hook.topics)


@ONLY_FORMS
@needs(RIGHT)
@never_cache
def new(request: ActorRequest) -> HttpResponse:
    """Make a webhook; its signing key is on the answer to this one request and nowhere else."""
    form = HookForm(request.POST if request.method == "POST" else None)
    if form.is_valid():
        try:
            hook, secret = actions.create_hook(values=form.cleaned_data, by=request.actor, at=timezone.now())
        except Refused as fault:
            form.add_error(fault.path if fault.path in form.fields else None, fault.message)
        else:
            return _shown_once(request, hook, secret)
    return _form(request, form, _("New webhook"), reverse("hooks"))


@ONLY_FORMS
@needs(RIGHT)
def edit(request: ActorRequest, pk: int) -> HttpResponse:
    """Change name, address or topics."""
    hook = found(pk)
    initial = {"name": hook.name, "url": hook.url, "topics": hook.topics}
    form = HookForm(request.POST if request.method == "POST" else None, initial=initial)
    if form.is_valid():
        try:
            actions.change_hook(hook, values=form.cleaned_data, by=request.actor, at=timezone.now())
        except Refused as fault:
            form.add_error(fault.path if fault.path in form.fields else None, fault.message)
        else:
            notify(request, _("Saved."))
            return redirect("hook", pk)
    return _form(request, form, _("Change the webhook"), reverse("hook", args=[pk]))


def _form(request: ActorRequest, form: HookForm, title: str, cancel_url: str) -> HttpResponse:
    context = {"form": form, "title": title, "cancel_url": cancel_url, "crumbs": [(_("Webhooks"), reverse("hooks"))]}
    return render(request, "crm/hook_edit.html", context, status=400 if form.is_bound else 200)


def _shown_once(request: ActorRequest, hook: Hook, secret: str) -> HttpResponse:
    context = {"hook": hook, "secret": secret, "crumbs": [(_("Webhooks"), reverse("hooks"))]}
    return render(request, "crm/hook_secret.html", context)


@require_safe
@needs(RIGHT)
def hook(request: ActorRequest, pk: int) -> HttpResponse:
    """One webhook: what it is told of, and the log of its calls."""
    row = found(pk)
    cursor = request.GET.get("cursor", "")
    page = keyset.page_or_first(row.calls.order_by("-id"), order="-id", cursor=cursor, size=ROWS)
    word, tone = state(row)
    context = {
        "hook": row,
        "word": word,
        "tone": tone,
        "facts": _facts(row),
        "columns": CALLS,
        "calls": [(call, TONES[call.state], _topic(call)) for call in page.rows],
        "more_url": f"{request.path}?cursor={page.next_cursor}" if page.next_cursor else "",
        "given_up": row.calls.filter(state=HookCallState.FAILED).exclude(topic=hooks.TEST).count(),
        "crumbs": [(_("Webhooks"), reverse("hooks"))],
    }
    return render(request, "crm/hook.html", context)


def _topic(call: HookCall) -> str:
    return _("Trial") if call.topic == hooks.TEST else str(hooks.TOPICS.get(call.topic, call.topic))


def _facts(row: Hook) -> list[tuple[str, Any]]:
    return [(_("Address"), row.url), (_("Told of"), _topics(row)), (_("Made by"), row.created_by or "–")]


@require_POST
@needs(RIGHT)
@never_cache
def rotate(request: ActorRequest, pk: int) -> HttpResponse:
    """Another signing key, on the answer to this one request."""
    row = found(pk)
    return _shown_once(request, row, actions.rotate_hook(row, by=request.actor, at=timezone.now()))


@require_POST
@needs(RIGHT)
def test(request: ActorRequest, pk: int) -> HttpResponse:
    """Call it now and say what it answered."""
    call = actions.try_hook(found(pk), by=request.actor, at=timezone.now())
    is_taken = call.state == HookCallState.DONE
    words = _("It answered: %(answer)s") if is_taken else _("It did not take the call: %(answer)s")
    notify(request, words % {"answer": call.answer}, level=messages.SUCCESS if is_taken else messages.ERROR)
    return redirect("hook", pk)


@require_POST
@needs(RIGHT)
def switch(request: ActorRequest, pk: int) -> HttpResponse:
    """Stop it, or let it go on; what waits is kept."""
    is_active = request.POST.get("on") == "yes"
    actions.change_hook(found(pk), values={"is_active": is_active}, by=request.actor, at=timezone.now())
    words = _("The webhook is in use again.") if is_active else _("The webhook is stopped; what waits is kept.")
    notify(request, words)
    return redirect("hook", pk)


@require_POST
@needs(RIGHT)
def replay(request: ActorRequest, pk: int) -> HttpResponse:
    """Make one call again, or all that were given up."""
    row = found(pk)
    call_id = keyset.row_id(request.POST.get("call", ""))
    call = get_object_or_404(row.calls, pk=call_id) if call_id is not None else None
    count = actions.replay_calls(row, call=call, by=request.actor, at=timezone.now())
    words = ngettext("%(n)s call is made again.", "%(n)s calls are made again.", count)
    notify(request, words % {"n": count})
    return redirect("hook", pk)


@require_POST
@needs(RIGHT)
def delete(request: ActorRequest, pk: int) -> HttpResponse:
    """Take it away with its log."""
    row = found(pk)
    actions.delete_hook(row, by=request.actor, at=timezone.now())
    notify(request, _("The webhook “%(name)s” is deleted.") % {"name": row.name})
    return redirect("hooks")


def found(pk: int) -> Hook:
    return get_object_or_404(Hook, pk=min(pk, keyset.LARGEST_ID))

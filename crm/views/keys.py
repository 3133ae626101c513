"""API keys: issued with what they may do, shown once, watched, revoked."""

from datetime import datetime
from typing import Any

from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from crm import actions, queries
from crm.access import ActorRequest, needs
from crm.forms.users import KeyForm
from crm.keyset import LARGEST_ID
from crm.models import ApiKey
from crm.notices import notify
from crm.refusals import Refused
from crm.tables import Column

COLUMNS = (
    Column(gettext_lazy("For")),
    Column(gettext_lazy("Begins with")),
    Column(gettext_lazy("May")),
    Column(gettext_lazy("Issued by")),
    Column(gettext_lazy("Good until")),
    Column(gettext_lazy("Last used")),
    Column(gettext_lazy("Revoke"), "action", is_label_hidden=True),
)


@require_safe
@needs("keys.change")
def keys(request: ActorRequest) -> HttpResponse:
    """Every key, the newest first; what it may do never changes afterwards."""
    now = timezone.now()
    rows = [(key, *state(key, now)) for key in queries.keys(request.actor)]
    live = sum(1 for _key, _word, tone in rows if tone == "good")
    return render(request, "crm/keys.html", {"rows": rows, "columns": COLUMNS, "live": live})


def state(key: ApiKey, now: datetime) -> tuple[str, str]:
    """A word for what the key is now, and its tone."""
    if key.revoked_at:
        return _("Revoked"), "neutral"
    if key.expires_at and key.expires_at <= now:
        return _("Expired"), "warn"
    return (_("In use"), "good") if key.created_by.is_active else (_("Its issuer has left"), "warn")


@require_http_methods(["GET", "HEAD", "POST"])
@needs("keys.change")
@never_cache
def key_new(request: ActorRequest) -> HttpResponse:
    """Issue a key; its text is on the answer to this one request and nowhere else."""
    form = KeyForm(request.POST or None)
    context: dict[str, Any] = {"form": form, "crumbs": [(_("API keys"), reverse("keys"))]}
    if form.is_valid():
        try:
            key, raw_key = actions.issue_key(**form.values(), by=request.actor, at=timezone.now())
        except Refused as refusal:
            form.add_error(None, refusal.message)
        else:
            return render(request, "crm/key_issued.html", context | {"key": key, "raw_key": raw_key})
    return render(request, "crm/key_new.html", context, status=400 if form.is_bound else 200)


@require_POST
@needs("keys.change")
def key_revoke(request: ActorRequest, pk: int) -> HttpResponse:
    """Stop a key at once and for good."""
    key = get_object_or_404(queries.keys(request.actor), pk=min(pk, LARGEST_ID))
    actions.revoke_key(key, by=request.actor, at=timezone.now())
    notify(request, _("The key “%(name)s” is revoked.") % {"name": key.name})
    return redirect("keys")

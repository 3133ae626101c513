"""Topics of campaigns: which there are, how customers read them, and how many do not want each."""

from typing import Any

from django import forms
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_http_methods, require_safe

from campaigns import topics
from campaigns.models import Topic
from crm import keyset
from crm.access import ActorRequest, needs
from crm.notices import notify
from crm.refusals import Refused
from crm.rights import may
from crm.tables import Column

COLUMNS = (
    Column(gettext_lazy("Topic")),
    Column(gettext_lazy("In Finnish")),
    Column(gettext_lazy("Campaigns"), "number"),
    Column(gettext_lazy("Do not want it"), "number"),
    Column(gettext_lazy("Offered")),
)


class TopicForm(forms.Form):
    name_en = forms.CharField(
        label=gettext_lazy("Name in English"),
        max_length=60,
        help_text=gettext_lazy("As customers read it: “New in the shop”."),
    )
    name_fi = forms.CharField(
        label=gettext_lazy("Name in Finnish"),
        max_length=60,
        help_text=gettext_lazy("As customers read it: “Uutta kaupassa”."),
    )
    is_offered = forms.BooleanField(
        label=gettext_lazy("Offered to new campaigns and to customers"),
        required=False,
        initial=True,
        help_text=gettext_lazy("Who did not want it gets nothing about it either way."),
    )


@require_safe
@needs("campaigns.view")
def listing(request: ActorRequest) -> HttpResponse:
    """Every topic; its numbers are of people, so nobody is named."""
    context = {"rows": topics.topics(), "columns": COLUMNS, "may_change": may(request.actor, "campaigns.change")}
    return render(request, "campaigns/topics.html", context)


@require_http_methods(["GET", "HEAD", "POST"])
@needs("campaigns.change")
def new(request: ActorRequest) -> HttpResponse:
    """Name one."""
    return kept(request, None)


@require_http_methods(["GET", "HEAD", "POST"])
@needs("campaigns.change")
def edit(request: ActorRequest, pk: int) -> HttpResponse:
    """Rename it, or offer it no longer."""
    return kept(request, get_object_or_404(Topic, pk=min(pk, keyset.LARGEST_ID)))


def kept(request: ActorRequest, row: Topic | None) -> HttpResponse:
    title = str(row) if row else _("New topic")
    begun = {name: getattr(row, name) for name in topics.CHANGEABLE} if row else None
    form = TopicForm(request.POST if request.method == "POST" else None, initial=begun)
    if form.is_valid():
        try:
            topics.keep_topic(form.cleaned_data, topic=row, by=request.actor, at=timezone.now())
        except Refused as fault:
            form.add_error(fault.path if fault.path in form.fields else None, fault.message)
        else:
            notify(request, _("Saved."))
            return redirect("topics")
    context: dict[str, Any] = {"form": form, "title": title, "crumbs": [(_("Topics"), reverse("topics"))]}
    return render(request, "campaigns/topic.html", context, status=400 if form.is_bound else 200)

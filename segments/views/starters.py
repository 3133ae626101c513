"""Ready-made rules by dimension: those that can be used now, and for the others which field to add."""

from dataclasses import dataclass
from typing import Any

from django.http import Http404, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST, require_safe

from crm import actions as crm_actions
from crm import notices
from crm.access import ActorRequest, needs
from crm.refusals import Refused
from crm.rights import may
from profiles.catalogue import DIMENSIONS
from segments import queries, wording
from segments import starters as ready
from segments.starters import Starter


@dataclass(frozen=True)
class Offer:
    """One ready-made rule: its words, or the fields that it lacks."""

    starter: Starter
    sentence: str
    lacking: tuple[str, ...]
    is_other: bool = False


@require_safe
@needs("segments.view")
def starters(request: ActorRequest) -> HttpResponse:
    """Every ready-made rule under its dimension."""
    catalogue = queries.catalogue()
    usable = {one.key for one in ready.usable(catalogue)}
    offers = [offer(one, catalogue, request.actor.language, is_usable=one.key in usable) for one in ready.STARTERS]
    groups = [
        (wording.DIMENSIONS[dimension], [one for one in offers if one.starter.dimension == dimension])
        for dimension in DIMENSIONS
    ]
    context = {
        "groups": groups,
        "answer": _("%(usable)s of %(all)s can be used as they are.") % {"usable": len(usable), "all": len(offers)},
        "crumbs": [(_("Segments"), reverse("segments"))],
        "may_change": may(request.actor, "segments.change"),
        "may_add": may(request.actor, "fields.change"),
    }
    return render(request, "segments/starters_page.html", context)


def offer(one: Starter, catalogue: Any, language: str, *, is_usable: bool) -> Offer:
    if is_usable:
        return Offer(one, queries.sentence(one.rule, language), ())
    lacking = tuple(wording.said(field) for field in ready.lacking(one, catalogue))
    return Offer(one, "", lacking, is_other=not lacking)


@require_POST
@needs("fields.change")
def add_fields(request: ActorRequest, key: str) -> HttpResponse:
    """Define the fields that a ready-made rule lacks."""
    one = next((one for one in ready.STARTERS if one.key == key), None)
    if one is None:
        raise Http404
    added = []
    for field in ready.lacking(one, queries.catalogue()):
        try:
            crm_actions.define_field(values=ready.definition(field), by=request.actor, at=timezone.now())
        except Refused as fault:
            notices.notify(request, f"{wording.said(field)}: {fault.message}")
        else:
            added.append(wording.said(field))
    if added:
        told = _("Added: %(names)s. Fill them by an import or on the customers' pages.")
        notices.notify(request, told % {"names": ", ".join(added)})
    return redirect("segment-starters")

"""The search over everything: a page of its own, and the same as a fragment in the palette."""

from django.contrib.auth.decorators import login_required
from django.http import HttpResponse
from django.shortcuts import render
from django.utils.cache import patch_vary_headers
from django.views.decorators.http import require_safe

from crm import access, finding
from crm.access import ActorRequest


@require_safe
@login_required
def found(request: ActorRequest) -> HttpResponse:
    """Places by their words, group by group; without words, where one may go and what one may begin."""
    text = request.GET.get("q", "").strip()
    actor = access.of_request(request)
    groups = finding.groups(actor, text)
    names: tuple[str, ...] = ()
    if not groups:
        near, names = finding.nearest(actor, text)
        groups = [near] if near else []
    context = {"text": text, "groups": groups, "names": ", ".join(names), "counted": finding.counted(groups)}
    response = render(request, "crm/palette_found.html" if request.htmx else "crm/search.html", context)
    patch_vary_headers(response, ["HX-Request"])
    return response

"""Discover: choose features, see which groups there are, name one and keep it as a segment."""

from typing import Any

from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from crm import notices, tables
from crm.access import needs
from crm.keyset import LARGEST_ID, row_id
from crm.refusals import Refused
from crm.rights import NotAllowed, may
from profiles.catalogue import DIMENSIONS
from segments import actions, discovery, evaluation, queries, wording
from segments.clusters import Distinction
from segments.models import Cluster, Clustering, SegmentKind
from segments.rules.errors import RuleError

USUAL = ("recency_days", "frequency", "monetary_amount", "average_basket_amount", "age")
SHOWN = 5
COLOURS = 6
COLUMNS = (
    tables.Column(gettext_lazy("Features")),
    tables.Column(gettext_lazy("Groups"), "number"),
    tables.Column(gettext_lazy("State")),
    tables.Column(gettext_lazy("Asked")),
)
QUALITY_COLUMNS = (
    tables.Column(gettext_lazy("Groups")),
    tables.Column(gettext_lazy("Apart"), "number"),
    tables.Column(gettext_lazy("Stable"), "number"),
)
STATES = {
    "queued": (gettext_lazy("Waiting"), "info"),
    "running": (gettext_lazy("Running"), "info"),
    "finished": (gettext_lazy("Finished"), "good"),
    "failed": (gettext_lazy("Failed"), "bad"),
}


@require_http_methods(["GET", "HEAD", "POST"])
@needs("segments.view")
def discover(request: Any) -> HttpResponse:
    """Choose features and ask for groups; earlier searches below."""
    chosen, fault = request.POST.getlist("features"), ""
    if request.method == "POST":
        try:
            made = started(request, chosen)
        except NotAllowed as refusal:
            raise PermissionDenied from refusal
        except Refused as refusal:
            fault = refusal.message
        else:
            return redirect("clustering", made.pk)
    features = queries.catalogue()
    context = {
        "groups": choices(chosen or [key for key in USUAL if key in features]),
        "bases": queries.segments(request.actor),
        "base": request.POST.get("base", ""),
        "numbers": range(2, discovery.MOST_GROUPS + 1),
        "k": request.POST.get("k", ""),
        "fault": fault,
        "earlier": [(one, feature_names(one), STATES[one.status]) for one in queries.clusterings(request.actor)[:20]],
        "columns": COLUMNS,
        "may_change": may(request.actor, "segments.change"),
    }
    return render(request, "segments/discover.html", context, status=400 if fault else 200)


def started(request: Any, chosen: list[str]) -> Clustering:
    k = request.POST.get("k", "")
    base = queries.segments(request.actor).filter(slug=request.POST.get("base", "").replace("\0", "")).first()
    return actions.start_clustering(
        features=chosen,
        k=row_id(k),
        base=base,
        by=request.actor,
        at=timezone.now(),
    )


def choices(chosen: list[str]) -> list[tuple[Any, list[tuple[str, str, bool]]]]:
    """Features that can form groups by dimension: key, label, whether chosen."""
    usable = [
        one for one in queries.catalogue().values() if one.kind in discovery.KINDS and one.sensitivity == "normal"
    ]
    groups = []
    for dimension in DIMENSIONS:
        rows = [(one.key, wording.said(one), one.key in chosen) for one in usable if one.dimension == dimension]
        if rows:
            groups.append((wording.DIMENSIONS[dimension], rows))
    return groups


def feature_names(one: Clustering) -> str:
    features = queries.catalogue()
    return ", ".join(wording.said(features[key]) if key in features else key for key in one.features)


@require_safe
@needs("segments.view")
def clustering(request: Any, pk: int) -> HttpResponse:
    """The groups of one search: a picture, what sets each apart, and a name to keep it by; asks again while it runs."""
    one = get_object_or_404(queries.clusterings(request.actor), pk=min(pk, LARGEST_ID))
    is_over = one.status in ("finished", "failed")
    groups = list(one.clusters.all())
    context = {
        "clustering": one,
        "is_over": is_over,
        "features": feature_names(one),
        "answer": answer(one),
        "reason": _(one.error) if one.error else "",
        "crumbs": [(_("Discover"), reverse("discover"))],
        "groups": [(group, distinctions(group), i % COLOURS + 1) for i, group in enumerate(groups)],
        "rules": queries.sentences_of(groups, request.actor.language),
        "names": [group.name for group in groups][:COLOURS],
        "points": points(one) if one.status == "finished" else (),
        "kept": kept(groups, request.actor),
        "quality": [(row, row["k"] == one.k) for row in one.quality.get("of", ())],
        "quality_columns": QUALITY_COLUMNS,
        "may_change": may(request.actor, "segments.change"),
    }
    return render(request, "segments/clustering.html", context)


def answer(one: Clustering) -> str:
    if one.status == "failed":
        return _("No groups were found.")
    if one.status != "finished":
        return _("The groups are being found. You may leave this page.")
    told = _("%(k)s groups; the data speak for %(proposed)s.")
    return told % {"k": one.k, "proposed": one.proposed_k}


def distinctions(group: Cluster) -> list[wording.Compared]:
    features = queries.catalogue()
    rows = [Distinction(**row) for row in group.distinction]
    return [wording.compared(row, features) for row in rows if row.feature in features][:SHOWN]


def points(one: Clustering) -> list[tuple[float, float, int, str]]:
    """Points of the picture: place, colour, label. None when the warehouse cannot tell any more."""
    try:
        found = queries.picture(one)
    except queries.NotEvaluable:
        return []
    return [(x, y, group % COLOURS + 1, "") for x, y, group in found]


def kept(groups: list[Cluster], actor: Any) -> dict[int, Any]:
    """Segments already made of these groups, or of those they carry on, by the group's id."""
    lines = {pk: group.pk for group in groups for pk in (group.before_id, group.pk) if pk}
    rows = queries.segments(actor).filter(kind=SegmentKind.CLUSTER, cluster__in=list(lines))
    return {lines[row.cluster_id]: row for row in rows if row.cluster_id}


@require_POST
@needs("segments.change")
def accept(request: Any, pk: int) -> HttpResponse:
    """Keep a group as a segment under the name given."""
    group = queries.clusters(request.actor).filter(pk=min(pk, LARGEST_ID)).first()
    if group is None:
        raise Http404
    name = request.POST.get("name", "").replace("\0", "").strip()[:120] or group.name
    as_rule = request.POST.get("as") == "rule"
    try:
        one = actions.accept_cluster(cluster=group, name=name, as_rule=as_rule, by=request.actor, at=timezone.now())
    except (Refused, RuleError) as fault:
        notices.notify(request, evaluation.refusal(fault), level=messages.ERROR)
        return redirect("clustering", group.clustering_id)
    notices.notify(request, _("“%(name)s” is a segment now; its members are being found.") % {"name": name})
    return redirect("segment", one.slug)

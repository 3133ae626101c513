"""The Data page: every feature, and how good the data are."""

from datetime import UTC, datetime
from typing import Any

from django.http import HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import render
from django.utils.translation import gettext_lazy as _
from django.utils.translation import ngettext
from django.views.decorators.http import require_safe

from crm import tables
from crm.access import ActorRequest, needs
from crm.lists import downloads
from crm.rights import may
from profiles import queries, uses, wording
from profiles.catalogue import DIMENSIONS, Feature
from profiles.queries import Quality

COLUMNS = (
    tables.Column(_("Feature"), sort="label"),
    tables.Column(_("Dimension"), sort="dimension"),
    tables.Column(_("Source")),
    tables.Column(_("Known"), "number", sort="coverage"),
    tables.Column(_("Valid"), "number"),
    tables.Column(_("Last changed"), sort="changed"),
    tables.Column(_("Use")),
    tables.Column(_("Used by"), "number", sort="uses"),
)
SHEET = downloads.Sheet(
    "data",
    "data",
    (
        (_("Feature"), lambda row: row["label"]),
        (_("Key"), lambda row: row["quality"].feature.key),
        (_("Dimension"), lambda row: row["dimension"]),
        (_("Source"), lambda row: row["source"]),
        (_("Known"), lambda row: row["quality"].coverage_share),
        (_("Valid"), lambda row: row["quality"].valid_share),
        (_("Last changed"), lambda row: row["quality"].changed_at or ""),
        (_("Use"), lambda row: row["sensitivity"]),
        (_("Used by"), lambda row: row["uses"]),
    ),
    "features.view",
)
LONG_AGO = datetime(1970, 1, 1, tzinfo=UTC)
SORTS = {
    "label": lambda row: wording.label(row.feature).casefold(),
    "dimension": lambda row: (DIMENSIONS.index(row.feature.dimension), wording.label(row.feature).casefold()),
    "coverage": lambda row: row.coverage_share,
    "changed": lambda row: row.changed_at or LONG_AGO,
    "uses": lambda row: row.feature.key,
}


@require_safe
@needs("features.view")
def data(request: ActorRequest) -> HttpResponse:
    """Every feature with its dimension, source, coverage, freshness and sensitivity."""
    order = tables.order(request.GET, COLUMNS, "dimension")
    rows = listed(request, order)
    context = {
        "columns": COLUMNS,
        "order": order,
        "rows": rows,
        "may_change": may(request.actor, "fields.change"),
        "as_of": queries.current().as_of if rows else None,
        "answer": answer([row["quality"] for row in rows]),
        "files": downloads.links(request, "data-file"),
    }
    return render(request, "profiles/data.html", context)


@require_safe
@needs("features.view")
def data_file(request: ActorRequest, kind: str) -> HttpResponseBase:
    """The same as a file."""
    return downloads.download(request, SHEET, listed(request, tables.order(request.GET, COLUMNS, "dimension")), kind)


def listed(request: ActorRequest, order: tables.Order) -> list[dict[str, Any]]:
    """The features in words, in their order, each with how many things use it."""
    used = {key: len({use.url for use in found}) for key, found in uses.by_feature(request.actor).items()}
    sorts = SORTS | {"uses": lambda row: used.get(row.feature.key, 0)}
    rows = sorted(quality_for(request), key=sorts[order.key], reverse=order.is_descending)
    return [in_words(row) | {"uses": used.get(row.feature.key, 0)} for row in rows]


def quality_for(request: ActorRequest) -> list[Quality]:
    """The features open to the visitor; none before the first snapshot."""
    try:
        return [row for row in queries.quality() if queries.is_open_to(request.actor, row.feature)]
    except queries.NoSnapshot:
        return []


def in_words(row: Quality) -> dict[str, Any]:
    return {"quality": row, **words(row.feature)}


def words(feature: Feature) -> dict[str, str]:
    return {
        "label": wording.label(feature),
        "dimension": wording.dimension(feature),
        "source": wording.source(feature),
        "sensitivity": wording.sensitivity(feature),
    }


def answer(rows: list[Quality]) -> str:
    sparse = sum(row.coverage_share < 0.5 for row in rows)
    told = ngettext("%(n)s feature is known.", "%(n)s features are known.", len(rows)) % {"n": len(rows)}
    if not sparse:
        return told
    missing = ngettext(
        "%(n)s of them is missing for more than half of the customers.",
        "%(n)s of them are missing for more than half of the customers.",
        sparse,
    )
    return f"{told} {missing % {'n': sparse}}"

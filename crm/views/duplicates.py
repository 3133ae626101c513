"""Duplicates: the pairs that look alike, two records side by side, joined by choice and taken apart again."""

from typing import Any

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from crm import actions, duplicates, figures, keyset, queries, search, tasks
from crm.access import ActorRequest, needs
from crm.actions.merging import CHOOSABLE, UNDOABLE
from crm.models import Customer
from crm.notices import notify
from crm.refusals import Refused
from crm.rights import Actor
from crm.tables import Column
from crm.views.customer import found, more_url

ROWS, FOUND = 50, 8
COLUMNS = (
    Column(gettext_lazy("First record")),
    Column(gettext_lazy("Second record")),
    Column(gettext_lazy("Why")),
    Column(gettext_lazy("Likeness"), "number"),
    Column(gettext_lazy("Decide"), is_label_hidden=True),
)


@require_safe
@needs("customers.merge")
def pairs(request: ActorRequest) -> HttpResponse:
    """Pairs that may be one person, the likeliest first; those dismissed on another address."""
    dismissed = request.GET.get("dismissed") == "1"
    rows = queries.like_pairs(request.actor).filter(dismissed_at__isnull=not dismissed)
    page = keyset.page_or_first(rows, order="-score", cursor=request.GET.get("cursor", ""), size=ROWS)
    merges = queries.merges(request.actor).filter(undone_at=None, at__gt=timezone.now() - UNDOABLE)
    context = {
        "columns": COLUMNS,
        "rows": [(pair, duplicates.reasons(pair)) for pair in page.rows],
        "dismissed": dismissed,
        "more_url": more_url(request, cursor=page.next_cursor) if page.next_cursor else "",
        "merges": [] if dismissed else merges[:10],
        "crumbs": [(_("Customers"), reverse("customers"))],
    }
    return render(request, "crm/duplicates.html", context)


@require_POST
@needs("customers.merge")
def look(request: ActorRequest) -> HttpResponse:
    """Look over all customers now, in the background."""
    tasks.poke_duplicates()
    notify(request, _("Looking over all customers; the list is renewed in a moment."))
    return redirect("duplicates")


@require_POST
@needs("customers.merge")
def dismiss(request: ActorRequest, pk: int) -> HttpResponse:
    """They are two people."""
    pair = get_object_or_404(queries.like_pairs(request.actor), pk=min(pk, keyset.LARGEST_ID))
    actions.dismiss_pair(pair, by=request.actor, at=timezone.now())
    notify(request, _("Not the same; they are not offered again."), undo_url=reverse("duplicate-recall", args=[pk]))
    return redirect("duplicates")


@require_POST
@needs("customers.merge")
def recall(request: ActorRequest, pk: int) -> HttpResponse:
    """Offer a dismissed pair again."""
    pair = get_object_or_404(queries.like_pairs(request.actor), pk=min(pk, keyset.LARGEST_ID))
    actions.recall_pair(pair, by=request.actor, at=timezone.now())
    notify(request, _("Offered again."))
    return redirect("duplicates")


@require_http_methods(["GET", "HEAD", "POST"])
@needs("customers.merge")
def merge(request: ActorRequest, pk: int) -> HttpResponse:
    """Two records side by side: choose per field which value survives, and who stays."""
    actor, row = request.actor, found(request.actor, pk)
    other = _other(actor, row, request.GET.get("with", "") or request.POST.get("with", ""))
    if other and request.method == "POST" and (done := _merged(request, row, other)):
        return done
    asked = request.GET.get("q", "").strip().replace("\0", "")[:120]
    near = queries.customers(actor).exclude(pk=row.pk)
    context = {
        "customer": row,
        "other": other,
        "rows": side_by_side(row, other) if other else [],
        "days": UNDOABLE.days,
        "asked": asked,
        "found": search.first(near, asked, by_name=True, most=FOUND) if asked else queries.likes_of(actor, row),
    }
    return render(request, "crm/merge.html", context)


def _other(actor: Actor, row: Customer, text: str) -> Customer | None:
    pk = keyset.row_id(text)
    rows = queries.customers(actor).select_related("company", "owner", "team").exclude(pk=row.pk)
    return rows.filter(pk=pk).first() if pk else None


def side_by_side(row: Customer, other: Customer) -> list[dict[str, Any]]:
    """Fields in which at least one has a value: both values, and which one is chosen at first."""
    pairs = [(name, str(Customer._meta.get_field(name).verbose_name), _shown(row, name), _shown(other, name))  # type: ignore[union-attr]
             for name in CHOOSABLE]  # fmt: skip
    keys = sorted({*row.attributes, *other.attributes})
    own = [(f"attributes.{key}", key, row.attributes.get(key), other.attributes.get(key)) for key in keys]
    return [
        {"name": name, "label": label, "mine": mine, "theirs": theirs, "takes": not mine, "differs": mine != theirs}
        for name, label, mine, theirs in [*pairs, *own]
        if mine or theirs
    ]


def _shown(row: Customer, name: str) -> Any:
    value = getattr(row, f"get_{name}_display")() if name == "stage" else getattr(row, name)
    return figures.day(value) if name == "birth_date" and value else value


def _merged(request: ActorRequest, row: Customer, other: Customer) -> HttpResponse | None:
    """Join them; the one whose number is chosen stays."""
    stays, goes = (other, row) if request.POST.get("stays") == str(other.pk) else (row, other)
    chosen = {name.removeprefix("take:"): value for name, value in request.POST.items() if name.startswith("take:")}
    take = [name for name, value in chosen.items() if value == str(goes.pk)]
    try:
        done = actions.merge_customers(stays, goes, take=take, by=request.actor, at=timezone.now())
    except Refused as fault:
        notify(request, fault.message, level=messages.ERROR)
        return None
    told = _("%(gone)s now belongs to %(stays)s.") % {"gone": goes.number, "stays": stays.number}
    notify(request, told, undo_url=reverse("merge-undo", args=[done.pk]))
    return redirect("customer", stays.pk)


@require_POST
@needs("customers.merge")
def undo(request: ActorRequest, pk: int) -> HttpResponse:
    """Take two customers apart again."""
    row = get_object_or_404(queries.merges(request.actor), pk=min(pk, keyset.LARGEST_ID))
    try:
        done = actions.unmerge(row, by=request.actor, at=timezone.now())
    except Refused as fault:
        notify(request, fault.message, level=messages.ERROR)
        return redirect("duplicates")
    notify(request, _("Two customers again, each as before."))
    if done.kept:
        stays = _("Changed since and therefore kept with %(number)s: %(what)s.")
        notify(request, stays % {"number": row.survivor.number, "what": ", ".join(done.kept)}, level=messages.WARNING)
    return redirect("customer", row.survivor_id)

"""The worklist: whom to contact today and why; calls, tasks and putting off in place."""

from datetime import date, timedelta

from django.contrib import messages
from django.http import HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext
from django.views.decorators.http import require_POST, require_safe

from crm import due, figures
from crm import queries as crm_queries
from crm.access import ActorRequest, needs
from crm.keyset import LARGEST_ID
from crm.lists import downloads
from crm.notices import notify
from crm.refusals import Refused
from crm.rights import may
from profiles import queries as profile_queries
from segments import putting_off, worklist
from segments.models import NotNow

FEW = 5
SHEET = downloads.Sheet(
    "worklist",
    "worklist",
    (
        (gettext_lazy("Customer"), lambda one: str(one.customer)),
        (gettext_lazy("Number"), lambda one: one.customer.number),
        (gettext_lazy("Company"), lambda one: str(one.customer.company or "")),
        (gettext_lazy("Why"), lambda one: "; ".join(reason.words for reason in one.reasons)),
        (gettext_lazy("By"), lambda one: "; ".join(f"{way.label} {way.address}".strip() for way in one.open_ways)),
        (gettext_lazy("Spent in all"), lambda one: one.spent),
        (gettext_lazy("Last contact"), lambda one: one.last_contact_at or ""),
    ),
    downloads.PERSONS,
)
SNOOZES = ((1, gettext_lazy("Tomorrow")), (3, gettext_lazy("In 3 days")), (7, gettext_lazy("In a week")))


@require_safe
@needs("worklist.view")
@profile_queries.one_moment()
def whole(request: ActorRequest) -> HttpResponse:
    """Everybody worth contacting today, the most pressing first."""
    actor, now = request.actor, timezone.now()
    found = worklist.entries(actor, at=now)
    today = due.day_of(now)
    context = {
        "entries": found,
        "answer": _answer(found),
        "address": request.path,
        "today": today.isoformat(),
        "tomorrow": (today + timedelta(days=1)).isoformat(),
        "snoozes": [((today + timedelta(days=days)).isoformat(), label) for days, label in SNOOZES],
        "reasons": [(value, label) for value, label in NotNow.choices if value != NotNow.LATER],
        "may_change": may(actor, "tasks.change"),
        "put_off": worklist.marks(actor, at=now).count(),
        "files": downloads.links(request, "worklist-file") if found else [],
    }
    return render(request, "segments/worklist.html", context)


@require_safe
@needs("worklist.view")
def whole_file(request: ActorRequest, kind: str) -> HttpResponseBase:
    """The list as a file, for a day without the house."""
    return downloads.download(request, SHEET, worklist.entries(request.actor, at=timezone.now()), kind)


def _answer(found: list[worklist.Entry]) -> str:
    if not found:
        return ""
    promised = sum(1 for one in found if one.reasons[0].is_promised)
    said = ngettext("%(n)s person to contact today", "%(n)s people to contact today", len(found)) % {"n": len(found)}
    kept = ngettext("%(n)s of them was promised or is closing", "%(n)s of them were promised or are closing", promised)
    return f"{said}; {kept % {'n': promised}}." if promised else f"{said}."


@require_safe
@needs("worklist.view")
@profile_queries.one_moment()
def today(request: ActorRequest) -> HttpResponse:
    """The first few of them, as a fragment for other pages."""
    found = worklist.entries(request.actor, at=timezone.now(), most=FEW)
    return render(request, "segments/worklist_today.html", {"entries": found})


@require_POST
@needs("worklist.view")
def put_off(request: ActorRequest, pk: int) -> HttpResponse:
    """Not now: until a day, or for a reason."""
    actor, now = request.actor, timezone.now()
    row = get_object_or_404(crm_queries.customers(actor), pk=min(pk, LARGEST_ID))
    reason = request.POST.get("reason") or NotNow.LATER
    try:
        mark = putting_off.put_off(row, reason=reason, until=_day(request.POST.get("until", "")), by=actor, at=now)
    except Refused as fault:
        notify(request, fault.message, level=messages.ERROR)
    else:
        day = figures.day(due.day_of(mark.until_at) + timedelta(days=1))
        said = _("%(name)s is proposed again on %(day)s at the earliest.") % {"name": row, "day": day}
        notify(request, said, undo_url=reverse("worklist-take-back", args=[mark.pk]))
    return redirect("worklist")


@require_POST
@needs("worklist.view")
def take_back(request: ActorRequest, pk: int) -> HttpResponse:
    """On the list again."""
    actor, now = request.actor, timezone.now()
    mark = get_object_or_404(worklist.marks(actor, at=now).select_related("customer"), pk=min(pk, LARGEST_ID))
    putting_off.take_back(mark, by=actor, at=now)
    notify(request, _("Proposed again."))
    return redirect("worklist")


def _day(text: str) -> date | None:
    try:
        return date.fromisoformat(text)
    except ValueError:
        return None

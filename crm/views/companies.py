"""Companies: the list, one page per company with its people, and the form that enters and changes one."""

from typing import Any

from django import forms
from django.contrib import messages
from django.db.models import Count, F, QuerySet, Sum
from django.http import Http404, HttpResponse, HttpResponseBase
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from crm import actions, audit_words, figures, keyset, noting, queries, timeline
from crm.access import ActorRequest, needs
from crm.forms.companies import CompanyForm
from crm.forms.notes import NewNoteForm
from crm.lists.columns import cell
from crm.lists.kinds import COMPANIES
from crm.lists.shown import shown
from crm.models import AuditLine, Company, Customer
from crm.notices import notify
from crm.refusals import ManyRefused, Refused
from crm.rights import Actor, may
from crm.tables import Column
from crm.views import bulk, lists, tags
from crm.views.customer import more_url

PEOPLE = 50
HAPPENINGS = 20
MOST_PEOPLE = 1000  # whose happenings are looked through
CHANGES = 10
NOTES = 50
PEOPLE_COLUMNS = (
    Column(gettext_lazy("Name")),
    Column(gettext_lazy("Number")),
    Column(gettext_lazy("Stage")),
    Column(gettext_lazy("Bought for"), "number"),
)


@require_safe
@needs("customers.view")
def companies(request: ActorRequest) -> HttpResponse:
    """The companies of the visitor's teams: searched, filtered, sorted, page after page."""
    context = {
        **lists.context(request, shown(COMPANIES, request.actor, request.GET), "companies"),
        "search_label": _("Name, number or business id"),
        "bulk": bulk.offered(request.actor, COMPANIES),
        "may_create": may(request.actor, "customers.change"),
    }
    return render(request, "crm/companies.html", context)


@require_safe
@needs("exports.persons")
def companies_file(request: ActorRequest, kind: str) -> HttpResponseBase:
    """The companies that match, as a file."""
    return lists.file(request, COMPANIES, kind, back="companies")


@require_POST
@needs("customers.view")
def companies_columns(request: ActorRequest) -> HttpResponse:
    """Keep which columns the visitor wants to see."""
    return lists.choose_columns(request, COMPANIES.name, "companies")


def found(actor: Actor, pk: int) -> Company:
    if pk > keyset.LARGEST_ID:
        raise Http404
    return get_object_or_404(queries.companies(actor).select_related("owner", "team"), pk=pk)


@require_safe
@needs("customers.view")
def company(request: ActorRequest, pk: int) -> HttpResponse:
    """One company: facts, its people with what they bought for, what happened to them, and who changed what."""
    actor, row = request.actor, found(request.actor, pk)
    people = keyset.page_or_first(people_of(actor, row), order="-id", cursor=request.GET.get("cursor", ""), size=PEOPLE)
    bought = bought_by(actor, [one.pk for one in people.rows])
    context = {
        "company": row,
        "crumbs": [(_("Companies"), reverse("companies"))],
        "answer": answer(actor, row),
        "strip": tags.of_row(actor, "company", row),
        "facts": facts(row),
        "given": given(actor, row),
        "people": [(one, bought.get(one.pk)) for one in people.rows],
        "columns": PEOPLE_COLUMNS,
        "more_url": more_url(request, cursor=people.next_cursor) if people.next_cursor else "",
        "happenings": happenings(actor, row),
        "changes": [(line, audit_words.door(line), audit_words.verb(line)) for line in changes(actor, row)],
        **notes_of(actor, row),
        "may_change": may(actor, "customers.change"),
    }
    return render(request, "crm/company.html", context)


def notes_of(actor: Actor, row: Company) -> dict[str, Any]:
    """Its notes, the pinned ones first, and the form of a new one."""
    if not may(actor, "notes.view"):
        return {}
    rows = list(noting.about(actor, company=row).order_by(F("pinned_at").desc(nulls_last=True), "-id")[:NOTES])
    actions.see_mentions(rows, by=actor, at=timezone.now())
    return {
        "notes": noting.shown(actor, rows, is_frozen=False),
        "form": NewNoteForm(),
        "add_url": reverse("company-note-add", args=[row.pk]),
        "may_note": may(actor, "notes.change"),
        "may_read_notes": True,
    }


def people_of(actor: Actor, row: Company) -> QuerySet[Customer]:
    return queries.customers(actor).filter(company=row)


def bought_by(actor: Actor, ids: list[int]) -> dict[int, str]:
    """What each has bought for, in the words of its currency; of several currencies the largest first."""
    if not may(actor, "orders.view"):
        return {}
    rows = queries.orders(actor).filter(customer__in=ids).order_by().values_list("customer", "currency")
    sums: dict[int, list[str]] = {}
    for pk, currency, total in rows.annotate(total=Sum("total_amount")).order_by("-total"):
        sums.setdefault(pk, []).append(figures.money(total, currency))
    return {pk: ", ".join(words) for pk, words in sums.items()}


def answer(actor: Actor, row: Company) -> str:
    """How many people, how many orders, and what they come to."""
    n = people_of(actor, row).count()
    told = ngettext("%(n)s person.", "%(n)s people.", n) % {"n": figures.number(n)}
    if not may(actor, "orders.view"):
        return told
    orders = queries.orders(actor).filter(customer__company=row).order_by().values_list("currency")
    for currency, count, total in orders.annotate(n=Count("id"), total=Sum("total_amount")).order_by("-total")[:3]:
        words = ngettext("%(n)s order for %(total)s.", "%(n)s orders for %(total)s.", count)
        told += " " + words % {"n": figures.number(count), "total": figures.money(total, currency)}
    return told


def facts(row: Company) -> list[tuple[str, Any]]:
    return [
        (_("Number"), row.number),
        (_("Business id"), row.business_id),
        (_("Industry"), row.industry),
        (_("Employees"), figures.number(row.employees)),
        (_("City"), row.city),
        (_("Country"), row.country),
        (_("Website"), row.website),
        (_("Owner"), row.owner),
        (_("Team"), row.team),
        (_("Since"), figures.day(row.created_at)),
    ]


def given(actor: Actor, row: Company) -> list[tuple[Any, list[tuple[str, str]]]]:
    """Custom fields with values, grouped by their dimension; special categories stay on forms."""
    groups: dict[Any, list[tuple[str, str]]] = {}
    for column in COMPANIES.columns(actor):
        value = column.read(row) if column.key.startswith("field.") and column.read else None
        if value not in (None, "", []):
            groups.setdefault(column.group, []).append((str(column.label), cell(column, row, value).text))
    return list(groups.items())


def happenings(actor: Actor, row: Company) -> list[timeline.Happening]:
    """The newest orders and events of its people, each with who it was: two questions, however many they are."""
    mine = {"customer__in": list(people_of(actor, row).order_by("-pk").values_list("pk", flat=True)[:MOST_PEOPLE])}
    orders = queries.orders(actor).filter(**mine).select_related("customer").order_by("-ordered_at")[:HAPPENINGS]
    events = queries.events(actor).filter(**mine).select_related("customer").order_by("-occurred_at")[:HAPPENINGS]
    is_named = may(actor, "customers.identify")
    found = [timeline.of_order(one, who=_who(one.customer, is_named)) for one in orders]
    found += [timeline.of_event(one, who=_who(one.customer, is_named)) for one in events]
    return sorted(found, key=lambda one: one.at, reverse=True)[:HAPPENINGS]


def _who(row: Customer | None, is_named: bool) -> str:
    return "" if row is None else str(row) if is_named else row.number


def changes(actor: Actor, row: Company) -> QuerySet[AuditLine]:
    """The newest lines of the audit, for those who may read them."""
    lines = queries.audit_lines(actor).filter(kind="company", object_id=row.pk)
    return lines.select_related("by").order_by("-id")[:CHANGES]


# --- its people ----------------------------------------------------------------------------------


class PersonForm(forms.Form):
    number = forms.CharField(max_length=64)


@require_POST
@needs("customers.change")
def add_person(request: ActorRequest, pk: int) -> HttpResponse:
    """A customer, by number, works for the company from now on."""
    row, form = found(request.actor, pk), PersonForm(request.POST)
    known = queries.customers(request.actor)
    person = known.filter(number=form.cleaned_data["number"].strip()).first() if form.is_valid() else None
    if person is None:
        notify(request, _("Nobody has this number."), level=messages.WARNING)
    else:
        _employ(request, person, row, _("%(person)s works for %(company)s now."))
    return redirect("company", row.pk)


@require_POST
@needs("customers.change")
def remove_person(request: ActorRequest, pk: int, customer_id: int) -> HttpResponse:
    """A customer works for the company no longer."""
    row = found(request.actor, pk)
    person = get_object_or_404(people_of(request.actor, row), pk=min(customer_id, keyset.LARGEST_ID))
    _employ(request, person, None, _("%(person)s works for %(company)s no longer."), told_of=row)
    return redirect("company", row.pk)


def _employ(
    request: ActorRequest, person: Customer, row: Company | None, told: str, *, told_of: Company | None = None
) -> None:
    try:
        actions.change_customer(person, values={"company": row}, by=request.actor, at=timezone.now())
    except Refused as fault:
        notify(request, fault.message, level=messages.ERROR)
    else:
        notify(request, told % {"person": person, "company": row or told_of})


# --- entering and changing -----------------------------------------------------------------------


@require_http_methods(["GET", "HEAD", "POST"])
@needs("customers.change")
def company_new(request: ActorRequest) -> HttpResponse:
    """Enter a new company."""
    return _edited(request, None)


@require_http_methods(["GET", "HEAD", "POST"])
@needs("customers.change")
def company_edit(request: ActorRequest, pk: int) -> HttpResponse:
    """Change what was given about a company."""
    return _edited(request, found(request.actor, pk))


def _edited(request: ActorRequest, row: Company | None) -> HttpResponse:
    form = CompanyForm(request.POST or None, actor=request.actor, company=row)
    if form.is_valid() and (saved := _saved(form, request.actor, row)):
        notify(request, _("Saved."))
        return redirect("company", saved.pk)
    title = _("New company") if row is None else str(row)
    back = reverse("companies") if row is None else reverse("company", args=[row.pk])
    context = {"form": form, "title": title, "cancel_url": back, "crumbs": [(_("Companies"), reverse("companies"))]}
    return render(request, "crm/customer_edit.html", context, status=400 if form.is_bound else 200)


def _saved(form: CompanyForm, actor: Actor, row: Company | None) -> Company | None:
    now = timezone.now()
    try:
        if row is None:
            return actions.create_company(values=form.values(), by=actor, at=now)
        return actions.change_company(row, values=form.values(), by=actor, at=now)
    except Refused as error:
        for fault in error.faults if isinstance(error, ManyRefused) else [error]:
            form.refuse(fault)
        return None

"""One customer's page: the overview, and the tabs that this floor brings."""

from datetime import datetime, time, timedelta
from typing import Any

from django.db.models import Count, QuerySet, Sum
from django.http import Http404, HttpRequest, HttpResponse, StreamingHttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils import timezone
from django.utils.dateparse import parse_datetime
from django.utils.html import format_html
from django.utils.translation import get_language_info, gettext_lazy, ngettext
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST, require_safe

from crm import actions, audit_words, figures, keyset, moments, panels, queries, spreadsheets, timeline
from crm.access import ActorRequest, needs
from crm.actions.merging import UNDOABLE
from crm.forms.customer_parts import ConsentForm, TimelineForm
from crm.lists.columns import cell
from crm.lists.customers import field_column, label_of
from crm.models import AuditLine, ConsentAct, ConsentState, Customer, FieldDefinition, Order, OrderKind
from crm.notices import notify
from crm.refusals import Refused
from crm.rights import Actor, may
from crm.tables import Column, order
from crm.views import tags

LATEST, HAPPENINGS, ROWS = 8, 30, 50
ORDER_COLUMNS = (
    Column(gettext_lazy("Number")),
    Column(gettext_lazy("Time"), sort="ordered_at"),
    Column(gettext_lazy("Kind")),
    Column(gettext_lazy("Channel")),
    Column(gettext_lazy("Lines"), "number"),
    Column(gettext_lazy("Total"), "number"),
)
LINE_COLUMNS = (
    Column(gettext_lazy("Product")),
    Column(gettext_lazy("Quantity"), "number"),
    Column(gettext_lazy("Unit price"), "number"),
    Column(gettext_lazy("Amount"), "number"),
)
ENTRY_COLUMNS = tuple(
    Column(label)
    for label in (
        gettext_lazy("When"),
        gettext_lazy("Act"),
        gettext_lazy("What for"),
        gettext_lazy("Source"),
        gettext_lazy("Evidence"),
    )
)
AUDIT_COLUMNS = tuple(
    Column(label)
    for label in (gettext_lazy("When"), gettext_lazy("Who"), gettext_lazy("What"), gettext_lazy("Before → after"))
)


def found(actor: Actor, pk: int) -> Customer:
    """The customer, or 404: out of scope is not found."""
    rows = queries.customers(actor).select_related("company", "owner", "team")
    return get_object_or_404(rows, pk=min(pk, keyset.LARGEST_ID))


def more_url(request: HttpRequest, **changes: str) -> str:
    """The address of the page with some of its parameters changed."""
    query = request.GET.copy()
    for name, value in changes.items():
        query[name] = value
    return f"{request.path}?{query.urlencode()}"


@require_safe
@needs("customers.view")
def overview(request: ActorRequest, pk: int) -> HttpResponse:
    """Who they are, and what floors above say of their worth, their groups and what comes next."""
    actor = request.actor
    if stays := queries.became(actor, pk):
        return redirect("customer", stays)
    row = found(actor, pk)
    happenings, _has_more = timeline.of_customer(actor, row, before=timezone.now(), most=LATEST)
    context = {
        "customer": row,
        "happenings": happenings,
        "facts": facts(actor, row),
        "given": given(actor, row),
        "consents": consent_states(actor, row),
        "may_see_consents": may(actor, "consents.view"),
        "may_withdraw": may(actor, "consents.withdraw"),
        "strip": tags.of_row(actor, "customer", row),
        "likes": queries.likes_of(actor, row),
        "merges": queries.merges(actor).filter(survivor=row, undone_at=None, at__gt=timezone.now() - UNDOABLE)[:3],
        "panels": panels.on_tab(actor, row.pk, panels.OVERVIEW),
    }
    return render(request, "crm/customer.html", context)


@require_safe
@needs("customers.view")
def tab(request: ActorRequest, pk: int, key: str) -> HttpResponse:
    """A tab that another floor brings, with the customer's page around its fragment."""
    actor, row = request.actor, found(request.actor, pk)
    shown = panels.on_tab(actor, row.pk, key)
    if not shown or key not in {panel.key for panel, _url in panels.tabs(actor, row.pk)}:
        raise Http404
    return render(request, "crm/customer_tab.html", {"customer": row, "tab": key, "panels": shown})


def facts(actor: Actor, row: Customer) -> list[tuple[str, Any]]:
    who = [
        (_("E-mail"), row.email),
        (_("Phone"), format_html('<a href="tel:{0}">{0}</a>', row.phone) if row.phone else ""),
        (_("Address"), " ".join(filter(None, [row.street, row.postal_code]))),
        (_("Birth date"), figures.day(row.birth_date)),
    ]
    return [
        (_("Number"), row.number),
        *(who if may(actor, "customers.identify") else []),
        (_("City"), row.city),
        (_("Country"), row.country),
        (_("Language"), _spoken(row.language)),
        (_("Company"), row.company),
        (_("Owner"), row.owner),
        (_("Team"), row.team),
    ]


def _spoken(code: str) -> str:
    """A language in words, as far as its code is known."""
    try:
        return str(get_language_info(code)["name_translated"]).capitalize()
    except KeyError:
        return code


def given(actor: Actor, row: Customer) -> list[tuple[Any, list[tuple[str, str]]]]:
    """Custom fields with values, grouped by their dimension; special categories are noted as seen."""
    definitions = {field.key: field for field in queries.fields(actor)}
    shown = queries.shown_attributes(actor, row, definitions)
    actions.note_special_use(row, [definitions[key] for key in shown], by=actor, at=timezone.now())
    groups: dict[Any, list[tuple[str, str]]] = {}
    for key, field in definitions.items():
        if key in shown:
            words = cell(column := field_column(field), row, column.read(row)).text  # type: ignore[misc]
            groups.setdefault(field.get_dimension_display(), []).append((_label(field), words))
    return list(groups.items())


def _label(field: FieldDefinition) -> str:
    """The name with its unit; money carries its own."""
    return f"{label_of(field)} ({field.unit})" if field.unit and field.type != "money" else label_of(field)


# --- timeline ------------------------------------------------------------------------------------


@require_safe
@needs("customers.view")
def happenings(request: ActorRequest, pk: int) -> HttpResponse:
    """Everything that happened, newest first: narrowed by kind and by days, page after page."""
    row, form = found(request.actor, pk), TimelineForm(request.GET)
    asked = form.cleaned_data
    rows, has_more = timeline.of_customer(
        request.actor,
        row,
        before=min(_before(request), _midnight(asked.get("until"), days=1) or timezone.now()),
        since=_midnight(asked.get("since")),
        kind=asked.get("kind", ""),
        most=HAPPENINGS,
    )
    context = {
        "customer": row,
        "form": form,
        "is_filtered": form.is_filtered(),
        "happenings": rows,
        "more_url": more_url(request, before=rows[-1].at.isoformat()) if has_more else "",
    }
    return render(request, "crm/customer_timeline.html", context)


def _before(request: HttpRequest) -> datetime:
    try:
        asked = parse_datetime(request.GET.get("before", ""))
    except ValueError:
        asked = None
    return asked if asked and moments.is_tellable(asked) else timezone.now()


def _midnight(day: Any, days: int = 0) -> datetime | None:
    """The beginning of the visitor's day, some days on; None when no calendar holds it."""
    try:
        moment = timezone.make_aware(datetime.combine(day + timedelta(days=days), time.min)) if day else None
    except OverflowError:
        return None
    return moment if moment and moments.is_tellable(moment) else None


# --- orders --------------------------------------------------------------------------------------


@require_safe
@needs("orders.view")
def orders(request: ActorRequest, pk: int) -> HttpResponse:
    """What they bought and returned, with what it comes to."""
    row, sort = found(request.actor, pk), order(request.GET, ORDER_COLUMNS, "-ordered_at")
    rows = queries.orders(request.actor).filter(customer=row)
    counted = rows.annotate(line_count=Count("lines"))
    page = keyset.page_or_first(counted, order=str(sort), cursor=request.GET.get("cursor", ""), size=ROWS)
    context = {
        "customer": row,
        "columns": ORDER_COLUMNS,
        "sort": sort,
        "page": page,
        "totals": totals(rows),
        "more_url": more_url(request, cursor=page.next_cursor) if page.next_cursor else "",
    }
    return render(request, "crm/customer_orders.html", context)


def totals(rows: QuerySet[Order]) -> list[dict[str, str]]:
    """Per kind and currency: the sum, and of how many."""
    counted = rows.order_by().values("kind", "currency").annotate(n=Count("pk"), amount=Sum("total_amount"))
    found = sorted(counted, key=lambda one: (OrderKind.values.index(one["kind"]), one["currency"]))
    return [
        {
            "label": str(TOTALS[one["kind"]]),
            "value": figures.money(one["amount"], one["currency"]),
            "note": ngettext("%(n)s order", "%(n)s orders", one["n"]) % {"n": figures.number(one["n"])},
        }
        for one in found
    ]


TOTALS = {
    "sale": gettext_lazy("Bought"),
    "return": gettext_lazy("Returned"),
    "adjustment": gettext_lazy("Adjusted"),
}


@require_safe
@needs("orders.view")
def order_detail(request: ActorRequest, pk: int, order_id: int) -> HttpResponse:
    """One order with its lines."""
    row = found(request.actor, pk)
    one = get_object_or_404(queries.orders(request.actor), pk=min(order_id, keyset.LARGEST_ID), customer=row)
    words = timeline.ORDER_WORDS[one.kind][1]
    context = {
        "customer": row,
        "order": one,
        "title": words % {"number": one.number},
        "columns": LINE_COLUMNS,
        "lines": one.lines.select_related("product"),
        "facts": [
            (_("Time"), figures.moment(one.ordered_at)),
            (_("Total"), figures.money(one.total_amount, one.currency)),
            (_("Channel"), one.channel),
            (_("Country of delivery"), one.country),
            (_("Source"), one.source),
        ],
    }
    return render(request, "crm/customer_order.html", context)


# --- consents ------------------------------------------------------------------------------------


def consent_states(actor: Actor, row: Customer) -> QuerySet[ConsentState]:
    if not may(actor, "consents.view"):
        return ConsentState.objects.none()
    return queries.consents(actor).filter(customer=row).order_by("purpose", "channel")


@require_safe
@needs("consents.view")
def consents(request: ActorRequest, pk: int) -> HttpResponse:
    """What the person allows now, and all they ever said about it."""
    actor, row = request.actor, found(request.actor, pk)
    return _consents(request, row, ConsentForm(actor=actor) if may(actor, "consents.withdraw") else None)


def _consents(request: ActorRequest, row: Customer, form: ConsentForm | None) -> HttpResponse:
    actor = request.actor
    entries = queries.consent_entries(actor).filter(customer=row).select_related("by")
    page = keyset.page_or_first(entries, order="-id", cursor=request.GET.get("cursor", ""), size=ROWS)
    context = {
        "customer": row,
        "form": form,
        "consents": consent_states(actor, row),
        "may_withdraw": may(actor, "consents.withdraw"),
        "columns": ENTRY_COLUMNS,
        "page": page,
        "more_url": more_url(request, cursor=page.next_cursor) if page.next_cursor else "",
        "warnings": warnings(row),
        "panels": panels.on_tab(actor, row.pk, "consents"),
    }
    return render(request, "crm/customer_consents.html", context, status=400 if form and form.is_bound else 200)


def warnings(row: Customer) -> list[str]:
    """What stands above every consent: restriction, objection, and addresses never to be contacted."""
    closed = [
        words
        for channel, column, words in (
            ("email", row.email, _("The e-mail address is on the suppression list: no marketing is sent to it.")),
            ("sms", row.phone, _("The phone number is on the suppression list: no text message is sent to it.")),
        )
        if column and queries.is_suppressed(channel, column)
    ]
    objects = [_("Objects to marketing and profiling: nothing of the kind is done, whatever was granted.")]
    frozen = [_("Processing is restricted: nothing is sent, scored or changed.")]
    return [*(frozen if row.restricted_at else []), *(objects if row.objected_at else []), *closed]


@require_POST
@needs("consents.withdraw")
def record_consent(request: ActorRequest, pk: int) -> HttpResponse:
    """Write down what the person said about a purpose and a channel."""
    actor, row = request.actor, found(request.actor, pk)
    form = ConsentForm(request.POST, actor=actor)
    if not form.is_valid() or not _recorded(form, actor, row):
        return _consents(request, row, form)
    notify(request, _("Recorded."))
    return redirect("customer-consents", row.pk)


def _recorded(form: ConsentForm, actor: Actor, row: Customer) -> bool:
    asked, now = dict(form.cleaned_data), timezone.now()
    words = asked.pop("evidence").strip()
    evidence = {"words": words} if words else {}
    if asked["act"] == ConsentAct.WITHDRAWN:
        evidence["told_to"] = actor.user.username
    try:
        actions.record_consent(row, **asked, said_at=now, source="page", evidence=evidence, by=actor, at=now)
    except Refused as error:
        form.add_error(error.path if error.path in form.fields else None, error.message)
        return False
    return True


@require_POST
@needs("consents.withdraw")
def withdraw(request: ActorRequest, pk: int, state_id: int) -> HttpResponse:
    """Record that the customer opts out of one purpose by one channel."""
    actor = request.actor
    row = found(actor, pk)
    state = get_object_or_404(queries.consents(actor), pk=min(state_id, keyset.LARGEST_ID), customer=row)
    now = timezone.now()
    actions.record_consent(
        row,
        purpose=state.purpose,
        channel=state.channel,
        act="withdrawn",
        said_at=now,
        source="page",
        evidence={"told_to": request.user.username},
        by=actor,
        at=now,
    )
    notify(request, _("The opt-out is recorded."))
    return redirect("customer-consents", row.pk)


# --- audit ---------------------------------------------------------------------------------------


def _lines(actor: Actor, row: Customer) -> QuerySet[AuditLine]:
    return queries.audit_lines(actor).filter(kind="customer", object_id=row.pk).select_related("by")


@require_safe
@needs("audit.view")
def audit(request: ActorRequest, pk: int) -> HttpResponse:
    """Who changed what about the customer, when: before and after."""
    row = found(request.actor, pk)
    lines, special = _lines(request.actor, row), queries.special_names()
    page = keyset.page_or_first(lines, order="-id", cursor=request.GET.get("cursor", ""), size=ROWS)
    changes = audit_words.in_words(Customer, [changed(line, special) for line in page.rows])
    context = {
        "customer": row,
        "columns": AUDIT_COLUMNS,
        "lines": [
            {
                "at": line.at,
                "by": line.by,
                "source": audit_words.door(line),
                "verb": audit_words.verb(line),
                "changes": told,
            }
            for line, told in zip(page.rows, changes, strict=True)
        ],
        "more_url": more_url(request, cursor=page.next_cursor) if page.next_cursor else "",
    }
    return render(request, "crm/customer_audit.html", context)


def changed(line: AuditLine, special: set[str]) -> audit_words.Changes:
    """The changes of a line as name, before, after."""
    return [(name, *(pair if isinstance(pair, list) and len(pair) == 2 else (None, pair)))
            for name, pair in queries.told_changes(line, special).items()]  # fmt: skip


def _plain_changes(changes: audit_words.Changes) -> list[tuple[str, str, str]]:
    """Names and values as they are kept, nothing as a dash; one empty change for a line that tells of none."""
    plain = [[name, *(figures.MISSING if one in (None, "", [], {}) else str(one) for one in pair)]
             for name, *pair in changes]  # fmt: skip
    return [(name, before, after) for name, before, after in plain] or [("", "", "")]


@require_safe
@needs("audit.view")
def audit_csv(request: ActorRequest, pk: int) -> StreamingHttpResponse:
    """The same as a file: a row per changed field."""
    row, special = found(request.actor, pk), queries.special_names()
    rows = (
        (line.at.isoformat(), line.by.username if line.by else "", line.source, line.verb, name, before, after)
        for line in keyset.every_row(_lines(request.actor, row))
        for name, before, after in _plain_changes(changed(line, special))
    )
    heading = ("at", "by", "source", "verb", "field", "before", "after")
    file = StreamingHttpResponse(spreadsheets.csv_lines(heading, rows), content_type="text/csv; charset=utf-8")
    file["Content-Disposition"] = f'attachment; filename="customer-{row.pk}-audit.csv"'
    return file

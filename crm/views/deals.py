"""Deals: the board, the list, and what they add up to."""

from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

from babel.dates import format_date
from django.conf import settings
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import render
from django.urls import reverse
from django.utils import timezone
from django.utils.http import urlencode
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext
from django.views.decorators.http import require_safe

from crm import actions, charts, due, figures, forecast, keyset, queries
from crm.access import ActorRequest, needs
from crm.forms.deals import FilterForm
from crm.lists import downloads
from crm.models import Deal, DealStatus, Pipeline, PipelineStage
from crm.rights import may
from crm.tables import Column, order
from crm.views.deal import chance_of, dressed_deal

ROWS, CARDS = 50, 40
YEAR = timedelta(days=365)
COLUMNS = (
    Column(gettext_lazy("Deal")),
    Column(gettext_lazy("With")),
    Column(gettext_lazy("Stage")),
    Column(gettext_lazy("Amount"), "number", sort="amount"),
    Column(gettext_lazy("Probability"), "number"),
    Column(gettext_lazy("Expected on"), sort="expected_on"),
    Column(gettext_lazy("Owner")),
    Column(gettext_lazy("Changed"), sort="updated_at"),
)
SHEET = downloads.Sheet(
    "deals",
    "deals-list",
    (
        (gettext_lazy("Deal"), lambda one: one.title),
        (gettext_lazy("Customer"), lambda one: one.customer or ""),
        (gettext_lazy("Company"), lambda one: one.company or ""),
        (gettext_lazy("Status"), lambda one: one.get_status_display()),
        (gettext_lazy("Stage"), lambda one: one.stage),
        (gettext_lazy("Amount"), lambda one: one.amount),
        (gettext_lazy("Currency"), lambda one: one.currency),
        (gettext_lazy("Probability"), chance_of),
        (gettext_lazy("Expected on"), lambda one: one.expected_on),
        (gettext_lazy("Owner"), lambda one: one.owner or ""),
        (gettext_lazy("Changed"), lambda one: one.updated_at),
    ),
    downloads.PERSONS,
)


# --- board ---------------------------------------------------------------------------------------


@require_safe
@needs("deals.view")
def deals(request: ActorRequest) -> HttpResponse:
    """The open deals as cards under their stages."""
    actor, now = request.actor, timezone.now()
    pipeline = _pipeline(request, now)
    form = FilterForm(request.GET, actor=actor, pipeline=pipeline)
    stages = list(queries.stages(actor).filter(pipeline=pipeline))
    rows = form.matching()
    sums = forecast.of_stages(rows, stages)
    columns = [(one, _cards(rows, one.stage, now), _sum_words(one)) for one in sums]
    context = {
        "form": form,
        "pipeline": pipeline,
        "columns": columns,
        "stages": stages,
        "total": sum(one.count for one in sums),
        "answer": _board_answer(sums),
        "address": request.get_full_path(),
        "may_change": may(actor, "deals.change"),
        **_places(request, pipeline, "board"),
    }
    return render(request, "crm/deals_board.html", context)


def _pipeline(request: ActorRequest, now: datetime) -> Pipeline:
    asked = request.GET.get("pipeline", "")
    found = queries.pipelines(request.actor).filter(slug=asked).first() if asked else None
    return found or actions.default_pipeline(at=now)


def _places(request: ActorRequest, pipeline: Pipeline, current: str) -> dict[str, Any]:
    """The tabs of the board, the list and the forecast, keeping whose deals are shown."""
    names = {
        "board": (_("Board"), "deals"),
        "list": (_("List"), "deals-list"),
        "forecast": (_("Forecast"), "deals-forecast"),
    }
    kept = {name: request.GET[name] for name in ("whose", "pipeline") if request.GET.get(name)}
    query = f"?{urlencode(kept)}" if kept else ""
    tabs = {key: (label, reverse(name) + query, None) for key, (label, name) in names.items()}
    others = list(queries.pipelines(request.actor))
    return {"tabs": list(tabs.values()), "here": tabs[current][1], "pipelines": others if len(others) > 1 else []}


def _cards(rows: QuerySet[Deal], stage: PipelineStage, now: datetime) -> list[Deal]:
    open_ones = rows.filter(stage=stage, status=DealStatus.OPEN).select_related("customer", "company", "owner", "stage")
    return [dressed_deal(one, now) for one in open_ones.order_by("expected_on", "id")[:CARDS]]


def _sum_words(one: forecast.StageSum) -> str:
    return forecast.in_words(one.amounts, _whole)


def _whole(amount: Decimal, currency: str | None) -> str:
    return figures.money(amount, currency, digits=0)


def _board_answer(sums: list[forecast.StageSum]) -> str:
    count = sum(one.count for one in sums)
    if not count:
        return ""
    said = ngettext("%(n)s open deal, %(amount)s; %(weighted)s when weighted by probability.",
                    "%(n)s open deals, %(amount)s; %(weighted)s when weighted by probability.", count)  # fmt: skip
    whole, weighted = (forecast.in_words(_total(sums, name), _whole) for name in ("amounts", "weighted"))
    return said % {"n": figures.number(count), "amount": whole, "weighted": weighted}


def _total(sums: list[forecast.StageSum], name: str) -> dict[str, Decimal]:
    found: dict[str, Decimal] = {}
    for one in sums:
        for currency, amount in getattr(one, name).items():
            found[currency] = found.get(currency, Decimal(0)) + amount
    return found


# --- list and forecast ---------------------------------------------------------------------------


@require_safe
@needs("deals.view")
def deals_list(request: ActorRequest) -> HttpResponse:
    """Deals row by row: searched, filtered, sorted, the closed ones too."""
    actor, now = request.actor, timezone.now()
    pipeline = _pipeline(request, now)
    form = FilterForm(request.GET, actor=actor, pipeline=pipeline)
    sort = order(request.GET, COLUMNS, "expected_on")
    rows = form.rows().select_related("customer", "company", "owner", "stage")
    page = keyset.page_or_first(rows, order=str(sort), cursor=request.GET.get("cursor", ""), size=ROWS)
    context = {
        "form": form,
        "pipeline": pipeline,
        "columns": COLUMNS,
        "sort": sort,
        "rows": [dressed_deal(row, now) for row in page.rows],
        "more_url": _with(request, cursor=page.next_cursor) if page.next_cursor else "",
        "is_filtered": form.is_filtered(),
        "may_change": may(actor, "deals.change"),
        "files": downloads.links(request, "deals-file") if may(actor, downloads.PERSONS) else [],
        **_places(request, pipeline, "list"),
    }
    return render(request, "crm/deals_list.html", context)


@require_safe
@needs(downloads.PERSONS)
def deals_file(request: ActorRequest, kind: str) -> HttpResponseBase:
    """The deals of the list as a file."""
    pipeline = _pipeline(request, timezone.now())
    form = FilterForm(request.GET, actor=request.actor, pipeline=pipeline)
    asked = str(order(request.GET, COLUMNS, "expected_on"))
    rows = form.rows().select_related("customer", "company", "owner", "stage").order_by(asked, "pk")
    return downloads.download(request, SHEET, rows, kind)


def _with(request: HttpRequest, **changes: str) -> str:
    query = request.GET.copy()
    for name, value in changes.items():
        query[name] = value
    return f"{request.path}?{query.urlencode()}"


@require_safe
@needs("deals.view")
def deals_forecast(request: ActorRequest) -> HttpResponse:
    """What is expected month by month, what stands where, how often deals are won, and why they are lost."""
    actor, now = request.actor, timezone.now()
    pipeline = _pipeline(request, now)
    form = FilterForm(request.GET, actor=actor, pipeline=pipeline)
    rows, currency = form.scope(), settings.FIRM_CURRENCY
    months = forecast.of_months(rows, currency=currency, today=due.day_of(now))
    rate = forecast.win_rate(rows, since=now - YEAR)
    reasons = forecast.lost_reasons(rows, since=now - YEAR)
    sums = forecast.of_stages(rows, list(queries.stages(actor).filter(pipeline=pipeline)))
    context = {
        "form": form,
        "pipeline": pipeline,
        "labels": [format_date(one.first, "LLL yyyy", locale=figures.locale()) for one in months],
        "series": [
            charts.Series(_("All"), [one.amount for one in months], 6),
            charts.Series(_("Weighted by probability"), [round(one.weighted, 2) for one in months], 1),
        ],
        "has_months": any(one.count for one in months),
        "summary": _months_summary(months),
        "stages": [
            (one.stage, one.count, forecast.in_words(one.amounts, _whole), forecast.in_words(one.weighted, _whole))
            for one in sums
        ],
        "rate": rate,
        "rate_words": figures.share(rate.share, 0) if rate.share is not None else "",
        "reasons": [charts.Mark(str(reason), count) for reason, count in reasons],
        "answer": _board_answer(sums),
        "other_currencies": rows.filter(status=DealStatus.OPEN).exclude(currency=currency).exists(),
        **_places(request, pipeline, "forecast"),
    }
    return render(request, "crm/deals_forecast.html", context)


def _months_summary(months: list[forecast.Month]) -> str:
    this, following = months[0], months[1]
    return _("%(this)s is to be expected this month, %(next)s the next; what is overdue counts in this month.") % {
        "this": _whole(this.weighted, None),
        "next": _whole(following.weighted, None),
    }

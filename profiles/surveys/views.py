"""Pages of surveys: the list, drawing one up, what it found, and the address of one customer."""

from typing import Any

from django.contrib import messages as levels
from django.http import Http404, HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import get_language, gettext_lazy, ngettext
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from crm import charts, figures, keyset
from crm import queries as crm_queries
from crm.access import ActorRequest, needs
from crm.lists import downloads
from crm.notices import notify
from crm.refusals import Refused
from crm.rights import may
from crm.tables import Column
from profiles.models import Survey, SurveyStatus
from profiles.surveys import addresses, drafting
from profiles.surveys import results as found
from profiles.surveys.forms import QuestionForms, SurveyForm, fields_for, initial_of, questions_of
from profiles.surveys.kinds import shown_choices

COLUMNS = (
    Column(gettext_lazy("Survey")),
    Column(gettext_lazy("State")),
    Column(gettext_lazy("Answers"), "number"),
    Column(gettext_lazy("Opened")),
)
TONES = {SurveyStatus.DRAFT: "neutral", SurveyStatus.OPEN: "good", SurveyStatus.CLOSED: "info"}
SCORES = {"nps": (gettext_lazy("Net promoter score"), "number"), "satisfaction": (gettext_lazy("Satisfied"), "share")}
ROWS = 30
SHEET = downloads.Sheet(
    "surveys",
    "surveys",
    (
        (gettext_lazy("Survey"), lambda row: str(row[0])),
        (gettext_lazy("State"), lambda row: row[0].get_status_display()),
        (gettext_lazy("Answers"), lambda row: row[1]),
        (gettext_lazy("Opened"), lambda row: row[0].opened_at or ""),
    ),
    "surveys.view",
)
COUNTS = downloads.Sheet(
    "survey",
    "survey",
    (
        (gettext_lazy("Key"), lambda row: row[0].key),
        (gettext_lazy("Question"), lambda row: str(row[0])),
        (gettext_lazy("Answer"), lambda row: row[1]),
        (gettext_lazy("Count"), lambda row: row[2]),
    ),
    "surveys.view",
)


@require_safe
@needs("surveys.view")
def surveys(request: ActorRequest) -> HttpResponse:
    """All surveys, the newest first."""
    rows = drafting.surveys(request.actor)
    page = keyset.page_or_first(rows, order="-id", cursor=request.GET.get("cursor", ""), size=ROWS)
    counted = found.sheets_of(page.rows)
    context = {
        "columns": COLUMNS,
        "rows": [(one, TONES[SurveyStatus(one.status)], counted.get(one.pk, 0)) for one in page.rows],
        "more_url": f"?cursor={page.next_cursor}" if page.next_cursor else "",
        "may_change": may(request.actor, "surveys.change"),
        "files": downloads.links(request, "surveys-file") if page.rows else [],
    }
    return render(request, "profiles/surveys.html", context)


@require_safe
@needs("surveys.view")
def surveys_file(request: ActorRequest, kind: str) -> HttpResponseBase:
    """All of them as a file."""
    rows = list(drafting.surveys(request.actor).order_by("-id"))
    counted = found.sheets_of(rows)
    return downloads.download(request, SHEET, [(one, counted.get(one.pk, 0)) for one in rows], kind)


def the(request: ActorRequest, slug: str) -> Survey:
    return get_object_or_404(drafting.surveys(request.actor), slug=slug)


@require_safe
@needs("surveys.view")
def survey(request: ActorRequest, slug: str) -> HttpResponse:
    """What one survey found: the answer first, then question by question."""
    one = the(request, slug)
    has_words = may(request.actor, "customers.identify")
    total, questions = found.sheets(one), found.results(one, has_words=has_words)
    context = {
        "survey": one,
        "tone": TONES[SurveyStatus(one.status)],
        "crumbs": [(_("Surveys"), reverse("surveys"))],
        "answer": told(one, total, questions),
        "questions": [drawn(row) for row in questions],
        "days": days(one) if total else None,
        "total": total,
        "fewest": found.FEWEST,
        "has_words": has_words,
        "may_change": may(request.actor, "surveys.change"),
        "files": downloads.links(request, "survey-file", one.slug) if total else [],
        "tag": "{{ survey." + addresses.name_of(one) + " }}",
    }
    return render(request, "profiles/survey.html", context)


def told(one: Survey, total: int, questions: list[found.Found]) -> str:
    """The sentence the reader came for."""
    if not total:
        return {
            SurveyStatus.DRAFT: _("Nobody can answer it yet: open it first."),
            SurveyStatus.OPEN: _("Nobody has answered yet."),
            SurveyStatus.CLOSED: _("Nobody answered."),
        }[SurveyStatus(one.status)]
    people = ngettext("%(n)s customer has answered.", "%(n)s customers have answered.", total)
    said = [people % {"n": figures.number(total)}]
    said += [score_words(row.score) for row in questions if row.score]
    return " ".join(said)


def score_words(score: found.Score) -> str:
    name, kind = SCORES[score.name]
    words = {part: figures.figure(getattr(score, part), kind) for part in ("value", "low", "high")}
    return _("%(name)s %(value)s (between %(low)s and %(high)s).") % {"name": name, **words}


def drawn(row: found.Found) -> dict[str, Any]:
    shown = shown_choices(row.question, get_language() or "") or [value for value, _n in row.counts]
    marks = [charts.Mark(words, n) for words, (_value, n) in zip(shown, row.counts, strict=True)]
    return {"found": row, "marks": marks, "score": score_words(row.score) if row.score else ""}


def days(one: Survey) -> dict[str, Any]:
    counted = found.per_day(one)
    series = charts.Series(_("Answers"), [n for _day, n in counted], 1)
    return {"labels": [figures.day(day) for day, _n in counted], "series": [series]}


@require_http_methods(["GET", "HEAD", "POST"])
@needs("surveys.change")
def new(request: ActorRequest) -> HttpResponse:
    """Draw up a survey."""
    return edited(request, None)


@require_http_methods(["GET", "HEAD", "POST"])
@needs("surveys.change")
def edit(request: ActorRequest, slug: str) -> HttpResponse:
    """Change its texts, and its questions while nobody has answered."""
    return edited(request, the(request, slug))


def edited(request: ActorRequest, one: Survey | None) -> HttpResponse:
    is_fixed = bool(one and found.sheets(one))
    texts, rows = initial_of(one) if one else ({}, [{"kind": "nps"}])
    form = SurveyForm(request.POST or None, initial=texts)
    asked = QuestionForms(request.POST or None, initial=rows, form_kwargs={"fields": fields_for(request.actor)})
    if request.method == "POST" and form.is_valid() and (is_fixed or asked.is_valid()):
        try:
            saved = save(request, one, form, None if is_fixed else questions_of(asked))
        except Refused as refusal:
            form.add_error("title" if refusal.path == "title" else None, str(refusal))
        else:
            notify(request, _("Saved."))
            return redirect("survey-edit" if "more" in request.POST else "survey", saved.slug)
    context = {
        "survey": one,
        "form": form,
        "questions": asked,
        "is_fixed": is_fixed,
        "crumbs": [(_("Surveys"), reverse("surveys"))],
        "cancel_url": reverse("survey", args=[one.slug]) if one else reverse("surveys"),
    }
    return render(request, "profiles/survey_edit.html", context, status=400 if request.method == "POST" else 200)


def save(request: ActorRequest, one: Survey | None, form: SurveyForm, questions: Any) -> Survey:
    now = timezone.now()
    if one is None:
        return drafting.create_survey(values=form.cleaned_data, questions=questions, by=request.actor, at=now)
    return drafting.change_survey(one, values=form.cleaned_data, questions=questions, by=request.actor, at=now)


@require_POST
@needs("surveys.change")
def move(request: ActorRequest, slug: str, name: str) -> HttpResponse:
    """Open it or close it; the other move takes it back."""
    one = the(request, slug)
    if name not in drafting.MOVES:
        raise Http404
    try:
        drafting.move_survey(one, name, by=request.actor, at=timezone.now())
    except Refused as refusal:
        notify(request, str(refusal), level=levels.ERROR)
    else:
        notify(request, _("The survey takes answers now.") if name == "open" else _("The survey is closed."))
    return redirect("survey", slug)


@require_safe
@needs("surveys.view")
def counts_file(request: ActorRequest, slug: str, kind: str) -> HttpResponseBase:
    """How often each value was given; nobody's single answers."""
    one = the(request, slug)
    rows = [(row.question, value, n) for row in found.results(one) for value, n in row.counts]
    return downloads.download(request, COUNTS, rows, kind, of=[slug])


@require_safe
@needs("surveys.change")
def link(request: ActorRequest, slug: str) -> HttpResponse:
    """The address of one customer, to be sent by hand."""
    one = the(request, slug)
    number = request.GET.get("number", "").replace("\0", "").strip()
    customer = crm_queries.customers(request.actor).filter(number=number).first() if number else None
    context = {"number": number, "url": addresses.url(one, customer.pk) if customer else "", "customer": customer}
    return render(request, "profiles/survey_link.html", context)

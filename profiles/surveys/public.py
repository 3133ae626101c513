"""The page at which a customer answers a survey: in their language, without cookies, changeable until it closes."""

from typing import Any

from django.conf import settings
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils import timezone
from django.utils.translation import get_language
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_http_methods

from crm.public_pages import private, spoken_to
from crm.refusals import NotPossibleNow
from profiles.models import Question, Survey, SurveyStatus
from profiles.models.survey import in_language
from profiles.surveys import addresses, answering
from profiles.surveys.kinds import KINDS, shown_choices


@csrf_exempt  # no cookie is needed: the address is the permission
@private
@require_http_methods(["GET", "HEAD", "POST"])
def answer(request: HttpRequest, token: str) -> HttpResponse:
    """GET shows the questions with what was answered before; POST keeps the answers."""
    asked = addresses.read(token)
    if asked is None or asked[0].status == SurveyStatus.DRAFT:
        raise Http404
    survey, customer = asked
    return spoken_to(customer.language, lambda: answered(request, survey, customer))


def answered(request: HttpRequest, survey: Survey, customer: Any) -> HttpResponse:
    faults: dict[str, str] = {}
    is_done, is_shut = False, survey.status == SurveyStatus.CLOSED
    questions = list(survey.questions.all())
    sent = {one.key: request.POST.getlist(one.key) for one in questions}
    if request.method == "POST":
        try:
            answering.submit(survey, customer, sent=sent, language=get_language() or "", at=timezone.now())
            is_done = True
        except answering.SheetRefused as refusal:
            faults = refusal.faults
        except NotPossibleNow:
            is_shut = True
    given = places(questions, answering.answers_of(survey, customer.pk)) if not faults else sent
    context = {
        "survey": survey,
        "title": in_language(survey, "title"),
        "intro": in_language(survey, "intro"),
        "questions": [shown(one, given.get(one.key, []), faults.get(one.key, "")) for one in questions],
        "is_done": is_done,
        "is_shut": is_shut,
        "has_faults": bool(faults),
        "firm": settings.FIRM_NAME,
    }
    return render(request, "public/survey.html", context, status=400 if faults else 200)


def places(questions: list[Question], values: dict[str, list[str]]) -> dict[str, list[str]]:
    """Kept values as the page sends them: choices by their place."""
    told = {}
    for one in questions:
        own = values.get(one.key, [])
        told[one.key] = [str(one.choices.index(value)) for value in own if value in one.choices] if one.choices else own
    return told


def shown(question: Question, given: list[str], fault: str) -> dict[str, Any]:
    """One question as the page draws it: its options as (what is sent, words, whether chosen)."""
    numbers = KINDS[question.kind].numbers
    choices = [str(one) for one in numbers] if numbers else shown_choices(question, get_language() or "")
    sent = choices if numbers else [str(place) for place in range(len(choices))]
    return {
        "question": question,
        "text": in_language(question, "text"),
        "options": [(value, words, value in given) for value, words in zip(sent, choices, strict=True)],
        "words": given[0] if given else "",
        "fault": fault,
    }

"""What a customer answered: written on one sheet, told as events, and into the fields that questions name."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from decimal import Decimal
from typing import Any

from django.db import IntegrityError, transaction
from django.utils.translation import gettext as _

from crm import actions as crm_actions
from crm import queries as crm_queries
from crm.refusals import NotPossibleNow, Refused
from crm.rights import machine
from profiles.models import Answer, AnswerSheet, Question, QuestionKind, Survey, SurveyStatus
from profiles.surveys.kinds import KINDS, AnswerRefused, read

SOURCE = "survey"
EVENT = "answer"
MOST_REVISIONS = 100  # nobody changes their mind so often; each time is written into the timeline


class SheetRefused(Refused):
    """Answers are missing or do not fit; `faults` says why by the key of the question."""

    code = "answers_refused"

    def __init__(self, faults: Mapping[str, str]) -> None:
        super().__init__(next(iter(faults.values())), path=next(iter(faults)))
        self.faults = dict(faults)


class SurveyShut(NotPossibleNow):
    """The survey takes no answers now."""


def submit(
    survey: Survey, customer: Any, *, sent: Mapping[str, Sequence[str]], language: str, at: datetime
) -> AnswerSheet:
    """Keep the answers, anew or in place of earlier ones. `sent` maps keys of questions to what was sent.

    The same answers sent again change nothing. Raises SheetRefused with every fault, or SurveyShut.
    """
    if survey.status != SurveyStatus.OPEN:
        raise SurveyShut(_("This survey is closed."))
    questions = list(survey.questions.select_related("field"))
    values = read_all(questions, sent)
    with transaction.atomic():
        sheet = sheet_of(survey, customer, language=language, at=at)
        was_expired, sheet.expired_at = sheet.expired_at, None
        given = {key: found for key, found in values.items() if found}
        if not was_expired and answers_of(survey, customer.pk) == given:
            return sheet
        sheet.save(update_fields=["expired_at"])
        sheet.answers.all().delete()
        Answer.objects.bulk_create(
            Answer(sheet=sheet, question=question, value=value)
            for question in questions
            for value in values[question.key]
        )
        tell(sheet, questions, values, at=at)
    return sheet


def read_all(questions: Sequence[Question], sent: Mapping[str, Sequence[str]]) -> dict[str, list[str]]:
    values, faults = {}, {}
    for question in questions:
        try:
            values[question.key] = read(question, sent.get(question.key, ()))
        except AnswerRefused:
            faults[question.key] = _("Choose one of those that are offered.")
            continue
        if question.is_required and not values[question.key]:
            faults[question.key] = _("Please answer this one.")
    if faults:
        raise SheetRefused(faults)
    return values


def sheet_of(survey: Survey, customer: Any, *, language: str, at: datetime) -> AnswerSheet:
    """The one sheet of the customer, locked, its revision counted up; two who send at once get one after the other."""
    known = AnswerSheet.objects.select_for_update().filter(survey=survey, customer=customer).first()
    if known is None:
        try:
            with transaction.atomic():
                return AnswerSheet.objects.create(
                    survey=survey, customer=customer, language=language, answered_at=at, changed_at=at
                )
        except IntegrityError:
            known = AnswerSheet.objects.select_for_update().get(survey=survey, customer=customer)
    if known.revision >= MOST_REVISIONS:
        raise SurveyShut(_("This survey is closed."))
    known.revision, known.language, known.changed_at = known.revision + 1, language, at
    known.save(update_fields=["revision", "language", "changed_at"])
    return known


def tell(sheet: AnswerSheet, questions: Sequence[Question], values: Mapping[str, list[str]], *, at: datetime) -> None:
    """Events for rules and the timeline; fields for the profile, unless the person's data are frozen."""
    events = [event_of(sheet, one, values[one.key], at) for one in questions if values[one.key]]
    crm_actions.record_events(events, by=machine(SOURCE), at=at)
    told = [(one.field, kept_as(one, values[one.key])) for one in questions if one.field and values[one.key]]
    kept = {field.key: value for field, value in told if crm_queries.takes_now(field, value)}
    if kept and sheet.customer.restricted_at is None:
        crm_actions.change_customer(sheet.customer, values={"attributes": kept}, by=machine(SOURCE), at=at)


def event_of(sheet: AnswerSheet, question: Question, values: list[str], at: datetime) -> crm_actions.NewEvent:
    """The answer as something that happened; own words stay on the sheet, they are nobody else's business."""
    properties: dict[str, Any] = {"survey": sheet.survey.slug, "question": question.key}
    if question.kind != QuestionKind.TEXT:
        properties["answer"] = values if question.kind == QuestionKind.CHOICES else values[0]
    return crm_actions.NewEvent(
        source=SOURCE,
        source_id=f"{sheet.pk}:{question.pk}:{sheet.revision}",
        type=EVENT,
        occurred_at=at,
        customer_id=sheet.customer_id,
        value=Decimal(values[0]) if KINDS[question.kind].numbers else None,
        category=sheet.survey.slug,
        properties=properties,
    )


def kept_as(question: Question, values: list[str]) -> Any:
    return values if question.kind == QuestionKind.CHOICES else values[0]


def answers_of(survey: Survey, customer_id: int) -> dict[str, list[str]]:
    """What stands on the customer's sheet: values by the key of the question."""
    found: dict[str, list[str]] = {}
    rows = Answer.objects.filter(sheet__survey=survey, sheet__customer=customer_id).order_by("pk")
    for key, value in rows.values_list("question__key", "value"):
        found.setdefault(key, []).append(value)
    return found

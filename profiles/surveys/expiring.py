"""Answers that no longer hold: after the months that their survey allows, the fields that kept them are empty again.

The sheets and events stay, for they say what was answered then; rules, profiles and personas ask the fields. A value
that somebody changed since, or that a newer answer keeps, is nobody's old answer and stays.
"""

from collections.abc import Sequence
from datetime import datetime

from django.db import transaction
from django.db.models import Exists, F, OuterRef, QuerySet

from crm import actions as crm_actions
from crm.due import months_from
from crm.rights import machine
from profiles.models import Answer, AnswerSheet, Question, Survey
from profiles.surveys.answering import SOURCE, kept_as

BATCH = 500
VERB = "answer expired"


def expire(*, at: datetime) -> int:
    """Let go of every answer that is over its time; returns how many sheets expired. Safe to run twice."""
    expired = 0
    for survey in Survey.objects.filter(holds_months__isnull=False).order_by("pk"):
        while count := _batch(survey, at):
            expired += count
    return expired


def due(survey: Survey, at: datetime) -> QuerySet[AnswerSheet]:
    """Sheets over their time. Those of the restricted wait: of them nothing may be changed."""
    since = months_from(at, -(survey.holds_months or 0))
    return AnswerSheet.objects.filter(
        survey=survey, expired_at=None, changed_at__lte=since, customer__restricted_at=None
    )


@transaction.atomic
def _batch(survey: Survey, at: datetime) -> int:
    sheets = list(due(survey, at).select_for_update(of=("self",)).order_by("changed_at", "pk")[:BATCH])
    for question in survey.questions.filter(field__isnull=False).select_related("field"):
        if question.field and (held := _held(question, sheets)):
            crm_actions.take_away_values(question.field, held, verb=VERB, by=machine(SOURCE), at=at)
    AnswerSheet.objects.filter(pk__in=[one.pk for one in sheets]).update(expired_at=at)
    return len(sheets)


def _held(question: Question, sheets: Sequence[AnswerSheet]) -> dict[int, crm_actions.Held]:
    """The answers by customer, but for those that something newer replaced."""
    newer = Answer.objects.filter(
        question__field=question.field_id,
        sheet__customer=OuterRef("sheet__customer"),
        sheet__changed_at__gt=OuterRef("sheet__changed_at"),
        sheet__expired_at=None,
    )
    rows = Answer.objects.filter(~Exists(newer), question=question, sheet__in=sheets).order_by("pk")
    found: dict[int, list[str]] = {}
    for customer_id, value in rows.values_list(F("sheet__customer"), "value"):
        found.setdefault(customer_id, []).append(value)
    told_at = {one.customer_id: one.changed_at for one in sheets}
    return {pk: crm_actions.Held(kept_as(question, values), told_at[pk]) for pk, values in found.items()}


def expired_of(customer_id: int) -> dict[str, datetime]:
    """Fields of a customer whose answers expired, by key, with when they were answered."""
    rows = Answer.objects.filter(
        sheet__customer=customer_id, sheet__expired_at__isnull=False, question__field__isnull=False
    ).order_by("sheet__changed_at")
    return dict(rows.values_list("question__field__key", "sheet__changed_at"))

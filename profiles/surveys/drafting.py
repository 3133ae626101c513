"""Drawing surveys up, opening and closing them: by marketers, each change with its audit line."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from django.db import transaction
from django.db.models import QuerySet
from django.utils.text import slugify
from django.utils.translation import gettext as _

from crm import actions as crm_actions
from crm.refusals import NotPossibleNow, Refused
from crm.rights import Actor, may, require
from profiles.models import AnswerSheet, Question, QuestionKind, Survey, SurveyStatus
from profiles.surveys.kinds import KINDS

TEXTS = ("title", "title_fi", "intro", "intro_fi")
SETTINGS = (*TEXTS, "holds_months")
LONGEST_HOLD = 120  # months
MOST_QUESTIONS, MOST_CHOICES = 30, 30
PICKED = (QuestionKind.CHOICE, QuestionKind.CHOICES)
COLUMNS = ("kind", "text", "text_fi", "choices", "choices_fi", "is_required", "field")


class SurveyRefused(Refused):
    """The survey cannot be as it was drawn up."""

    code = "survey_refused"


class MoveRefused(NotPossibleNow):
    """The survey is not in a state that allows it."""


# From which states to which, and what is said of it in the audit.
MOVES = {
    "open": ((SurveyStatus.DRAFT, SurveyStatus.CLOSED), SurveyStatus.OPEN),
    "close": ((SurveyStatus.OPEN,), SurveyStatus.CLOSED),
}


def surveys(by: Actor) -> QuerySet[Survey]:
    """Every survey; they hold no person's data themselves."""
    if not may(by, "surveys.change"):  # whoever may change them finds them, too
        require(by, "surveys.view")
    return Survey.objects.all()


@transaction.atomic
def create_survey(
    *, values: Mapping[str, Any], questions: Sequence[Mapping[str, Any]] = (), by: Actor, at: datetime
) -> Survey:
    """A new draft. `values` holds SETTINGS; each question COLUMNS and perhaps its `key`. Raises SurveyRefused."""
    require(by, "surveys.change")
    if not values.get("title", "").strip():
        raise SurveyRefused(_("A survey needs a title."), path="title")
    with crm_actions.refusing_doubles(SurveyRefused(_("This title is taken."), path="title", code="taken")):
        made = Survey.objects.create(
            **{name: values.get(name, "") for name in TEXTS},
            holds_months=checked_hold(values),
            slug=free_slug(values["title"]), created_by=by.user, created_at=at,
        )  # fmt: skip
    write_questions(made, questions)
    crm_actions.audit(
        kind="survey", object_id=made.pk, verb="created", changes={"title": [None, made.title]}, by=by, at=at
    )
    return made


@transaction.atomic
def change_survey(
    survey: Survey, *, values: Mapping[str, Any], questions: Sequence[Mapping[str, Any]] | None = None,
    by: Actor, at: datetime,
) -> Survey:  # fmt: skip
    """Set the given SETTINGS; with `questions`, replace them all, which only a survey without answers allows."""
    require(by, "surveys.change")
    row = Survey.objects.select_for_update().get(pk=survey.pk)
    if not values.get("title", row.title).strip():
        raise SurveyRefused(_("A survey needs a title."), path="title")
    checked_hold(values)
    told = {name: [getattr(row, name), values[name]] for name in SETTINGS if name in values}
    changes = {name: [before, after] for name, (before, after) in told.items() if before != after}
    for name, (_before, after) in changes.items():
        setattr(row, name, after)
    row.save(update_fields=list(changes))
    if questions is not None and drawn(questions) != [known(one) for one in row.questions.all()]:
        if AnswerSheet.objects.filter(survey=row).exists():
            raise MoveRefused(_("There are answers already, so the questions stay as they are."))
        row.questions.all().delete()
        write_questions(row, questions)
        changes["questions"] = [None, len(questions)]
    if changes:
        crm_actions.audit(kind="survey", object_id=row.pk, verb="changed", changes=changes, by=by, at=at)
    return row


def checked_hold(values: Mapping[str, Any]) -> int | None:
    months: int | None = values.get("holds_months")
    if months is not None and not 1 <= months <= LONGEST_HOLD:
        raise SurveyRefused(_("One month to %(most)s.") % {"most": LONGEST_HOLD}, path="holds_months")
    return months


def known(question: Question) -> dict[str, Any]:
    return {"key": question.key, **{name: getattr(question, name) for name in COLUMNS}}


def write_questions(survey: Survey, questions: Sequence[Mapping[str, Any]]) -> None:
    rows = [Question(survey=survey, position=place, **values) for place, values in enumerate(drawn(questions))]
    Question.objects.bulk_create(rows)


def drawn(questions: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """The questions as columns, checked, each with a key of its own. Raises SurveyRefused naming the place."""
    if len(questions) > MOST_QUESTIONS:
        raise SurveyRefused(_("At most %(most)s questions.") % {"most": MOST_QUESTIONS}, path="questions")
    taken: set[str] = set()
    rows = []
    for place, given in enumerate(questions):
        row: dict[str, Any] = {"kind": given.get("kind"), "text": "", "text_fi": "", "choices": [], "choices_fi": []}
        row |= {"is_required": False, "field": None}
        row |= {name: given[name] for name in COLUMNS if name in given}
        check(row, f"questions[{place}]")
        row["key"] = free_key(given.get("key") or row["text"], taken, place)
        rows.append(row)
    return rows


def check(row: Mapping[str, Any], place: str) -> None:
    if row["kind"] not in KINDS:
        raise SurveyRefused(_("There is no such kind of question."), path=f"{place}.kind", choices=KINDS)
    if not row["text"].strip():
        raise SurveyRefused(_("A question needs words."), path=f"{place}.text")
    if row["kind"] in PICKED and not 2 <= len(row["choices"]) <= MOST_CHOICES:
        raise SurveyRefused(_("Two to %(most)s choices are needed.") % {"most": MOST_CHOICES}, path=f"{place}.choices")
    if len(set(row["choices"])) != len(row["choices"]):
        raise SurveyRefused(_("A choice stands there twice."), path=f"{place}.choices")
    if row["choices_fi"] and len(row["choices_fi"]) != len(row["choices"]):
        raise SurveyRefused(_("As many Finnish choices as others are needed."), path=f"{place}.choices_fi")
    if row["field"] is not None and row["field"].type not in KINDS[row["kind"]].fits:
        fits = ", ".join(KINDS[row["kind"]].fits)
        raise SurveyRefused(_("The field cannot hold such answers; it would: %(kinds)s.") % {"kinds": fits},
                            path=f"{place}.field")  # fmt: skip
    if row["field"] is not None and row["field"].choices and set(row["choices"]) - set(row["field"].choices):
        raise SurveyRefused(_("The field knows other choices."), path=f"{place}.choices",
                            choices=row["field"].choices)  # fmt: skip


def free_key(wish: str, taken: set[str], place: int) -> str:
    stem = slugify(wish)[:34].strip("-") or f"question-{place + 1}"
    key = stem if stem not in taken else f"{stem}-{place + 1}"
    taken.add(key)
    return key


def free_slug(title: str) -> str:
    stem = slugify(title)[:50] or "survey"
    taken = set(Survey.objects.filter(slug__startswith=stem).values_list("slug", flat=True))
    return next(one for one in (stem, *(f"{stem}-{n}" for n in range(2, len(taken) + 3))) if one not in taken)


@transaction.atomic
def move_survey(survey: Survey, move: str, *, by: Actor, at: datetime) -> Survey:
    """`open` it to answers, or `close` it; a closed one may be opened again. Raises MoveRefused."""
    require(by, "surveys.change")
    row = Survey.objects.select_for_update().get(pk=survey.pk)
    allowed, state = MOVES[move]
    if row.status not in allowed:
        raise MoveRefused(_("This survey is %(state)s already.") % {"state": row.get_status_display().lower()})
    if state == SurveyStatus.OPEN and not row.questions.exists():
        raise MoveRefused(_("Ask at least one question first."))
    before, row.status = row.status, state
    row.opened_at = row.opened_at or at
    row.closed_at = at if state == SurveyStatus.CLOSED else None
    row.save(update_fields=["status", "opened_at", "closed_at"])
    crm_actions.audit(kind="survey", object_id=row.pk, verb=move, changes={"status": [before, state]}, by=by, at=at)
    return row

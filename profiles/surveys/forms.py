"""Drawing a survey up: its texts, and a form per question with one more at the end."""

from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _

from crm import queries as crm_queries
from crm.rights import Actor
from profiles.models import Question, QuestionKind, Survey
from profiles.surveys.drafting import LONGEST_HOLD, MOST_QUESTIONS, SETTINGS
from profiles.surveys.kinds import KINDS


class SurveyForm(forms.Form):
    title = forms.CharField(label=_("Title"), max_length=120)
    title_fi = forms.CharField(label=_("Title in Finnish"), max_length=120, required=False)
    intro = forms.CharField(
        label=_("Introduction"), max_length=1000, required=False, widget=forms.Textarea(attrs={"rows": 3}),
        help_text=_("Why you ask, and what becomes of the answers."),
    )  # fmt: skip
    intro_fi = forms.CharField(
        label=_("Introduction in Finnish"), max_length=1000, required=False, widget=forms.Textarea(attrs={"rows": 3})
    )
    holds_months = forms.IntegerField(
        label=_("Answers hold for, months"), required=False, min_value=1, max_value=LONGEST_HOLD,
        help_text=_("Then the field that keeps an answer is empty again: nobody is the same for ever. Empty: no end."),
    )  # fmt: skip


class Lines(forms.CharField):
    """Several texts, one on each line."""

    widget = forms.Textarea(attrs={"rows": 4})

    def to_python(self, value: Any) -> Any:
        return [line.strip() for line in str(value or "").splitlines() if line.strip()]

    def prepare_value(self, value: Any) -> Any:
        return "\n".join(value) if isinstance(value, list) else value

    def run_validators(self, value: Any) -> None:
        """Each line is checked where questions are."""


class QuestionForm(forms.Form):
    key = forms.CharField(required=False, max_length=40, widget=forms.HiddenInput)
    kind = forms.ChoiceField(label=_("How it is answered"), choices=QuestionKind.choices)
    text = forms.CharField(label=_("Question"), max_length=300)
    text_fi = forms.CharField(label=_("Question in Finnish"), max_length=300, required=False)
    choices = Lines(label=_("Choices"), required=False, help_text=_("One on each line; for questions with choices."))
    choices_fi = Lines(label=_("Choices in Finnish"), required=False, help_text=_("In the same order."))
    is_required = forms.BooleanField(label=_("Must be answered"), required=False)
    field = forms.ChoiceField(
        label=_("Keep the answer in the field"), required=False,
        help_text=_("Then rules, profiles and personas can use it."),
    )  # fmt: skip

    def __init__(self, *args: Any, fields: dict[str, Any], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.known = fields
        choices = [("", _("No field")), *((key, str(one)) for key, one in fields.items())]
        self.fields["field"].choices = choices  # type: ignore[attr-defined]

    def clean_field(self) -> Any:
        return self.known.get(self.cleaned_data["field"])


QuestionForms = forms.formset_factory(
    QuestionForm, extra=1, can_delete=True, can_order=True, max_num=MOST_QUESTIONS, absolute_max=MOST_QUESTIONS + 5
)


def fields_for(actor: Actor) -> dict[str, Any]:
    """The customer's own fields that an answer may be kept in, by key."""
    kinds = {kind for row in KINDS.values() for kind in row.fits}
    rows = crm_queries.fields(actor).filter(entity="customer", archived_at=None, type__in=kinds)
    return {one.key: one for one in rows.order_by("label")}


def initial_of(survey: Survey) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    return {name: getattr(survey, name) for name in SETTINGS}, [row_of(one) for one in survey.questions.all()]


def row_of(question: Question) -> dict[str, Any]:
    names = ("key", "kind", "text", "text_fi", "choices", "choices_fi", "is_required")
    return {**{name: getattr(question, name) for name in names}, "field": question.field.key if question.field else ""}


def questions_of(forms_: Any) -> list[dict[str, Any]]:
    """The questions as they shall stand: removed ones left out, in the order of their numbers."""
    kept = [one.cleaned_data for one in forms_.ordered_forms]
    return [{name: value for name, value in row.items() if name not in ("ORDER", "DELETE")} for row in kept]

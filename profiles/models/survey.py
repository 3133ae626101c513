"""Surveys: what is asked, and what customers answered; one sheet per survey and customer."""

import secrets

from django.db import models
from django.db.models import Q
from django.utils.translation import get_language
from django.utils.translation import gettext_lazy as _


class SurveyStatus(models.TextChoices):
    DRAFT = "draft", _("Draft")
    OPEN = "open", _("Takes answers")
    CLOSED = "closed", _("Closed")


class QuestionKind(models.TextChoices):
    NPS = "nps", _("Would recommend, 0–10")
    RATING = "rating", _("Satisfied, 1–5")
    CHOICE = "choice", _("One of several")
    CHOICES = "choices", _("Any of several")
    TEXT = "text", _("In their own words")


def new_secret() -> str:
    return secrets.token_hex(16)


class Survey(models.Model):
    """A few questions behind one address per customer."""

    slug = models.SlugField(
        _("short name"), max_length=60, unique=True, help_text=_("Name in addresses, rules and texts; never changed.")
    )
    title = models.CharField(_("title"), max_length=120, help_text=_("Heading that customers see."))
    title_fi = models.CharField(
        _("Finnish title"), max_length=120, blank=True, help_text=_("Heading in Finnish; empty means the title.")
    )
    intro = models.TextField(
        _("introduction"), max_length=1000, blank=True, help_text=_("Why you ask, and what becomes of the answers.")
    )
    intro_fi = models.TextField(
        _("Finnish introduction"), max_length=1000, blank=True, help_text=_("In Finnish; empty means the introduction.")
    )
    status = models.CharField(
        _("state"), max_length=6, choices=SurveyStatus, default=SurveyStatus.DRAFT, help_text=_("How far it is.")
    )
    holds_months = models.PositiveSmallIntegerField(
        _("answers hold for"),
        null=True,
        blank=True,
        help_text=_("Months; after them the field that keeps an answer is empty again. Empty means for ever."),
    )
    secret = models.CharField(max_length=32, default=new_secret, help_text=_("Key of its addresses; 128 random bits."))
    created_by = models.ForeignKey(
        "crm.User", models.PROTECT, null=True, blank=True, related_name="+", help_text=_("Who drew it up.")
    )
    created_at = models.DateTimeField(_("created at"), help_text=_("UTC."))
    opened_at = models.DateTimeField(_("opened at"), null=True, blank=True, help_text=_("UTC; when it took answers."))
    closed_at = models.DateTimeField(_("closed at"), null=True, blank=True, help_text=_("UTC; when it was closed."))

    class Meta:
        ordering = ["-id"]
        verbose_name = _("survey")
        verbose_name_plural = _("surveys")

    def __str__(self) -> str:
        return in_language(self, "title")


class Question(models.Model):
    survey = models.ForeignKey(Survey, models.CASCADE, related_name="questions", help_text=_("Where it is asked."))
    key = models.SlugField(_("key"), max_length=40, help_text=_("Name in rules and files, once per survey."))
    position = models.PositiveSmallIntegerField(_("position"), default=0, help_text=_("Place in the survey, from 0."))
    kind = models.CharField(_("kind"), max_length=8, choices=QuestionKind, help_text=_("How it is answered."))
    text = models.CharField(_("question"), max_length=300, help_text=_("As customers read it."))
    text_fi = models.CharField(
        _("Finnish question"), max_length=300, blank=True, help_text=_("In Finnish; empty means the question.")
    )
    choices = models.JSONField(
        _("choices"), default=list, blank=True, help_text=_("What may be chosen; a list of texts.")
    )
    choices_fi = models.JSONField(
        _("Finnish choices"), default=list, blank=True, help_text=_("The same in Finnish, in the same order.")
    )
    is_required = models.BooleanField(_("must be answered"), default=False, help_text=_("May not be left out."))
    field = models.ForeignKey(
        "crm.FieldDefinition",
        models.PROTECT,
        null=True,
        blank=True,
        related_name="+",
        verbose_name=_("keep as field"),
        help_text=_("Custom field of the customer that the answer is written into."),
    )

    class Meta:
        ordering = ["position", "id"]
        constraints = [models.UniqueConstraint(fields=["survey", "key"], name="question_key_once")]
        verbose_name = _("question")
        verbose_name_plural = _("questions")

    def __str__(self) -> str:
        return in_language(self, "text")


class AnswerSheet(models.Model):
    """What one customer answered to one survey; changed in place until it closes."""

    survey = models.ForeignKey(Survey, models.PROTECT, related_name="sheets", help_text=_("What was answered."))
    customer = models.ForeignKey(
        "crm.Customer", models.PROTECT, related_name="answer_sheets", help_text=_("Who answered.")
    )
    language = models.CharField(_("language"), max_length=10, blank=True, help_text=_("ISO 639-1 code of the page."))
    revision = models.PositiveIntegerField(_("revision"), default=1, help_text=_("How often it was sent in."))
    answered_at = models.DateTimeField(_("answered at"), help_text=_("UTC; first sent in."))
    changed_at = models.DateTimeField(_("changed at"), help_text=_("UTC; last sent in."))
    expired_at = models.DateTimeField(
        _("expired at"), null=True, blank=True, help_text=_("UTC; when its answers left the fields that kept them.")
    )

    class Meta:
        ordering = ["-id"]
        constraints = [models.UniqueConstraint(fields=["survey", "customer"], name="sheet_once")]
        indexes = [
            models.Index(fields=["survey", "answered_at"], name="sheet_of_survey"),
            models.Index(fields=["survey", "changed_at"], name="sheet_to_expire", condition=Q(expired_at=None)),
        ]
        verbose_name = _("answer sheet")
        verbose_name_plural = _("answer sheets")

    def __str__(self) -> str:
        return f"{self.survey_id}:{self.customer_id}"


class Answer(models.Model):
    """One value of one question; several where any of several may be chosen. Words are erased with their customer."""

    sheet = models.ForeignKey(AnswerSheet, models.CASCADE, related_name="answers", help_text=_("On which sheet."))
    question = models.ForeignKey(Question, models.PROTECT, related_name="answers", help_text=_("What was asked."))
    value = models.TextField(_("answer"), max_length=2000, help_text=_("A number, the chosen text, or own words."))

    class Meta:
        ordering = ["id"]
        indexes = [models.Index(fields=["question", "sheet"], name="answer_of_question")]
        constraints = [models.CheckConstraint(condition=~Q(value=""), name="answer_says_something")]
        verbose_name = _("answer")
        verbose_name_plural = _("answers")

    def __str__(self) -> str:
        return self.value[:80]


def in_language(row: models.Model, name: str) -> str:
    """The text of a column in the language of the moment, or in the one it was written in."""
    own = str(getattr(row, f"{name}_fi", "")) if (get_language() or "").startswith("fi") else ""
    return own or str(getattr(row, name))

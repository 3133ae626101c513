"""The words that names are made of, cut into threes of letters: so that a typing error still finds whom it means."""

from django.db import models
from django.utils.translation import gettext_lazy as _


class WordKind(models.TextChoices):
    FIRST_NAME = "first_name", _("First name")
    LAST_NAME = "last_name", _("Last name")
    COMPANY = "company", _("Company")


class Word(models.Model):
    """A name that somebody bears, once however many bear it. Nobody bears it any more: it is forgotten."""

    kind = models.CharField(_("kind"), max_length=10, choices=WordKind, help_text=_("What it is the name of."))
    text = models.CharField(_("text"), max_length=200, help_text=_("As written."))

    class Meta:
        constraints = [models.UniqueConstraint(fields=["text", "kind"], name="word_once")]
        verbose_name = _("word")
        verbose_name_plural = _("words")

    def __str__(self) -> str:
        return self.text


class WordPart(models.Model):
    """Three letters of a word: words that share many of them are written alike."""

    part = models.CharField(_("part"), max_length=3, help_text=_("Three letters, without accents, in lower case."))
    word = models.ForeignKey(
        Word, models.CASCADE, related_name="parts", verbose_name=_("word"), help_text=_("The word they stand in.")
    )

    class Meta:
        constraints = [models.UniqueConstraint(fields=["part", "word"], name="word_part_once")]
        verbose_name = _("part of a word")
        verbose_name_plural = _("parts of words")

    def __str__(self) -> str:
        return self.part


class WordMark(models.Model):
    """Up to which change the words of customers and companies have been gathered; one row per kind of row."""

    kind = models.CharField(_("kind"), max_length=10, unique=True, help_text=_("customer or company."))
    gathered_until = models.DateTimeField(_("gathered until"), help_text=_("UTC; rows changed since are looked at."))

    class Meta:
        verbose_name = _("mark of gathered words")
        verbose_name_plural = _("marks of gathered words")

    def __str__(self) -> str:
        return self.kind

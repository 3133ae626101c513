"""Texts kept for letters: what somebody writes again and again, under a name."""

from django.db import models
from django.utils.translation import gettext_lazy as _


class LetterText(models.Model):
    name = models.CharField(_("name"), max_length=80, help_text=_("Name by which it is chosen."))
    subject = models.CharField(_("subject"), max_length=200, blank=True, help_text=_("Subject of the letter."))
    text = models.TextField(
        _("text"), max_length=20_000, help_text=_("What stands between the greeting and the signature.")
    )
    is_shared = models.BooleanField(_("shared"), default=False, help_text=_("Whether colleagues may use it, too."))
    owner = models.ForeignKey(
        "crm.User", models.PROTECT, related_name="+", verbose_name=_("owner"), help_text=_("Who keeps and changes it.")
    )
    updated_at = models.DateTimeField(_("updated at"), help_text=_("UTC."))
    deleted_at = models.DateTimeField(
        _("deleted at"), null=True, blank=True, help_text=_("UTC; kept so that deleting can be undone.")
    )

    class Meta:
        ordering = ["name", "id"]
        verbose_name = _("text for letters")
        verbose_name_plural = _("texts for letters")

    def __str__(self) -> str:
        return self.name

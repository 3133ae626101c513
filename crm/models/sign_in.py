"""Counters of failed sign-ins, so that guessing grows slower with every guess."""

from django.db import models
from django.utils.translation import gettext_lazy as _


class SignInCounter(models.Model):
    key_hash = models.CharField(
        max_length=64,
        unique=True,
        help_text=_("Keyed hash of an account name, a known browser or a network address; none is stored itself."),
    )
    failures = models.PositiveIntegerField(_("failures"), default=0, help_text=_("Attempts in a row without success."))
    last_at = models.DateTimeField(_("last attempt"), help_text=_("UTC."))
    waits_until = models.DateTimeField(_("waits until"), help_text=_("UTC; attempts before it are not looked at."))

    class Meta:
        verbose_name = _("sign-in counter")
        verbose_name_plural = _("sign-in counters")

    def __str__(self) -> str:
        return f"{self.key_hash[:8]} {self.failures}"

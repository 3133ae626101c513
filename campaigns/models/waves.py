"""Waves of a run whose later parts learn from the earlier ones."""

from django.db import models
from django.utils.translation import gettext_lazy as _


class Wave(models.Model):
    """One part of a run's audience: when it is dealt, by which shares, and what had been seen by then."""

    run = models.ForeignKey(
        "campaigns.Run", models.PROTECT, related_name="waves", verbose_name=_("run"), help_text=_("Its run.")
    )
    number = models.PositiveSmallIntegerField(_("number"), help_text=_("1, 2, 3 …"))
    due_at = models.DateTimeField(_("due at"), help_text=_("UTC; when it is dealt and begins to leave."))
    opened_at = models.DateTimeField(
        _("opened at"), null=True, blank=True, help_text=_("UTC; when its shares were fixed; empty before.")
    )
    shares = models.JSONField(
        _("shares"), default=dict, blank=True, help_text=_("Share of its people per version, 0–1, summing to one.")
    )
    seen = models.JSONField(
        _("seen"),
        default=dict,
        blank=True,
        help_text=_("Per version what the shares rest on: people and the goal so far, by people’s own responses."),
    )
    seed = models.CharField(_("seed"), max_length=60, help_text=_("Salt of its allocation."))

    class Meta:
        ordering = ["run", "number"]
        constraints = [models.UniqueConstraint(fields=["run", "number"], name="wave_once")]
        verbose_name = _("wave")
        verbose_name_plural = _("waves")

    def __str__(self) -> str:
        return f"{self.run_id}/{self.number}"

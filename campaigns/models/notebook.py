"""The notebook: what campaigns taught, kept with the segments it is about."""

from django.db import models
from django.utils.translation import gettext_lazy as _


class Lesson(models.Model):
    """A line of the notebook: what a campaign taught about segments, with the figures it rests on."""

    text = models.TextField(_("what was learned"), max_length=2000, help_text=_("One or two sentences for colleagues."))
    figures = models.JSONField(
        _("figures"), default=list, blank=True, help_text=_("Lines of the report it rests on, as they stood then.")
    )
    campaign = models.ForeignKey(
        "campaigns.Campaign",
        models.PROTECT,
        null=True,
        blank=True,
        related_name="lessons",
        verbose_name=_("campaign"),
        help_text=_("Where it was learned."),
    )
    segments = models.ManyToManyField(
        "segments.Segment", blank=True, related_name="+", verbose_name=_("segments"), help_text=_("About whom.")
    )
    created_by = models.ForeignKey(
        "crm.User", models.PROTECT, null=True, blank=True, related_name="+", help_text=_("Who wrote it down.")
    )
    created_at = models.DateTimeField(_("created at"), help_text=_("UTC."))

    class Meta:
        ordering = ["-id"]
        verbose_name = _("lesson")
        verbose_name_plural = _("lessons")

    def __str__(self) -> str:
        return self.text[:80]

"""One line per change of a row: who, when, what, before and after. Nobody updates or deletes them."""

from django.db import models
from django.utils.translation import gettext_lazy as _


class AuditLine(models.Model):
    kind = models.CharField(
        _("kind"), max_length=40, help_text=_("What was changed, e.g. customer, segment, campaign.")
    )
    object_id = models.BigIntegerField(_("object"), help_text=_("Its primary key."))
    verb = models.CharField(
        _("verb"), max_length=40, help_text=_("What happened: created, changed, merged, launched …")
    )
    changes = models.JSONField(
        _("changes"),
        default=dict,
        help_text=_("Per field: [before, after]. The history of given features is read from here."),
    )
    at = models.DateTimeField(_("at"), help_text=_("UTC."))
    by = models.ForeignKey(
        "crm.User",
        models.PROTECT,
        null=True,
        blank=True,
        related_name="+",
        verbose_name=_("by"),
        help_text=_("User; empty when a machine did it."),
    )
    source = models.CharField(
        _("source"),
        max_length=60,
        help_text=_("Door it came through: page, api, import, task, or the name of a source system."),
    )
    import_run = models.ForeignKey(
        "crm.Import",
        models.PROTECT,
        db_index=False,
        null=True,
        blank=True,
        related_name="+",
        help_text=_("Import that made the change."),
    )

    class Meta:
        ordering = ["-id"]
        indexes = [
            models.Index(fields=["kind", "object_id", "id"], name="audit_object"),
            models.Index(fields=["import_run"], name="audit_import", condition=models.Q(import_run__isnull=False)),
        ]
        verbose_name = _("audit line")
        verbose_name_plural = _("audit lines")

    def __str__(self) -> str:
        return f"{self.at:%Y-%m-%d %H:%M} {self.verb} {self.kind} {self.object_id}"

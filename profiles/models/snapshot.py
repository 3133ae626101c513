"""Snapshots of the warehouse. Features themselves are columns of a snapshot, not rows here."""

from django.db import models
from django.utils.translation import gettext_lazy as _


class SnapshotStatus(models.TextChoices):
    BUILDING = "building", _("Building")
    READY = "ready", _("Ready")
    FAILED = "failed", _("Failed")
    REMOVED = "removed", _("Removed")


class Snapshot(models.Model):
    """One immutable version of the warehouse. The newest ready one answers; older ones leave after a while."""

    status = models.CharField(
        _("status"),
        max_length=10,
        choices=SnapshotStatus,
        default=SnapshotStatus.BUILDING,
        help_text=_("How far it is."),
    )
    file_name = models.CharField(max_length=120, help_text=_("Its file below the warehouse folder."))
    as_of = models.DateTimeField(
        _("as of"), help_text=_("UTC; rows up to here are in it, relative dates count back from here.")
    )
    watermarks = models.JSONField(default=dict, help_text=_("Per source table: how far it has been read."))
    counts = models.JSONField(_("rows"), default=dict, help_text=_("Rows per table."))
    started_at = models.DateTimeField(_("started at"), help_text=_("UTC."))
    finished_at = models.DateTimeField(_("finished at"), null=True, blank=True, help_text=_("UTC."))
    error = models.TextField(_("error"), blank=True, help_text=_("Why it failed, in one sentence."))

    class Meta:
        ordering = ["-id"]
        verbose_name = _("snapshot")
        verbose_name_plural = _("snapshots")

    def __str__(self) -> str:
        return f"{self.pk} {self.status}"

"""Ticks of the timetable and signs of life: a job runs once per slot, however many timetables tick."""

from django.db import models
from django.utils.translation import gettext_lazy as _


class Tick(models.Model):
    job = models.CharField(_("job"), max_length=60, help_text=_("Name of the periodic job."))
    slot = models.DateTimeField(_("slot"), help_text=_("UTC start of the period; the first to insert it runs the job."))
    started_at = models.DateTimeField(_("started at"), help_text=_("UTC."))
    finished_at = models.DateTimeField(_("finished at"), null=True, blank=True, help_text=_("UTC."))
    error = models.TextField(_("error"), blank=True, help_text=_("Why it failed."))

    class Meta:
        ordering = ["-slot"]
        constraints = [models.UniqueConstraint(fields=["job", "slot"], name="tick_once")]
        verbose_name = _("tick")
        verbose_name_plural = _("ticks")

    def __str__(self) -> str:
        return f"{self.job} {self.slot:%Y-%m-%d %H:%M}"


class WorkerBeat(models.Model):
    name = models.CharField(
        _("process"), max_length=120, unique=True, help_text=_("host:pid of a worker or timetable.")
    )
    kind = models.CharField(_("kind"), max_length=20, help_text=_("worker or timetable."))
    seen_at = models.DateTimeField(_("seen at"), help_text=_("UTC; last sign of life."))

    class Meta:
        verbose_name = _("process")
        verbose_name_plural = _("processes")

    def __str__(self) -> str:
        return self.name

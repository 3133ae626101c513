"""Imports: the stored file, how far it is read, and every row that had a problem."""

from django.db import models
from django.utils.translation import gettext_lazy as _


class ImportKind(models.TextChoices):
    CUSTOMERS = "customers", _("Customers")
    ORDERS = "orders", _("Orders")
    EVENTS = "events", _("Events")


class ImportStatus(models.TextChoices):
    UPLOADED = "uploaded", _("Uploaded")
    CHECKING = "checking", _("Being checked")
    CHECKED = "checked", _("Checked")
    QUEUED = "queued", _("Waiting")
    RUNNING = "running", _("Running")
    FINISHED = "finished", _("Finished")
    FAILED = "failed", _("Failed")
    UNDOING = "undoing", _("Being undone")
    UNDONE = "undone", _("Undone")


class Import(models.Model):
    kind = models.CharField(_("kind"), max_length=12, choices=ImportKind, help_text=_("What the rows are."))
    status = models.CharField(
        _("status"), max_length=10, choices=ImportStatus, default=ImportStatus.UPLOADED, help_text=_("How far it is.")
    )
    file_name = models.CharField(_("file"), max_length=200, help_text=_("Name of the file as given."))
    file_path = models.CharField(max_length=300, help_text=_("Where the stored copy lies, below the data folder."))
    file_hash = models.CharField(max_length=64, help_text=_("SHA-256 of the file, hexadecimal."))
    mapping = models.JSONField(
        _("mapping"), default=dict, help_text=_("How columns become fields; see docs/imports.md.")
    )
    cursor = models.PositiveBigIntegerField(
        _("rows read"), default=0, help_text=_("Data rows committed so far; a killed import goes on from here.")
    )
    rows_total = models.PositiveBigIntegerField(_("rows"), null=True, help_text=_("Data rows in the file, once known."))
    counts = models.JSONField(
        _("counts"), default=dict, help_text=_("created, changed, unchanged, refused, warned … so far.")
    )
    diff = models.JSONField(_("dry run"), default=dict, help_text=_("What the dry run found: counts, examples."))
    undo = models.JSONField(
        _("undo"), default=dict, help_text=_("What the undo did so far: deleted, restored, kept, and how far it is.")
    )
    error = models.TextField(_("error"), blank=True, help_text=_("Why it stopped, in one sentence."))
    created_by = models.ForeignKey(
        "crm.User",
        models.PROTECT,
        null=True,
        blank=True,
        related_name="+",
        verbose_name=_("by"),
        help_text=_("Who started it; empty from the command line."),
    )
    created_at = models.DateTimeField(_("created at"), help_text=_("UTC."))
    started_at = models.DateTimeField(_("started at"), null=True, blank=True, help_text=_("UTC."))
    finished_at = models.DateTimeField(_("finished at"), null=True, blank=True, help_text=_("UTC."))
    undone_at = models.DateTimeField(_("undone at"), null=True, blank=True, help_text=_("UTC."))
    lease_until = models.DateTimeField(
        null=True, blank=True, help_text=_("UTC; a worker holds it until then, renewed with every chunk.")
    )

    class Meta:
        ordering = ["-id"]
        verbose_name = _("import")
        verbose_name_plural = _("imports")

    def __str__(self) -> str:
        return f"{self.kind} {self.file_name}"


class ImportProblem(models.Model):
    run = models.ForeignKey(Import, models.CASCADE, db_index=False, related_name="problems", help_text=_("Its import."))
    row = models.PositiveBigIntegerField(_("row"), help_text=_("Line in the file; the header is 1."))
    column = models.CharField(
        _("column"), max_length=120, blank=True, help_text=_("Column it is about; empty for the whole row.")
    )
    code = models.CharField(_("code"), max_length=40, help_text=_("Machine-readable name of the problem."))
    message = models.CharField(_("message"), max_length=300, help_text=_("What is wrong, in words."))
    is_fatal = models.BooleanField(
        _("refused"), help_text=_("The row was refused; otherwise it was kept with a warning.")
    )

    class Meta:
        ordering = ["run", "row", "id"]
        indexes = [models.Index(fields=["run", "row"], name="problem_row")]
        verbose_name = _("import problem")
        verbose_name_plural = _("import problems")

    def __str__(self) -> str:
        return f"{self.row} {self.column}: {self.message}"

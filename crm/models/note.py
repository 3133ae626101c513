"""Notes on customers and companies, who is mentioned in them, and the files that hang on them."""

from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _


class Note(models.Model):
    """About exactly one subject. Another kind of subject is another column that may be empty, named in SUBJECTS."""

    customer = models.ForeignKey(
        "crm.Customer", models.PROTECT, null=True, blank=True, db_index=False, related_name="notes",
        verbose_name=_("customer"), help_text=_("Whom it is about."),
    )  # fmt: skip
    company = models.ForeignKey(
        "crm.Company", models.PROTECT, null=True, blank=True, db_index=False, related_name="notes",
        verbose_name=_("company"), help_text=_("Which company it is about."),
    )  # fmt: skip
    text = models.TextField(_("text"), max_length=10_000, blank=True, help_text=_("As written; emptied by erasure."))
    created_by = models.ForeignKey(
        "crm.User", models.PROTECT, related_name="+", verbose_name=_("written by"), help_text=_("User.")
    )
    created_at = models.DateTimeField(_("written at"), help_text=_("UTC."))
    edited_at = models.DateTimeField(_("changed at"), null=True, blank=True, help_text=_("UTC; the latest change."))
    pinned_at = models.DateTimeField(
        _("pinned at"), null=True, blank=True, help_text=_("UTC; pinned notes stand above all others.")
    )
    deleted_at = models.DateTimeField(
        _("deleted at"), null=True, blank=True, help_text=_("UTC; may be taken back for 30 days, then the row goes.")
    )

    class Meta:
        ordering = ["-id"]
        constraints = [
            models.CheckConstraint(
                condition=Q(customer__isnull=False, company__isnull=True)
                | Q(customer__isnull=True, company__isnull=False),
                name="note_has_one_subject",
            )
        ]
        indexes = [
            models.Index(fields=["customer", "id"], name="note_customer", condition=Q(customer__isnull=False)),
            models.Index(fields=["company", "id"], name="note_company", condition=Q(company__isnull=False)),
            models.Index(fields=["deleted_at"], name="note_deleted", condition=Q(deleted_at__isnull=False)),
        ]
        verbose_name = _("note")
        verbose_name_plural = _("notes")

    def __str__(self) -> str:
        return self.text[:60]


SUBJECTS = ("customer", "company")


class Mention(models.Model):
    note = models.ForeignKey(Note, models.CASCADE, related_name="mentions", help_text=_("Where."))
    user = models.ForeignKey(
        "crm.User", models.CASCADE, related_name="mentions", verbose_name=_("user"), help_text=_("Who is mentioned.")
    )
    seen_at = models.DateTimeField(_("seen at"), null=True, blank=True, help_text=_("UTC; empty while new to them."))

    class Meta:
        ordering = ["-id"]
        constraints = [models.UniqueConstraint(fields=["note", "user"], name="mention_once")]
        verbose_name = _("mention")
        verbose_name_plural = _("mentions")

    def __str__(self) -> str:
        return f"@{self.user_id} {self.note_id}"


class NoteFile(models.Model):
    """A file of a note, stored below the data folder under a random name; given out as a download only."""

    note = models.ForeignKey(Note, models.CASCADE, related_name="files", help_text=_("Its note."))
    name = models.CharField(_("name"), max_length=200, help_text=_("Name as uploaded."))
    path = models.CharField(max_length=120, help_text=_("Below the data folder."))
    size = models.PositiveIntegerField(_("size"), help_text=_("Bytes."))
    created_at = models.DateTimeField(_("uploaded at"), help_text=_("UTC."))

    class Meta:
        ordering = ["id"]
        verbose_name = _("file of a note")
        verbose_name_plural = _("files of notes")

    def __str__(self) -> str:
        return self.name

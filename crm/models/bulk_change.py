"""Changes of many rows at once: what was done to which, with what stood there before, so that it can be undone."""

from django.db import models
from django.utils.translation import gettext_lazy as _


class BulkChange(models.Model):
    kind = models.CharField(_("kind"), max_length=20, help_text=_("What rows it changed: customer or company."))
    action = models.CharField(_("action"), max_length=40, help_text=_("Key of the action, e.g. assign or add-tag."))
    parameters = models.JSONField(
        _("parameters"), default=dict, blank=True, help_text=_("What the action was told, e.g. the tag.")
    )
    chosen = models.PositiveIntegerField(_("chosen"), help_text=_("Rows it was asked to change."))
    changed = models.PositiveIntegerField(_("changed"), default=0, help_text=_("Rows that were not so already."))
    at = models.DateTimeField(_("at"), help_text=_("UTC."))
    by = models.ForeignKey(
        "crm.User", models.PROTECT, null=True, blank=True, related_name="+", help_text=_("Who did it.")
    )
    undone_at = models.DateTimeField(_("undone at"), null=True, blank=True, help_text=_("UTC; empty while it stands."))

    class Meta:
        ordering = ["-id"]
        verbose_name = _("bulk change")
        verbose_name_plural = _("bulk changes")

    def __str__(self) -> str:
        return f"{self.action} {self.at:%Y-%m-%d %H:%M}"


class BulkChangeRow(models.Model):
    """One row that a bulk change changed."""

    change = models.ForeignKey(
        BulkChange, models.CASCADE, db_index=False, related_name="rows", help_text=_("Which bulk change.")
    )
    object_id = models.BigIntegerField(_("object"), help_text=_("Primary key of the changed row."))
    before = models.JSONField(
        _("before"), default=dict, blank=True, help_text=_("Column to value, as it stood; ids and codes only.")
    )

    class Meta:
        constraints = [models.UniqueConstraint(fields=["change", "object_id"], name="bulk_change_row_once")]
        verbose_name = _("row of a bulk change")
        verbose_name_plural = _("rows of bulk changes")

    def __str__(self) -> str:
        return f"{self.change_id} {self.object_id}"

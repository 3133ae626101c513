"""Customers that changed and whom upper floors have yet to look at: rows, so that no lost message loses one."""

from django.db import models
from django.utils.translation import gettext_lazy as _


class Touch(models.Model):
    """One change of one customer, written in its transaction; who has followed it deletes the row."""

    customer_id = models.BigIntegerField(_("customer"), db_index=True, help_text=_("Who changed; no reference."))
    at = models.DateTimeField(_("at"), help_text=_("UTC; when it was recorded."))

    class Meta:
        ordering = ["id"]
        verbose_name = _("touch")
        verbose_name_plural = _("touches")

    def __str__(self) -> str:
        return f"{self.customer_id} {self.at:%Y-%m-%d %H:%M:%S}"

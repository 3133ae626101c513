"""What was found outside the house before sending: domains of senders, and links of texts."""

from django.db import models
from django.utils.translation import gettext_lazy as _


class SenderDomain(models.Model):
    """A domain we send from, and what the DNS said of it last."""

    domain = models.CharField(_("domain"), max_length=253, unique=True, help_text=_("In lower case, e.g. firm.fi."))
    selectors = models.CharField(
        _("selectors"), max_length=200, blank=True, help_text=_("Names of DKIM keys, with blanks between.")
    )
    findings = models.JSONField(default=list, blank=True, help_text=_("What was found, a row per thing looked at."))
    verdict = models.CharField(
        _("verdict"),
        max_length=8,
        blank=True,
        help_text=_("good, warn, unknown or bad; empty before the first answer."),
    )
    asked_at = models.DateTimeField(null=True, blank=True, help_text=_("UTC; when somebody asked for a check."))
    tried_at = models.DateTimeField(null=True, blank=True, help_text=_("UTC; when the DNS was asked last."))
    checked_at = models.DateTimeField(
        _("checked at"), null=True, blank=True, help_text=_("UTC; when the DNS answered last.")
    )
    accepted_at = models.DateTimeField(
        _("accepted at"),
        null=True,
        blank=True,
        help_text=_("UTC; when an administrator let it send although it fails."),
    )
    accepted_by = models.ForeignKey(
        "crm.User", models.SET_NULL, null=True, blank=True, related_name="+", help_text=_("Who did.")
    )
    accepted_reason = models.CharField(max_length=300, blank=True, help_text=_("Why."))

    class Meta:
        ordering = ["domain"]
        verbose_name = _("sending domain")
        verbose_name_plural = _("sending domains")

    def __str__(self) -> str:
        return self.domain


class LinkCheck(models.Model):
    """An address that texts lead to, and what a visit found."""

    url_key = models.CharField(max_length=64, unique=True, help_text=_("SHA-256 of the address."))
    url = models.CharField(_("address"), max_length=2000, help_text=_("http or https."))
    asked_at = models.DateTimeField(help_text=_("UTC; when somebody asked for a visit."))
    checked_at = models.DateTimeField(_("checked at"), null=True, blank=True, help_text=_("UTC; of the last visit."))
    verdict = models.CharField(_("verdict"), max_length=8, blank=True, help_text=_("good, warn, unknown or bad."))
    code = models.CharField(max_length=20, blank=True, help_text=_("What was found, for the words."))
    about = models.CharField(max_length=2000, blank=True, help_text=_("Status, host or where it leads."))

    class Meta:
        ordering = ["-id"]
        indexes = [models.Index(fields=["asked_at"], name="link_check_asked")]
        verbose_name = _("link check")
        verbose_name_plural = _("link checks")

    def __str__(self) -> str:
        return self.url

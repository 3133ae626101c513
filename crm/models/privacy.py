"""Requests of persons about their data, each with its clock of one month (GDPR article 12)."""

from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _


class RequestKind(models.TextChoices):
    ACCESS = "access", _("Access to their data, or to take them along")
    RECTIFICATION = "rectification", _("Correction")
    RESTRICTION = "restriction", _("Restriction of processing")
    OBJECTION = "objection", _("Objection to marketing and profiling")
    ERASURE = "erasure", _("Erasure")


class RequestState(models.TextChoices):
    OPEN = "open", _("Open")
    DONE = "done", _("Done")
    REFUSED = "refused", _("Refused")


class CameBy(models.TextChoices):
    EMAIL = "email", _("E-mail")
    LETTER = "letter", _("Letter")
    PHONE = "phone", _("Phone")
    PERSON = "person", _("In person")
    OTHER = "other", _("Another way")


class PrivacyRequest(models.Model):
    customer = models.ForeignKey(
        "crm.Customer", models.PROTECT, related_name="privacy_requests", verbose_name=_("customer"), help_text=_("Who.")
    )
    kind = models.CharField(_("kind"), max_length=14, choices=RequestKind, help_text=_("Which right they use."))
    came_by = models.CharField(
        _("came by"), max_length=6, choices=CameBy, default=CameBy.EMAIL, help_text=_("How it reached the firm.")
    )
    state = models.CharField(
        _("state"), max_length=8, choices=RequestState, default=RequestState.OPEN, help_text=_("Where it is.")
    )
    words = models.TextField(
        _("words"), max_length=4000, blank=True, help_text=_("What they asked; emptied by erasure.")
    )
    asked_on = models.DateField(_("asked on"), help_text=_("Day on which it reached the firm."))
    due_on = models.DateField(_("due on"), help_text=_("A month after, or three when that was said with its reason."))
    filed_at = models.DateTimeField(_("filed at"), help_text=_("UTC."))
    filed_by = models.ForeignKey(
        "crm.User", models.PROTECT, null=True, blank=True, related_name="+", verbose_name=_("filed by"),
        help_text=_("User; empty when a machine did."),
    )  # fmt: skip
    extended_because = models.TextField(
        _("prolonged because"), max_length=1000, blank=True, help_text=_("Reason told to the person; article 12(3).")
    )
    decided_at = models.DateTimeField(_("decided at"), null=True, blank=True, help_text=_("UTC."))
    decided_by = models.ForeignKey(
        "crm.User", models.PROTECT, null=True, blank=True, related_name="+", verbose_name=_("decided by"),
        help_text=_("User."),
    )  # fmt: skip
    outcome = models.TextField(_("outcome"), max_length=1000, blank=True, help_text=_("What was done, or why not."))

    class Meta:
        ordering = ["due_on", "id"]
        indexes = [
            models.Index(fields=["due_on", "id"], name="privacy_due", condition=Q(state="open")),
            models.Index(fields=["customer", "id"], name="privacy_customer"),
        ]
        verbose_name = _("privacy request")
        verbose_name_plural = _("privacy requests")

    def __str__(self) -> str:
        return f"{self.kind} {self.customer_id}"

"""Consent per purpose and channel: an append-only ledger, its current state, and the suppression list."""

from django.db import models
from django.utils.translation import gettext_lazy as _


class Purpose(models.TextChoices):
    MARKETING = "marketing", _("Marketing")
    PROFILING = "profiling", _("Profiling")
    TRACKING = "tracking", _("Tracking of opens")
    SERVICE = "service", _("Service messages")


class Channel(models.TextChoices):
    ANY = "any", _("Any channel")
    EMAIL = "email", _("E-mail")
    SMS = "sms", _("SMS")
    PHONE = "phone", _("Phone")
    POST = "post", _("Post")
    WEBHOOK = "webhook", _("Webhook")
    ADS = "ads", _("Ad networks")


class ConsentAct(models.TextChoices):
    GRANTED = "granted", _("Granted")
    WITHDRAWN = "withdrawn", _("Withdrawn")


class ConsentEntry(models.Model):
    """A line of the ledger. Never updated or deleted."""

    customer = models.ForeignKey(
        "crm.Customer",
        models.PROTECT,
        db_index=False,
        related_name="consent_entries",
        verbose_name=_("customer"),
        help_text=_("Who."),
    )
    purpose = models.CharField(_("purpose"), max_length=12, choices=Purpose, help_text=_("What for."))
    channel = models.CharField(_("channel"), max_length=10, choices=Channel, help_text=_("By which channel."))
    act = models.CharField(_("act"), max_length=10, choices=ConsentAct, help_text=_("Granted or withdrawn."))
    at = models.DateTimeField(_("at"), help_text=_("UTC; when the person said so."))
    expires_at = models.DateTimeField(_("expires at"), null=True, blank=True, help_text=_("UTC; a grant lapses then."))
    source = models.CharField(_("source"), max_length=60, help_text=_("Form, import, call, unsubscribe link …"))
    evidence = models.JSONField(
        _("evidence"),
        default=dict,
        blank=True,
        help_text=_("Wording version, address of the form, message id: the proof."),
    )
    recorded_at = models.DateTimeField(_("recorded at"), help_text=_("UTC; when the line was written."))
    by = models.ForeignKey(
        "crm.User",
        models.PROTECT,
        null=True,
        blank=True,
        related_name="+",
        verbose_name=_("by"),
        help_text=_("User who recorded it; empty when the person or a machine did."),
    )
    import_run = models.ForeignKey(
        "crm.Import", models.PROTECT, null=True, blank=True, related_name="+", help_text=_("Import that brought it.")
    )

    class Meta:
        ordering = ["-id"]
        indexes = [models.Index(fields=["customer", "purpose", "channel", "at"], name="consent_customer")]
        verbose_name = _("consent entry")
        verbose_name_plural = _("consent entries")

    def __str__(self) -> str:
        return f"{self.purpose}/{self.channel} {self.act}"


class ConsentState(models.Model):
    """What the ledger says now, one row per customer, purpose and channel; written with each ledger line."""

    customer = models.ForeignKey(
        "crm.Customer",
        models.PROTECT,
        db_index=False,
        related_name="consents",
        verbose_name=_("customer"),
        help_text=_("Who."),
    )
    purpose = models.CharField(_("purpose"), max_length=12, choices=Purpose, help_text=_("What for."))
    channel = models.CharField(_("channel"), max_length=10, choices=Channel, help_text=_("By which channel."))
    is_granted = models.BooleanField(_("granted"), help_text=_("The latest act is a grant."))
    since_at = models.DateTimeField(_("since"), help_text=_("UTC; time of the latest act."))
    expires_at = models.DateTimeField(_("expires at"), null=True, blank=True, help_text=_("UTC; a grant lapses then."))
    updated_at = models.DateTimeField(db_index=True, help_text=_("UTC; the warehouse takes rows changed since."))

    class Meta:
        constraints = [models.UniqueConstraint(fields=["customer", "purpose", "channel"], name="consent_state_once")]
        verbose_name = _("consent")
        verbose_name_plural = _("consents")

    def __str__(self) -> str:
        return f"{self.purpose}/{self.channel} {'yes' if self.is_granted else 'no'}"


class Suppression(models.Model):
    """An address never to be contacted. Holds a keyed hash only, so it survives the person's erasure."""

    channel = models.CharField(_("channel"), max_length=10, choices=Channel, help_text=_("By which channel."))
    address_key = models.CharField(max_length=64, help_text=_("HMAC-SHA256 of the normalised address, hexadecimal."))
    reason = models.CharField(
        _("reason"), max_length=30, help_text=_("unsubscribed, hard_bounce, complaint, manual, erased …")
    )
    at = models.DateTimeField(_("at"), help_text=_("UTC."))
    source = models.CharField(_("source"), max_length=60, help_text=_("Door or provider it came from."))

    class Meta:
        constraints = [models.UniqueConstraint(fields=["channel", "address_key"], name="suppression_once")]
        verbose_name = _("suppressed address")
        verbose_name_plural = _("suppression list")

    def __str__(self) -> str:
        return f"{self.channel} {self.address_key[:8]}… {self.reason}"

"""The firm's rules of sending: how fast, at what hours, how often one person, and when a second person must agree."""

from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

ANY_CHANNEL = "any"


class SendingRules(models.Model):
    """The one row of rules that hold for every campaign."""

    id = models.PositiveSmallIntegerField(primary_key=True, default=1)
    quiet_from = models.TimeField(
        _("quiet from"), null=True, blank=True, help_text=_("Time of day where the recipient lives.")
    )
    quiet_until = models.TimeField(
        _("quiet until"), null=True, blank=True, help_text=_("Time of day where the recipient lives.")
    )
    approval_above = models.PositiveIntegerField(
        _("approval needed above"),
        null=True,
        blank=True,
        help_text=_("Number of recipients above which a second person must approve; 0 means always, empty never."),
    )

    class Meta:
        constraints = [
            models.CheckConstraint(condition=Q(id=1), name="sending_rules_once"),
            models.CheckConstraint(
                condition=Q(quiet_from=None, quiet_until=None) | Q(quiet_from__isnull=False, quiet_until__isnull=False),
                name="sending_rules_quiet_both",
            ),
        ]
        verbose_name = _("sending rules")
        verbose_name_plural = _("sending rules")

    def __str__(self) -> str:
        return str(_("Sending rules"))


class ContactCap(models.Model):
    """At most so many marketing messages to one person in so many hours, all campaigns together."""

    channel = models.CharField(
        _("channel"), max_length=10, default=ANY_CHANNEL, help_text=_("Which messages it counts and bounds; any: all.")
    )
    at_most = models.PositiveSmallIntegerField(_("at most"), help_text=_("Messages to one person."))
    period_hours = models.PositiveIntegerField(
        _("in hours"), help_text=_("168 is a week. At most 1 in a period is a minimum gap.")
    )
    is_active = models.BooleanField(_("in force"), default=True, help_text=_("Otherwise it is kept but not applied."))

    class Meta:
        ordering = ["period_hours", "channel"]
        constraints = [
            models.UniqueConstraint(fields=["channel", "period_hours"], name="contact_cap_once"),
            models.CheckConstraint(condition=Q(at_most__gte=1, period_hours__gte=1), name="contact_cap_positive"),
        ]
        verbose_name = _("contact cap")
        verbose_name_plural = _("contact caps")

    def __str__(self) -> str:
        return f"{self.at_most}/{self.period_hours} h {self.channel}"


class ContactWish(models.Model):
    """How often a person wants to hear from us, as they said themselves; the firm's caps hold beside it."""

    customer = models.OneToOneField(
        "crm.Customer",
        models.CASCADE,
        related_name="contact_wish",
        verbose_name=_("customer"),
        help_text=_("Whose wish."),
    )
    period_hours = models.PositiveIntegerField(_("in hours"), help_text=_("At most one marketing message in so many."))
    said_at = models.DateTimeField(_("said at"), help_text=_("UTC."))

    class Meta:
        constraints = [models.CheckConstraint(condition=Q(period_hours__gte=1), name="contact_wish_positive")]
        verbose_name = _("wish")
        verbose_name_plural = _("wishes")

    def __str__(self) -> str:
        return f"1/{self.period_hours} h"


class WebhookTarget(models.Model):
    """A system of the firm that messages are handed to as signed calls (Standard Webhooks). Its key is never stored."""

    name = models.CharField(_("name"), max_length=80, unique=True, help_text=_("Name shown to people."))
    url = models.URLField(_("address"), max_length=500, help_text=_("https; never an address inside."))
    key_number = models.PositiveSmallIntegerField(
        _("key"), default=1, help_text=_("Another number makes another signing key.")
    )
    is_active = models.BooleanField(_("in force"), default=True, help_text=_("Offered to new campaigns."))

    class Meta:
        ordering = ["name"]
        verbose_name = _("webhook target")
        verbose_name_plural = _("webhook targets")

    def __str__(self) -> str:
        return self.name


class ProviderEvent(models.Model):
    """An event of a mail provider that was dealt with: however often it comes, it has its effect once."""

    provider = models.CharField(_("provider"), max_length=20, help_text=_("Which one, as in the address of its hook."))
    event_key = models.CharField(max_length=64, help_text=_("SHA-256 of the provider's id of the event."))
    message = models.ForeignKey(
        "campaigns.Message",
        models.SET_NULL,
        null=True,
        related_name="+",
        verbose_name=_("message"),
        help_text=_("The message it spoke of."),
    )
    kind = models.CharField(_("kind"), max_length=20, help_text=_("delivered, hard_bounce, soft_bounce, complaint …"))
    at = models.DateTimeField(_("at"), help_text=_("UTC; when it happened, as the provider says."))

    class Meta:
        ordering = ["-id"]
        constraints = [models.UniqueConstraint(fields=["provider", "event_key"], name="provider_event_once")]
        verbose_name = _("provider event")
        verbose_name_plural = _("provider events")

    def __str__(self) -> str:
        return f"{self.provider} {self.kind}"


class SendingRate(models.Model):
    """A token bucket: a channel, or one domain of recipients, takes so many messages a minute."""

    channel = models.CharField(_("channel"), max_length=10, default="email", help_text=_("Whose messages."))
    domain = models.CharField(
        _("domain"),
        max_length=253,
        blank=True,
        help_text=_("Domain of the recipients, e.g. gmail.com; empty means the whole server."),
    )
    per_minute = models.PositiveIntegerField(_("per minute"), help_text=_("Messages in the long run."))
    burst = models.PositiveIntegerField(
        pgettext_lazy("rate", "at once"),
        help_text=_("Messages that may leave without a wait when nothing was sent for a while."),
    )
    tokens = models.FloatField(default=0, help_text=_("Messages that might leave at `filled_at`; kept by the workers."))
    filled_at = models.DateTimeField(null=True, blank=True, help_text=_("UTC, the database's clock."))

    class Meta:
        ordering = ["channel", "domain"]
        constraints = [
            models.UniqueConstraint(fields=["channel", "domain"], name="sending_rate_once"),
            models.CheckConstraint(condition=Q(per_minute__gte=1, burst__gte=1), name="sending_rate_positive"),
        ]
        verbose_name = _("sending rate")
        verbose_name_plural = _("sending rates")

    def __str__(self) -> str:
        return f"{self.channel} {self.domain} {self.per_minute}/min"

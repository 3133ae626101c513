"""Events: everything that happened to a customer and is not an order. Append-only."""

from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _


class Event(models.Model):
    source = models.CharField(_("source"), max_length=60, help_text=_("System the event came from."))
    source_id = models.CharField(
        _("source id"),
        max_length=100,
        help_text=_("Id given by the source; unique in it, so a repeat changes nothing."),
    )
    type = models.CharField(
        _("type"),
        max_length=60,
        help_text=_("page, cart, open, click, call, answer … (`order` is reserved for orders)."),
    )
    customer = models.ForeignKey(
        "crm.Customer",
        models.PROTECT,
        db_index=False,
        null=True,
        blank=True,
        related_name="events",
        verbose_name=_("customer"),
        help_text=_("Empty while the visitor is unknown."),
    )
    anonymous_id = models.CharField(max_length=100, blank=True, help_text=_("Visitor id before the customer is known."))
    occurred_at = models.DateTimeField(_("occurred at"), help_text=_("UTC."))
    received_at = models.DateTimeField(
        _("received at"), db_index=True, help_text=_("UTC; the warehouse takes rows received since.")
    )
    value = models.DecimalField(
        _("value"),
        max_digits=16,
        decimal_places=4,
        null=True,
        blank=True,
        help_text=_("Amount, score or duration; unit in properties."),
    )
    channel = models.CharField(_("channel"), max_length=30, blank=True, help_text=_("web, store, phone, app, email …"))
    category = models.CharField(_("category"), max_length=80, blank=True, help_text=_("Product category or topic."))
    properties = models.JSONField(
        _("properties"), default=dict, blank=True, help_text=_("Anything else the source said; one level of names.")
    )
    import_run = models.ForeignKey(
        "crm.Import",
        models.PROTECT,
        db_index=False,
        null=True,
        blank=True,
        related_name="+",
        help_text=_("Import that brought it."),
    )

    class Meta:
        ordering = ["-occurred_at", "-id"]
        constraints = [
            models.UniqueConstraint(fields=["source", "source_id"], name="event_source_once"),
            models.CheckConstraint(condition=~Q(type="order"), name="event_type_not_order"),
        ]
        indexes = [
            models.Index(fields=["customer", "occurred_at"], name="event_customer"),
            models.Index(fields=["import_run"], name="event_import", condition=Q(import_run__isnull=False)),
            models.Index(fields=["anonymous_id"], name="event_anonymous", condition=~Q(anonymous_id="")),
        ]
        verbose_name = _("event")
        verbose_name_plural = _("events")

    def __str__(self) -> str:
        return f"{self.type} {self.occurred_at:%Y-%m-%d %H:%M}"

"""Products and orders with lines. A return is a line with a negative quantity; every amount is decimal."""

from decimal import Decimal
from typing import Any

from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

MONEY: dict[str, Any] = {"max_digits": 16, "decimal_places": 4}
LARGEST_AMOUNT = Decimal("999999999999.9995")  # of fifteen digits SQLite rounds this up to one that no column holds


class Product(models.Model):
    sku = models.CharField(_("SKU"), max_length=64, unique=True, help_text=_("Stock code; unique."))
    name = models.CharField(_("name"), max_length=200, blank=True, help_text=_("Name shown to people."))
    category = models.CharField(
        _("category"), max_length=80, blank=True, help_text=_("Product category, used in rules.")
    )
    price_amount = models.DecimalField(
        _("price"), **MONEY, null=True, blank=True, help_text=_("List price per unit in `currency`.")
    )
    cost_amount = models.DecimalField(
        _("cost"),
        **MONEY,
        null=True,
        blank=True,
        help_text=_("Cost per unit in `currency`; margin is price less cost."),
    )
    currency = models.CharField(_("currency"), max_length=3, blank=True, help_text=_("ISO 4217 code."))
    created_at = models.DateTimeField(_("created at"), help_text=_("UTC."))

    class Meta:
        ordering = ["sku"]
        verbose_name = _("product")
        verbose_name_plural = _("products")

    def __str__(self) -> str:
        return self.name or self.sku


class OrderKind(models.TextChoices):
    SALE = "sale", _("Sale")
    RETURN = "return", _("Return")
    ADJUSTMENT = "adjustment", _("Adjustment")


class Order(models.Model):
    source = models.CharField(_("source"), max_length=60, help_text=_("System the order came from."))
    number = models.CharField(_("number"), max_length=64, help_text=_("Order number, unique in its source."))
    kind = models.CharField(
        _("kind"),
        max_length=12,
        choices=OrderKind,
        default=OrderKind.SALE,
        help_text=_("Sale; return (a cancellation or credit note); adjustment (booking without goods)."),
    )
    customer = models.ForeignKey(
        "crm.Customer",
        models.PROTECT,
        db_index=False,
        null=True,
        blank=True,
        related_name="orders",
        verbose_name=_("customer"),
        help_text=_("Empty for a guest."),
    )
    ordered_at = models.DateTimeField(_("ordered at"), help_text=_("UTC."))
    channel = models.CharField(_("channel"), max_length=30, blank=True, help_text=_("web, store, phone, app …"))
    currency = models.CharField(_("currency"), max_length=3, help_text=_("ISO 4217 code of every amount of the order."))
    total_amount = models.DecimalField(
        _("total"), **MONEY, help_text=_("Sum of its lines, in `currency`; negative for a return.")
    )
    country = models.CharField(_("country"), max_length=60, blank=True, help_text=_("Country of delivery."))
    import_run = models.ForeignKey(
        "crm.Import",
        models.PROTECT,
        db_index=False,
        null=True,
        blank=True,
        related_name="+",
        help_text=_("Import that brought it."),
    )
    created_at = models.DateTimeField(_("created at"), help_text=_("UTC."))
    updated_at = models.DateTimeField(
        _("updated at"), db_index=True, help_text=_("UTC; the warehouse takes rows changed since.")
    )

    class Meta:
        ordering = ["-ordered_at", "-id"]
        constraints = [models.UniqueConstraint(fields=["source", "number"], name="order_number_once")]
        indexes = [
            models.Index(fields=["customer", "ordered_at"], name="order_customer"),
            models.Index(fields=["ordered_at", "id"], name="order_day"),
            models.Index(fields=["import_run"], name="order_import", condition=Q(import_run__isnull=False)),
        ]
        verbose_name = _("order")
        verbose_name_plural = _("orders")

    def __str__(self) -> str:
        return self.number


class OrderLine(models.Model):
    order = models.ForeignKey(Order, models.CASCADE, db_index=False, related_name="lines", help_text=_("Its order."))
    position = models.PositiveIntegerField(_("position"), help_text=_("1, 2, 3 … within the order."))
    product = models.ForeignKey(
        Product,
        models.PROTECT,
        null=True,
        blank=True,
        related_name="+",
        verbose_name=_("product"),
        help_text=_("Product; empty when the stock code is not a product."),
    )
    sku = models.CharField(_("SKU"), max_length=64, blank=True, help_text=_("Stock code as given."))
    description = models.CharField(_("description"), max_length=200, blank=True, help_text=_("Text as given."))
    quantity = models.DecimalField(
        _("quantity"), max_digits=14, decimal_places=3, help_text=_("Pieces; negative for a return.")
    )
    unit_amount = models.DecimalField(_("unit price"), **MONEY, help_text=_("Price per piece in the order's currency."))
    amount = models.DecimalField(_("amount"), **MONEY, help_text=_("Quantity × unit price, in the order's currency."))
    at = models.DateTimeField(
        _("at"), null=True, blank=True, help_text=_("UTC; when it differs from the order's time.")
    )

    class Meta:
        ordering = ["order", "position"]
        constraints = [models.UniqueConstraint(fields=["order", "position"], name="order_line_once")]
        verbose_name = _("order line")
        verbose_name_plural = _("order lines")

    def __str__(self) -> str:
        return f"{self.quantity} × {self.sku}"

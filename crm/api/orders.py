"""Orders and products over the API, one by one and in batches."""

import re
from decimal import Decimal
from functools import partial
from typing import Any

from django.db.models import QuerySet
from django_filters import rest_framework as filters
from drf_spectacular.utils import extend_schema, inline_serializer
from rest_framework import serializers
from rest_framework.decorators import action
from rest_framework.fields import empty
from rest_framework.request import Request
from rest_framework.response import Response

from crm import actions, queries
from crm.actions import NewLine, NewOrder
from crm.api.customers_named import CustomersNamed
from crm.models import Order, OrderKind, Product
from crm.rest.batches import VerdictsSerializer, judged, rows_of
from crm.rest.endpoints import Endpoint, Listed, Retrieved
from crm.rest.filters import MomentFilter
from crm.rest.idempotency import idempotent
from crm.rest.serializers import ChoiceField, MomentField, StrictModelSerializer, StrictSerializer

MOST_ORDERS = 1000
money = partial(serializers.DecimalField, max_digits=16, decimal_places=4)
CURRENCY = r"^[A-Z]{3}$"
# A line as most are sent; each pattern lets in less than the field of its name.
PLAIN = {
    "sku": re.compile(r"[ -~]{0,64}"),
    "description": re.compile(r"[ -~]{0,200}"),
    "quantity": re.compile(r"-?[0-9]{1,11}(\.[0-9]{1,3})?"),
    "unit_amount": re.compile(r"-?[0-9]{1,12}(\.[0-9]{1,4})?"),
}


class LineSerializer(StrictSerializer):
    """One line; a return has a negative quantity."""

    position = serializers.IntegerField(read_only=True, help_text="1, 2, 3 …")
    sku = serializers.CharField(max_length=64, default="", allow_blank=True, help_text="Stock code.")
    description = serializers.CharField(max_length=200, default="", allow_blank=True, help_text="Text as given.")
    quantity = serializers.DecimalField(max_digits=14, decimal_places=3, help_text="Pieces.")
    unit_amount = money(help_text="Price per piece.")
    amount = money(required=False, help_text="Quantity × price; checked when given.")
    at = MomentField(default=None, allow_null=True, help_text="When it differs from the order's time.")

    def run_validation(self, data: Any = empty) -> Any:
        """A batch has thousands of lines; the fields take ten times as long to read a plain one."""
        return plain_line(data) or super().run_validation(data)


def plain_line(given: Any) -> dict[str, Any] | None:
    """The line as the fields would read it; None leaves whatever is less than plain to them."""
    if not isinstance(given, dict) or not {"quantity", "unit_amount"} <= given.keys() <= PLAIN.keys():
        return None
    if not all(isinstance(value, str) and PLAIN[name].fullmatch(value) for name, value in given.items()):
        return None
    texts = {name: given.get(name, "").strip(" ") for name in ("sku", "description")}
    return {**texts, "quantity": Decimal(given["quantity"]), "unit_amount": Decimal(given["unit_amount"]), "at": None}


class OrderSerializer(StrictSerializer):
    """An order with its lines, in one currency."""

    id = serializers.IntegerField(read_only=True)
    source = serializers.CharField(max_length=60, help_text="System the order came from.")  # type: ignore[assignment]
    number = serializers.CharField(max_length=64, help_text="Order number, unique in its source.")
    kind = ChoiceField(OrderKind.choices, default=OrderKind.SALE)
    customer = serializers.CharField(
        max_length=64,
        default=None,
        allow_null=True,
        source="customer.number",
        help_text="Customer number; null: guest.",
    )
    ordered_at = MomentField(help_text="With its zone.")
    channel = serializers.CharField(max_length=30, default="", allow_blank=True, help_text="web, store, phone, app …")
    currency = serializers.RegexField(CURRENCY, help_text="ISO 4217.")
    total_amount = money(required=False, help_text="Sum of the lines; checked when given.")
    country = serializers.CharField(max_length=60, default="", allow_blank=True, help_text="Country of delivery.")
    lines = LineSerializer(many=True, default=list)


class OrderFilters(filters.FilterSet):
    customer = filters.CharFilter("customer__number", label="Customer number.")
    updated_since = MomentFilter("updated_at", "gte")
    ordered_since = MomentFilter("ordered_at", "gte")

    class Meta:
        model = Order
        fields = ["source", "number", "kind", "channel"]


class Orders(Listed, Retrieved, Endpoint):
    """Orders of customers in scope. The same order again changes nothing."""

    rights = {
        "list": "orders.view",
        "retrieve": "orders.view",
        "create": "orders.record",
        "bulk": "orders.record",
    }
    queryset = Order.objects.none()
    serializer_class = OrderSerializer
    filterset_class = OrderFilters
    orderings = ["-id", "id", "updated_at", "-updated_at"]
    body_limit = 2 * 1024 * 1024
    faults_by_row = ("bulk",)

    def rows(self) -> QuerySet[Order]:
        return queries.orders(self.actor).select_related("customer").prefetch_related("lines")

    @extend_schema(responses={201: OrderSerializer, 200: OrderSerializer})
    @idempotent
    def create(self, request: Request) -> Response:
        """Record one order: 201 when new, 200 when the same order is kept already."""
        given = self.read(request)
        named = CustomersNamed([request.data], by=self.actor)
        row, is_new = actions.record_order(new_order(given, named), by=self.actor, at=self.at)
        return Response(self.get_serializer(row).data, status=201 if is_new else 200)

    @extend_schema(
        request=inline_serializer("OrderBatch", {"orders": OrderSerializer(many=True)}),
        responses={200: VerdictsSerializer},
    )
    @action(detail=False, methods=["post"])
    @idempotent
    def bulk(self, request: Request) -> Response:
        """Record up to 1,000 orders (2 MB); each gets its verdict, bad ones do not stop the good."""
        rows = rows_of(request.data, "orders", MOST_ORDERS)
        named, reader = CustomersNamed(rows, by=self.actor), self.get_serializer()

        def read(index: int, row: Any) -> NewOrder:
            return new_order(reader.run_validation(row), named)

        return Response(judged(rows, read, lambda good: actions.record_orders(good, by=self.actor, at=self.at)))


def new_order(values: dict[str, Any], named: CustomersNamed) -> NewOrder:
    """The order that the validated values describe. Raises CustomerUnknown."""
    values = dict(values)
    lines = tuple(NewLine(**line) for line in values.pop("lines"))
    number = values.pop("customer", {}).get("number")
    return NewOrder(**values, lines=lines, customer_id=named.id_of(number))


class ProductSerializer(StrictModelSerializer):
    """A product, known by its stock code."""

    class Meta:
        model = Product
        fields = ["id", "sku", "name", "category", "price_amount", "cost_amount", "currency", "created_at"]
        read_only_fields = ["created_at"]
        extra_kwargs = {"sku": {"validators": [], "max_length": 64}}


class ProductFilters(filters.FilterSet):
    class Meta:
        model = Product
        fields = ["sku", "category"]


class Products(Listed, Retrieved, Endpoint):
    """Products that order lines refer to."""

    rights = {"list": "orders.view", "retrieve": "orders.view", "create": "orders.record"}
    serializer_class = ProductSerializer
    filterset_class = ProductFilters
    orderings = ["-id", "id", "sku"]

    def rows(self) -> QuerySet[Product]:
        return queries.products(self.actor)

    @idempotent
    def create(self, request: Request) -> Response:
        """Add a product, or change the one of this stock code."""
        given = self.read(request)
        row, is_new = actions.record_product(values=given, by=self.actor, at=self.at)
        return Response(self.get_serializer(row).data, status=201 if is_new else 200)

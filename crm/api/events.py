"""Events over the API, one by one and in batches."""

import json
from typing import Any

from django.db.models import QuerySet
from django.utils.translation import gettext as _
from django_filters import rest_framework as filters
from drf_spectacular.utils import extend_schema, inline_serializer
from rest_framework import serializers
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response

from crm import actions, queries
from crm.actions import NewEvent
from crm.api.customers_named import CustomersNamed
from crm.models import Event
from crm.refusals import Refused
from crm.rest.batches import VerdictSerializer, VerdictsSerializer, judged, rows_of
from crm.rest.endpoints import Endpoint, Listed, Retrieved
from crm.rest.filters import MomentFilter
from crm.rest.idempotency import idempotent
from crm.rest.serializers import MomentField, StrictSerializer

MOST_EVENTS = 5000
LARGEST_EVENT = 32 * 1024
LARGEST_BATCH = 500 * 1024


class EventSerializer(StrictSerializer):
    """Something that happened to a customer, or to a visitor not yet known."""

    id = serializers.IntegerField(read_only=True)
    source = serializers.CharField(max_length=60, help_text="System the event came from.")  # type: ignore[assignment]
    source_id = serializers.CharField(max_length=100, help_text="Id given by the source; a repeat changes nothing.")
    type = serializers.CharField(max_length=60, help_text="page, cart, call, answer … (`order` is refused).")
    customer = serializers.CharField(
        max_length=64, default=None, allow_null=True, source="customer.number", help_text="Customer number."
    )
    anonymous_id = serializers.CharField(max_length=100, default="", allow_blank=True, help_text="Visitor id.")
    occurred_at = MomentField(help_text="With its zone.")
    value = serializers.DecimalField(max_digits=16, decimal_places=4, default=None, allow_null=True)
    channel = serializers.CharField(max_length=30, default="", allow_blank=True)
    category = serializers.CharField(max_length=80, default="", allow_blank=True)
    properties = serializers.DictField(child=serializers.JSONField(allow_null=True), default=dict)


class EventFilters(filters.FilterSet):
    customer = filters.CharFilter("customer__number", label="Customer number.")
    received_since = MomentFilter("received_at", "gte")

    class Meta:
        model = Event
        fields = ["type", "source", "channel", "category"]


class Events(Listed, Retrieved, Endpoint):
    """Events of customers in scope. The same event again changes nothing."""

    rights = {
        "list": "events.view",
        "retrieve": "events.view",
        "create": "events.record",
        "bulk": "events.record",
    }
    queryset = Event.objects.none()
    serializer_class = EventSerializer
    filterset_class = EventFilters
    orderings = ["-id", "id", "received_at", "-received_at"]
    body_limit = LARGEST_BATCH
    faults_by_row = ("bulk",)

    def rows(self) -> QuerySet[Event]:
        return queries.events(self.actor).select_related("customer")

    @extend_schema(responses={201: VerdictSerializer, 200: VerdictSerializer})
    @idempotent
    def create(self, request: Request) -> Response:
        """Record one event: 201 when new, 200 when it is kept already."""
        given = self.read(request)
        event = new_event(request.data, given, CustomersNamed([request.data], by=self.actor))
        verdict = actions.record_events([event], by=self.actor, at=self.at)[0]
        if verdict.status == actions.REFUSED:
            raise Refused(verdict.message, path=verdict.path, code=verdict.code)
        return Response(vars(verdict), status=201 if verdict.status == actions.STORED else 200)

    @extend_schema(
        request=inline_serializer("EventBatch", {"events": EventSerializer(many=True)}),
        responses={200: VerdictsSerializer},
    )
    @action(detail=False, methods=["post"])
    @idempotent
    def bulk(self, request: Request) -> Response:
        """Record up to 5,000 events (500 KB, 32 KB each); each gets its verdict, bad ones do not stop the good."""
        rows = rows_of(request.data, "events", MOST_EVENTS)
        named, reader = CustomersNamed(rows, by=self.actor), self.get_serializer()

        def read(index: int, row: Any) -> NewEvent:
            return new_event(row, reader.run_validation(row), named)

        return Response(judged(rows, read, lambda good: actions.record_events(good, by=self.actor, at=self.at)))


def new_event(given: Any, values: dict[str, Any], named: CustomersNamed) -> NewEvent:
    """The event that the validated values describe. Raises Refused when larger than 32 KB, CustomerUnknown."""
    if len(json.dumps(given, ensure_ascii=False).encode()) > LARGEST_EVENT:
        raise Refused(_("The event is larger than 32 KB."), code="too_large")
    values = dict(values)
    number = values.pop("customer", {}).get("number")
    return NewEvent(**values, customer_id=named.id_of(number))

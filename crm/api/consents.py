"""Consents over the API: what holds now, and what was said."""

from django.db.models import QuerySet
from django_filters import rest_framework as filters
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from crm import actions, queries
from crm.models import Channel, ConsentAct, ConsentEntry, ConsentState, Purpose
from crm.rest.endpoints import Endpoint, Listed
from crm.rest.filters import MomentFilter
from crm.rest.idempotency import idempotent
from crm.rest.serializers import ChoiceField, MomentField, ScopedField, StrictModelSerializer, StrictSerializer


class ConsentSerializer(StrictModelSerializer):
    """What holds now for one customer, purpose and channel."""

    customer = serializers.CharField(source="customer.number", read_only=True, help_text="Customer number.")

    class Meta:
        model = ConsentState
        fields = ["id", "customer", "purpose", "channel", "is_granted", "since_at", "expires_at", "updated_at"]


class ConsentEntrySerializer(StrictSerializer):
    """What a customer said. A grant needs evidence."""

    id = serializers.IntegerField(read_only=True)
    customer = ScopedField(queries.customers, "number", help_text="Customer number.")
    purpose = ChoiceField(Purpose.choices)
    channel = ChoiceField(Channel.choices)
    act = ChoiceField(ConsentAct.choices)
    at = MomentField(help_text="When the customer said so.")
    expires_at = MomentField(default=None, allow_null=True, help_text="A grant lapses then.")
    source = serializers.CharField(max_length=60, help_text="Form, call, unsubscribe link …")  # type: ignore[assignment]
    evidence = serializers.DictField(
        child=serializers.JSONField(allow_null=True), default=dict, help_text="Wording, address of the form …"
    )
    recorded_at = serializers.DateTimeField(read_only=True)


class ConsentFilters(filters.FilterSet):
    customer = filters.CharFilter("customer__number", label="Customer number.")
    updated_since = MomentFilter("updated_at", "gte")

    class Meta:
        model = ConsentState
        fields = ["purpose", "channel", "is_granted"]


class EntryFilters(filters.FilterSet):
    customer = filters.CharFilter("customer__number", label="Customer number.")

    class Meta:
        model = ConsentEntry
        fields = ["purpose", "channel", "act"]


class Consents(Listed, Endpoint):
    """Consent per purpose and channel, as it holds now."""

    rights = {"list": "consents.view", "create": "consents.withdraw"}
    serializer_class = ConsentSerializer
    filterset_class = ConsentFilters

    def rows(self) -> QuerySet[ConsentState]:
        return queries.consents(self.actor).select_related("customer")

    @extend_schema(request=ConsentEntrySerializer, responses={201: ConsentEntrySerializer})
    @idempotent
    def create(self, request: Request) -> Response:
        """Record what a customer said; opting out takes less right than a grant."""
        values = self.read(request, by=ConsentEntrySerializer)
        customer, said_at = values.pop("customer"), values.pop("at")
        entry = actions.record_consent(customer, said_at=said_at, by=self.actor, at=self.at, **values)
        return Response(ConsentEntrySerializer(entry, context=self.get_serializer_context()).data, status=201)


class ConsentEntries(Listed, Endpoint):
    """The append-only ledger of what customers said."""

    rights = {"list": "consents.view"}
    queryset = ConsentEntry.objects.none()
    serializer_class = ConsentEntrySerializer
    filterset_class = EntryFilters

    def rows(self) -> QuerySet[ConsentEntry]:
        return queries.consent_entries(self.actor).select_related("customer")

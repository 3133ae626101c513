"""Requests about personal data over the API."""

from django.db.models import QuerySet
from django_filters import rest_framework as filters
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response

from crm import actions, queries
from crm.models import PrivacyRequest, RequestState
from crm.rest.endpoints import Endpoint, Listed, Retrieved
from crm.rest.idempotency import idempotent
from crm.rest.serializers import ChoiceField, ScopedField, StrictModelSerializer, StrictSerializer


class PrivacyRequestSerializer(StrictModelSerializer):
    """A person uses a right; due in one month."""

    customer = ScopedField(queries.customers, "number", help_text="Customer number.")

    class Meta:
        model = PrivacyRequest
        fields = [
            "id", "customer", "kind", "came_by", "words", "asked_on", "due_on", "state", "filed_at", "decided_at",
            "outcome", "extended_because",
        ]  # fmt: skip
        read_only_fields = ["due_on", "state", "filed_at", "decided_at", "outcome", "extended_because"]
        extra_kwargs = {"asked_on": {"required": False}}


class DecisionSerializer(StrictModelSerializer):
    """Done, or refused with the reason."""

    state = ChoiceField(RequestState.choices[1:], help_text="done or refused.")

    class Meta:
        model = PrivacyRequest
        fields = ["state", "outcome"]


class ExtensionSerializer(StrictSerializer):
    """Why it takes longer."""

    because = serializers.CharField(max_length=1000, help_text="Told to the person within the first month.")


class PrivacyRequestFilters(filters.FilterSet):
    class Meta:
        model = PrivacyRequest
        fields = ["state", "kind"]


class PrivacyRequests(Listed, Retrieved, Endpoint):
    """Requests of customers in scope."""

    rights = {
        "list": "privacy.view",
        "retrieve": "privacy.view",
        "create": "privacy.file",
        "decide": "privacy.execute",
        "extend": "privacy.execute",
    }
    serializer_class = PrivacyRequestSerializer
    filterset_class = PrivacyRequestFilters

    def rows(self) -> QuerySet[PrivacyRequest]:
        return queries.privacy_requests(self.actor).select_related("customer")

    @idempotent
    def create(self, request: Request) -> Response:
        """File a request; it came today unless told."""
        values = self.read(request)
        row = actions.file_request(values.pop("customer"), by=self.actor, at=self.at, **values)
        return Response(self.get_serializer(row).data, status=201)

    @extend_schema(request=DecisionSerializer)
    @action(detail=True, methods=["post"])
    @idempotent
    def decide(self, request: Request, pk: str) -> Response:
        """Done, or refused; 409 when it is decided already."""
        given = self.read(request, by=DecisionSerializer)
        values = {"outcome": "", **given}
        row = actions.decide_request(self.get_object(), by=self.actor, at=self.at, **values)
        return Response(self.get_serializer(row).data)

    @extend_schema(request=ExtensionSerializer)
    @action(detail=True, methods=["post"])
    @idempotent
    def extend(self, request: Request, pk: str) -> Response:
        """Two months more, with the reason; 409 when it is decided, or was prolonged before."""
        given = self.read(request, by=ExtensionSerializer)
        row = actions.extend_request(self.get_object(), by=self.actor, at=self.at, **given)
        return Response(self.get_serializer(row).data)

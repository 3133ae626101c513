"""The REST API of features: the catalogue with its quality, and the profile of one customer."""

from decimal import Decimal
from typing import Any

from django.shortcuts import get_object_or_404
from django.urls import path
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import extend_schema, extend_schema_field
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from crm import queries as crm_queries
from crm.rest.endpoints import Endpoint
from profiles import queries
from profiles.queries import FeatureValue
from profiles.surveys.api import router as surveys


class FeatureSerializer(serializers.Serializer):
    """A feature and how far it can be trusted; shares are 0–1, null where no snapshot has been built."""

    key = serializers.CharField(source="feature.key")
    label = serializers.CharField(source="feature.label")  # type: ignore[assignment]
    label_fi = serializers.CharField(source="feature.label_fi")
    kind = serializers.CharField(source="feature.kind")
    dimension = serializers.CharField(source="feature.dimension")
    unit = serializers.CharField(source="feature.unit")
    choices = serializers.ListField(source="feature.choices", child=serializers.CharField())
    sensitivity = serializers.CharField(source="feature.sensitivity")
    source = serializers.CharField(source="feature.source")  # type: ignore[assignment]
    coverage_share = serializers.FloatField()
    valid_share = serializers.FloatField(allow_null=True)
    changed_at = serializers.DateTimeField(allow_null=True)


class FeatureListSerializer(serializers.Serializer):
    results = FeatureSerializer(many=True)
    next = serializers.CharField(allow_null=True)


class ValueSerializer(serializers.Serializer):
    """A feature of one customer: null is missing; amounts are text."""

    key = serializers.CharField(source="feature.key")
    kind = serializers.CharField(source="feature.kind")
    source = serializers.CharField(source="feature.source")  # type: ignore[assignment]
    value = serializers.SerializerMethodField(method_name="told")
    since = serializers.DateTimeField(allow_null=True)

    @extend_schema_field(OpenApiTypes.ANY)
    def told(self, one: FeatureValue) -> Any:
        return str(one.value) if isinstance(one.value, Decimal) else one.value


class ProfileSerializer(serializers.Serializer):
    as_of = serializers.DateTimeField()
    features = ValueSerializer(many=True)


class Features(Endpoint):
    """The catalogue: every feature the caller may see, with coverage, validity and freshness."""

    rights = {"list": "features.view"}
    serializer_class = FeatureListSerializer

    @extend_schema(responses=FeatureListSerializer)
    def list(self, request: Request) -> Response:
        found = [one for one in queries.quality() if queries.is_open_to(self.actor, one.feature)]
        return Response(FeatureListSerializer({"results": found, "next": None}).data)


class CustomerFeatures(Endpoint):
    """The profile of one customer in scope, as of the current snapshot."""

    rights = {"retrieve": "features.view"}
    serializer_class = ProfileSerializer

    @extend_schema(responses=ProfileSerializer)
    def retrieve(self, request: Request, pk: int) -> Response:
        customer = get_object_or_404(crm_queries.customers(self.actor), pk=pk)
        values = [one for one in queries.features_of(customer.pk) if queries.is_open_to(self.actor, one.feature)]
        answer: dict[str, Any] = {"as_of": queries.current().as_of, "features": values}
        return Response(ProfileSerializer(answer).data)


urlpatterns = [
    path("features/", Features.as_view({"get": "list"}), name="features-list"),
    path("customers/<int:pk>/features/", CustomerFeatures.as_view({"get": "retrieve"}), name="customer-features"),
    *surveys.urls,
]

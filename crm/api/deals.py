"""Deals, pipelines and the reasons for losing over the API."""

from typing import Any

from django.db.models import Prefetch, QuerySet
from django_filters import rest_framework as filters
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response

from crm import actions, queries
from crm.models import Deal, DealMove, LostReason, Pipeline, PipelineStage
from crm.rest.endpoints import Endpoint, Listed, Retrieved
from crm.rest.filters import MomentFilter
from crm.rest.idempotency import idempotent
from crm.rest.serializers import ScopedField, StrictModelSerializer, StrictSerializer


class DealSerializer(StrictModelSerializer):
    """A chance to sell. Analysts get rows without free texts; the stage of a deal is changed by `move`."""

    customer = ScopedField(queries.customers, "number", required=False, allow_null=True, help_text="Customer number.")
    company = ScopedField(queries.companies, "number", required=False, allow_null=True, help_text="Company number.")
    owner = ScopedField(queries.colleagues, "username", required=False, allow_null=True, help_text="User name.")
    stage = serializers.CharField(source="stage.slug", read_only=True, help_text="Slug of the stage.")
    pipeline = serializers.CharField(source="stage.pipeline.slug", read_only=True, help_text="Slug of the pipeline.")
    lost_reason = serializers.CharField(source="lost_reason.slug", read_only=True, default=None)

    class Meta:
        model = Deal
        fields = [
            "id", "title", "note", "customer", "company", "owner", "amount", "currency", "probability_share",
            "expected_on", "pipeline", "stage", "stage_since_at", "status", "lost_reason", "lost_note", "closed_at",
            "created_at", "updated_at",
        ]  # fmt: skip
        read_only_fields = ["stage_since_at", "status", "lost_note", "closed_at", "created_at", "updated_at"]
        extra_kwargs = {"currency": {"required": False, "help_text": "ISO 4217; the firm's own unless said."}}


def _stages(actor: Any) -> QuerySet[PipelineStage]:
    return queries.stages(actor)


class MoveSerializer(StrictSerializer):
    """Where a deal moves: the id of a stage, from `pipelines`."""

    stage = ScopedField(_stages, "pk", help_text="Id of the stage.")


class LoseSerializer(StrictSerializer):
    """Why a deal is lost."""

    reason = ScopedField(queries.lost_reasons, "slug", help_text="Slug of the reason.")
    note = serializers.CharField(max_length=1000, default="", allow_blank=True)


class DealStepSerializer(StrictModelSerializer):
    """One step of a deal: opened, moved, won, lost or reopened."""

    from_stage = serializers.CharField(source="from_stage.slug", read_only=True, default=None)
    to_stage = serializers.CharField(source="to_stage.slug", read_only=True)
    by = serializers.CharField(source="by.username", read_only=True, default=None)

    class Meta:
        model = DealMove
        fields = ["id", "from_stage", "to_stage", "status", "at", "by"]


class DealFilters(filters.FilterSet):
    customer = filters.CharFilter("customer__number", label="Customer number.")
    company = filters.CharFilter("company__number", label="Company number.")
    owner = filters.CharFilter("owner__username", label="User name.")
    stage = filters.CharFilter("stage__slug", label="Slug of the stage.")
    pipeline = filters.CharFilter("stage__pipeline__slug", label="Slug of the pipeline.")
    updated_since = MomentFilter("updated_at", "gte")

    class Meta:
        model = Deal
        fields = ["status", "currency"]


class Deals(Listed, Retrieved, Endpoint):
    """Deals with customers and companies in scope."""

    rights = {
        "list": "deals.view",
        "retrieve": "deals.view",
        "moves": "deals.view",
        "create": "deals.change",
        "partial_update": "deals.change",
        "move": "deals.change",
        "win": "deals.change",
        "lose": "deals.change",
        "reopen": "deals.change",
    }
    serializer_class = DealSerializer
    filterset_class = DealFilters
    orderings = ["-id", "id", "expected_on", "-expected_on", "updated_at", "-updated_at"]
    listing_actions = ("moves",)

    def rows(self) -> QuerySet[Deal]:
        named = ("customer", "company", "owner", "stage__pipeline", "lost_reason")
        return queries.deals(self.actor).select_related(*named)

    @idempotent
    def create(self, request: Request) -> Response:
        """Open a deal in the first stage; its owner is the caller unless named."""
        given = self.read(request)
        row = actions.create_deal(values=given, by=self.actor, at=self.at)
        return Response(self.get_serializer(row).data, status=201)

    @idempotent
    def partial_update(self, request: Request, pk: str) -> Response:
        """Change the fields named; the others stay."""
        row = self.get_object()
        given = self.read(request, row)
        row = actions.change_deal(row, values=given, by=self.actor, at=self.at)
        return Response(self.get_serializer(row).data)

    @extend_schema(request=MoveSerializer)
    @action(detail=True, methods=["post"])
    @idempotent
    def move(self, request: Request, pk: str) -> Response:
        """To another stage; 409 when the deal is closed."""
        row, given = self.get_object(), self.read(request, by=MoveSerializer)
        return self._told(actions.move_deal(row, given["stage"], by=self.actor, at=self.at))

    @extend_schema(request=None)
    @action(detail=True, methods=["post"])
    @idempotent
    def win(self, request: Request, pk: str) -> Response:
        """Won; 409 when it is not open."""
        return self._told(actions.win_deal(self.get_object(), by=self.actor, at=self.at))

    @extend_schema(request=LoseSerializer)
    @action(detail=True, methods=["post"])
    @idempotent
    def lose(self, request: Request, pk: str) -> Response:
        """Lost, with its reason; 409 when it is not open."""
        row, given = self.get_object(), self.read(request, by=LoseSerializer)
        return self._told(actions.lose_deal(row, by=self.actor, at=self.at, **given))

    @extend_schema(request=None)
    @action(detail=True, methods=["post"])
    @idempotent
    def reopen(self, request: Request, pk: str) -> Response:
        """On again; 409 when it is open."""
        return self._told(actions.reopen_deal(self.get_object(), by=self.actor, at=self.at))

    @extend_schema(responses=DealStepSerializer(many=True))
    @action(detail=True, methods=["get"])
    def moves(self, request: Request, pk: str) -> Response:
        """The steps of a deal."""
        rows = queries.deal_moves(self.actor).filter(deal=self.get_object())
        page = self.paginate_queryset(rows.select_related("from_stage", "to_stage", "by"))
        return self.get_paginated_response(DealStepSerializer(page, many=True).data)

    def _told(self, row: Deal) -> Response:
        return Response(self.get_serializer(self.rows().get(pk=row.pk)).data)


class StageSerializer(StrictModelSerializer):
    """A stage of a pipeline."""

    class Meta:
        model = PipelineStage
        fields = ["id", "slug", "name", "name_fi", "position", "probability_share", "slow_after_days"]


class PipelineSerializer(StrictModelSerializer):
    """A pipeline with its stages in order."""

    stages = StageSerializer(many=True, read_only=True)

    class Meta:
        model = Pipeline
        fields = ["id", "slug", "name", "name_fi", "position", "stages"]


class Pipelines(Listed, Retrieved, Endpoint):
    """Pipelines and their stages, kept by administrators backstage."""

    rights = {"list": "deals.view", "retrieve": "deals.view"}
    serializer_class = PipelineSerializer
    orderings = ["id", "-id"]

    def rows(self) -> QuerySet[Pipeline]:
        actions.default_pipeline(at=self.at)
        return queries.pipelines(self.actor).prefetch_related(Prefetch("stages", queryset=_stages(self.actor)))


class LostReasonSerializer(StrictModelSerializer):
    """A reason for losing."""

    class Meta:
        model = LostReason
        fields = ["id", "slug", "name", "name_fi", "position"]


class LostReasons(Listed, Endpoint):
    """Why deals may be lost, kept by administrators backstage."""

    rights = {"list": "deals.view"}
    serializer_class = LostReasonSerializer
    orderings = ["id", "-id"]

    def rows(self) -> QuerySet[LostReason]:
        actions.default_pipeline(at=self.at)
        return queries.lost_reasons(self.actor)

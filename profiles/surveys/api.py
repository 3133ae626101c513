"""Surveys over the API: drawn up, opened, closed, read; and the address of one customer."""

from typing import Any

from django.db.models import QuerySet
from django.shortcuts import get_object_or_404
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.routers import SimpleRouter

from crm import queries as crm_queries
from crm.rest.endpoints import Endpoint, Listed, Retrieved
from crm.rest.idempotency import idempotent
from crm.rest.serializers import ScopedField, StrictModelSerializer
from profiles.models import Question, Survey
from profiles.surveys import addresses, drafting, results


def own_fields(actor: Any) -> QuerySet:
    return crm_queries.fields(actor).filter(entity="customer", archived_at=None)


class QuestionSerializer(StrictModelSerializer):
    """One question; `field` is the key of the custom field that keeps its answer."""

    key = serializers.SlugField(max_length=40, required=False)
    choices = serializers.ListField(child=serializers.CharField(max_length=200), required=False, max_length=30)
    choices_fi = serializers.ListField(child=serializers.CharField(max_length=200), required=False, max_length=30)
    field = ScopedField(own_fields, "key", required=False, allow_null=True)

    class Meta:
        model = Question
        fields = ["key", "kind", "text", "text_fi", "choices", "choices_fi", "is_required", "field"]


class SurveySerializer(StrictModelSerializer):
    """A survey. Questions are given whole; they stay once somebody answered."""

    questions = QuestionSerializer(many=True, required=False)
    holds_months = serializers.IntegerField(
        required=False, allow_null=True, min_value=1, max_value=drafting.LONGEST_HOLD,
        help_text="For how many months answers hold in the fields that keep them; null: for ever.",
    )  # fmt: skip

    class Meta:
        model = Survey
        fields = ["id", "slug", "title", "title_fi", "intro", "intro_fi", "holds_months", "status", "questions",
                  "created_at", "opened_at", "closed_at"]  # fmt: skip
        read_only_fields = ["slug", "status", "created_at", "opened_at", "closed_at"]


class ScoreSerializer(serializers.Serializer):
    """NPS in points from −100 to 100, satisfaction as a share; the interval at 95 %."""

    name = serializers.CharField()
    value = serializers.FloatField()
    low = serializers.FloatField()
    high = serializers.FloatField()


class FoundSerializer(serializers.Serializer):
    question = serializers.CharField(source="question.key")
    answered = serializers.IntegerField()
    counts = serializers.DictField(child=serializers.IntegerField())
    score = ScoreSerializer(allow_null=True)


class SurveyResultsSerializer(serializers.Serializer):
    """How often each value was given; own words are read on the page."""

    sheets = serializers.IntegerField()
    questions = FoundSerializer(many=True)


class SurveyLinkSerializer(serializers.Serializer):
    url = serializers.URLField()


class Surveys(Listed, Retrieved, Endpoint):
    """Surveys, and what they found."""

    rights = {
        "list": "surveys.view",
        "retrieve": "surveys.view",
        "create": "surveys.change",
        "partial_update": "surveys.change",
        "open": "surveys.change",
        "close": "surveys.change",
        "results": "surveys.view",
        "link": "surveys.change",
    }
    serializer_class = SurveySerializer
    query_parameters = ("customer",)

    def rows(self) -> QuerySet[Survey]:
        return drafting.surveys(self.actor).prefetch_related("questions__field")

    @idempotent
    def create(self, request: Request) -> Response:
        """Draw up a survey; it takes answers once it is opened."""
        given = self.read(request)
        questions = given.pop("questions", [])
        row = drafting.create_survey(values=given, questions=questions, by=self.actor, at=self.at)
        return Response(self.get_serializer(row).data, status=201)

    @idempotent
    def partial_update(self, request: Request, pk: str) -> Response:
        """Change texts; questions too while nobody has answered, else 409."""
        row = self.get_object()
        given = self.read(request, row)
        questions = given.pop("questions", None)
        drafting.change_survey(row, values=given, questions=questions, by=self.actor, at=self.at)
        return Response(self.get_serializer(self.get_object()).data)

    @extend_schema(request=None)
    @action(detail=True, methods=["post"])
    @idempotent
    def open(self, request: Request, pk: str) -> Response:
        """Take answers from now on."""
        return self._moved("open")

    @extend_schema(request=None)
    @action(detail=True, methods=["post"])
    @idempotent
    def close(self, request: Request, pk: str) -> Response:
        """Take no more answers; it may be opened again."""
        return self._moved("close")

    def _moved(self, move: str) -> Response:
        drafting.move_survey(self.get_object(), move, by=self.actor, at=self.at)
        return Response(self.get_serializer(self.get_object()).data)

    @extend_schema(responses=SurveyResultsSerializer)
    @action(detail=True)
    def results(self, request: Request, pk: str) -> Response:
        """Counts per question, and scores from thirty answers on."""
        row = self.get_object()
        questions = [{**vars(one), "counts": dict(one.counts)} for one in results.results(row)]
        return Response(SurveyResultsSerializer({"sheets": results.sheets(row), "questions": questions}).data)

    @extend_schema(responses=SurveyLinkSerializer)
    @action(detail=True)
    def link(self, request: Request, pk: str) -> Response:
        """The address of one customer, named by `customer` (the number)."""
        row, number = self.get_object(), request.query_params.get("customer", "")
        customer = get_object_or_404(crm_queries.customers(self.actor), number=number)
        return Response({"url": addresses.url(row, customer.pk)})


router = SimpleRouter()
router.register("surveys", Surveys, basename="surveys")

"""Topics over the API: named, offered or not, with how many people do not want each."""

from typing import Any

from django.db.models import QuerySet
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from campaigns import topics
from campaigns.models import Topic
from crm.rest.endpoints import Endpoint, Listed, Retrieved
from crm.rest.idempotency import idempotent
from crm.rest.serializers import StrictModelSerializer


class TopicSerializer(StrictModelSerializer):
    carried_by = serializers.IntegerField(read_only=True, help_text="Campaigns.")
    refused_by = serializers.IntegerField(read_only=True, help_text="People who do not want it.")

    class Meta:
        model = Topic
        fields = ["id", *topics.CHANGEABLE, "carried_by", "refused_by"]
        extra_kwargs: dict[str, Any] = {name: {"validators": []} for name in topics.NAMES}  # the action judges them


class Topics(Listed, Retrieved, Endpoint):
    """What campaigns are about, as customers read it where they choose what they get."""

    rights = {
        "list": "campaigns.view",
        "retrieve": "campaigns.view",
        "create": "campaigns.change",
        "partial_update": "campaigns.change",
    }
    serializer_class = TopicSerializer

    def rows(self) -> QuerySet[Topic]:
        return topics.topics()

    @idempotent
    def create(self, request: Request) -> Response:
        """Name a topic."""
        row = topics.keep_topic(self.read(request), by=self.actor, at=self.at)
        return self.told(row, status=201)

    @idempotent
    def partial_update(self, request: Request, pk: str) -> Response:
        """Rename it, or offer it no longer."""
        row = self.get_object()
        return self.told(topics.keep_topic(self.read(request, row), topic=row, by=self.actor, at=self.at))

    def told(self, row: Topic, status: int = 200) -> Response:
        return Response(TopicSerializer(self.rows().get(pk=row.pk)).data, status=status)

"""Letters to one customer over the API: written, read with what became of them, taken back in time."""

from django.db.models import QuerySet
from django_filters import rest_framework as filters
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from campaigns import correspondence, tasks
from campaigns.models import Message
from crm import queries as crm_queries
from crm.rest.endpoints import Endpoint, Listed, Retrieved
from crm.rest.idempotency import idempotent
from crm.rest.serializers import ScopedField, StrictModelSerializer


class LetterSerializer(StrictModelSerializer):
    """An e-mail of one person to one customer, and how it stands."""

    customer = ScopedField(crm_queries.customers, "number", help_text="Customer number.")
    subject = serializers.CharField(source="variant.subject", max_length=correspondence.LONGEST_SUBJECT)
    text = serializers.CharField(source="variant.text", max_length=correspondence.LONGEST, trim_whitespace=False)
    is_offer = serializers.BooleanField(
        default=False, write_only=True, help_text="An offer needs consent; else it is about their own matter."
    )
    purpose = serializers.CharField(source="run.campaign.purpose", read_only=True, help_text="marketing or service.")
    written_by = serializers.CharField(source="run.campaign.owner.username", read_only=True, allow_null=True)
    written_at = serializers.DateTimeField(source="run.started_at", read_only=True)

    class Meta:
        model = Message
        fields = [
            "id", "customer", "subject", "text", "is_offer", "purpose", "written_by", "written_at", "state", "reason",
            "final_at",
        ]  # fmt: skip
        read_only_fields = ["state", "reason", "final_at"]


class LetterFilters(filters.FilterSet):
    customer = filters.CharFilter("customer__number", label="Customer number.")

    class Meta:
        model = Message
        fields: list[str] = []


class Letters(Listed, Retrieved, Endpoint):
    """E-mails that persons wrote to customers in scope."""

    rights = {
        "list": "customers.identify",
        "retrieve": "customers.identify",
        "create": "letters.write",
        "destroy": "letters.write",
    }
    serializer_class = LetterSerializer
    filterset_class = LetterFilters

    def rows(self) -> QuerySet[Message]:
        return correspondence.letters(self.actor)

    @idempotent
    def create(self, request: Request) -> Response:
        """Write to a customer; it leaves after twenty seconds. Refused in words when something speaks against it."""
        values = self.read(request)
        letter = correspondence.write_letter(
            values["customer"], **values["variant"], is_offer=values["is_offer"], by=self.actor, at=self.at
        )
        tasks.poke_later(letter.run_id, correspondence.TAKEN_BACK_WITHIN)
        return Response(self.get_serializer(self.rows().get(pk=letter.pk)).data, status=201)

    def destroy(self, request: Request, pk: str) -> Response:
        """Do not send it after all; refused when it has left."""
        correspondence.take_back(self.get_object(), by=self.actor, at=self.at)
        return Response(status=204)

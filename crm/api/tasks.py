"""Tasks, calls and meetings over the API."""

from typing import Any

from django.db.models import QuerySet
from django_filters import rest_framework as filters
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response

from crm import actions, due, queries
from crm.models import Event, Outcome, Priority, Task, TaskKind
from crm.refusals import Refused
from crm.rest.endpoints import Endpoint, Listed, Retrieved
from crm.rest.filters import MomentFilter
from crm.rest.idempotency import idempotent
from crm.rest.serializers import ChoiceField, ScopedField, StrictModelSerializer, StrictSerializer


class TaskSerializer(StrictModelSerializer):
    """What somebody is to do. Analysts get rows without free texts.

    Give `due_at` with its zone, or `due_on` for any time of that day.
    """

    customer = ScopedField(queries.customers, "number", required=False, allow_null=True, help_text="Customer number.")
    company = ScopedField(queries.companies, "number", required=False, allow_null=True, help_text="Company number.")
    deal = ScopedField(queries.deals, "pk", required=False, allow_null=True, help_text="Id of the deal.")
    owner = ScopedField(queries.colleagues, "username", required=False, allow_null=True, help_text="User name.")
    due_on = serializers.DateField(required=False, write_only=True, help_text="A whole day of the firm.")

    class Meta:
        model = Task
        fields = [
            "id", "title", "note", "script", "kind", "customer", "company", "deal", "owner", "due_at", "due_on",
            "has_time", "duration_minutes", "place", "priority", "remind_at", "status", "outcome", "outcome_note",
            "done_at", "source", "source_ref", "created_at", "updated_at",
        ]  # fmt: skip
        read_only_fields = [
            "has_time", "status", "outcome", "outcome_note", "done_at", "source", "source_ref", "created_at",
            "updated_at",
        ]  # fmt: skip
        extra_kwargs = {"due_at": {"required": False}, "priority": {"help_text": "1 high, 2 normal, 3 low."}}

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        """One way to say when: a moment, or a day that ends at the firm's midnight."""
        day = attrs.pop("due_on", None)
        if day is not None and "due_at" in attrs:
            raise serializers.ValidationError({"due_on": ["Give due_at or due_on, not both."]})
        if day is not None:
            return {**attrs, "due_at": due.end_of(day), "has_time": False}
        return {**attrs, "has_time": True} if "due_at" in attrs else attrs


class OutcomeSerializer(StrictSerializer):
    """What came of a task."""

    outcome = ChoiceField(Outcome.choices, default="", allow_blank=True, help_text="For calls and meetings.")
    note = serializers.CharField(max_length=4000, default="", allow_blank=True)


class SnoozeSerializer(StrictSerializer):
    """Until when a task is put off."""

    until = serializers.DateField(help_text="A day of the firm.")


HIGHEST_ID = 2**63 - 1


class TaskFilters(filters.FilterSet):
    customer = filters.CharFilter("customer__number", label="Customer number.")
    owner = filters.CharFilter("owner__username", label="User name.")
    deal = filters.NumberFilter("deal_id", label="Id of the deal.", min_value=1, max_value=HIGHEST_ID, decimal_places=0)
    kind = filters.ChoiceFilter(choices=TaskKind.choices)
    priority = filters.ChoiceFilter(choices=Priority.choices)
    due_since = MomentFilter("due_at", "gte")
    due_until = MomentFilter("due_at", "lte")

    class Meta:
        model = Task
        fields = ["status", "source", "source_ref"]


class Tasks(Listed, Retrieved, Endpoint):
    """Tasks about customers and companies in scope, and one's teams' own."""

    rights = {
        "list": "tasks.view",
        "retrieve": "tasks.view",
        "create": "tasks.change",
        "partial_update": "tasks.change",
        "finish": "tasks.change",
        "cancel": "tasks.change",
        "reopen": "tasks.change",
        "snooze": "tasks.change",
    }
    serializer_class = TaskSerializer
    filterset_class = TaskFilters
    orderings = ["-id", "id", "due_at", "-due_at"]

    def rows(self) -> QuerySet[Task]:
        return queries.tasks(self.actor).select_related("customer", "company", "owner")

    @idempotent
    def create(self, request: Request) -> Response:
        """Plan a task; its owner is the caller unless named."""
        given = self.read(request)
        if "due_at" not in given:
            raise Refused("Give due_at or due_on.", path="due_at", code="required")
        row = actions.create_task(values=given, by=self.actor, at=self.at)
        return Response(self.get_serializer(row).data, status=201)

    @idempotent
    def partial_update(self, request: Request, pk: str) -> Response:
        """Change the fields named; the others stay."""
        row = self.get_object()
        given = self.read(request, row)
        row = actions.change_task(row, values=given, by=self.actor, at=self.at)
        return Response(self.get_serializer(row).data)

    @extend_schema(request=OutcomeSerializer)
    @action(detail=True, methods=["post"])
    @idempotent
    def finish(self, request: Request, pk: str) -> Response:
        """It is done; 409 when it is not open."""
        row, given = self.get_object(), self.read(request, by=OutcomeSerializer)
        row = actions.finish_task(row, by=self.actor, at=self.at, **given)
        return Response(self.get_serializer(row).data)

    @extend_schema(request=None)
    @action(detail=True, methods=["post"])
    @idempotent
    def cancel(self, request: Request, pk: str) -> Response:
        """It need not be done; 409 when it is not open."""
        return Response(self.get_serializer(actions.cancel_task(self.get_object(), by=self.actor, at=self.at)).data)

    @extend_schema(request=None)
    @action(detail=True, methods=["post"])
    @idempotent
    def reopen(self, request: Request, pk: str) -> Response:
        """It is to be done after all; 409 when it is open."""
        return Response(self.get_serializer(actions.reopen_task(self.get_object(), by=self.actor, at=self.at)).data)

    @extend_schema(request=SnoozeSerializer)
    @action(detail=True, methods=["post"])
    @idempotent
    def snooze(self, request: Request, pk: str) -> Response:
        """Put it off to another day; its time of day stays."""
        row, given = self.get_object(), self.read(request, by=SnoozeSerializer)
        row = actions.snooze_task(row, until=given["until"], by=self.actor, at=self.at)
        return Response(self.get_serializer(row).data)


class FollowUpSerializer(StrictSerializer):
    """The task that follows a call or meeting."""

    title = serializers.CharField(max_length=200)
    due_on = serializers.DateField(help_text="A day of the firm.")
    kind = ChoiceField(TaskKind.choices, default=TaskKind.CALL)


class ContactSerializer(StrictSerializer):
    """A call or meeting that just took place."""

    id = serializers.IntegerField(read_only=True, help_text="Id of the event.")
    customer = ScopedField(queries.customers, "number", help_text="Customer number.")
    kind = ChoiceField([(kind.value, kind.label) for kind in actions.OUTCOMES], default=TaskKind.CALL)
    outcome = ChoiceField(Outcome.choices)
    note = serializers.CharField(max_length=4000, default="", allow_blank=True)
    task = ScopedField(queries.tasks, "pk", default=None, allow_null=True, help_text="Id of the task it satisfies.")
    follow_up = FollowUpSerializer(default=None, allow_null=True)


class LoggedSerializer(StrictSerializer):
    """What was written down: the event, the tasks it satisfied, and the one that follows."""

    event = serializers.IntegerField()
    satisfied = serializers.ListField(child=serializers.IntegerField())
    follow_up = serializers.IntegerField(allow_null=True)


class Contacts(Endpoint):
    """Calls and meetings with customers in scope; they become events of the customer."""

    rights = {"create": "tasks.change", "destroy": "tasks.change"}
    queryset = Event.objects.none()
    serializer_class = ContactSerializer

    def rows(self) -> QuerySet[Event]:
        return actions.contacts_of(queries.events(self.actor))

    @extend_schema(request=ContactSerializer, responses={201: LoggedSerializer})
    @idempotent
    def create(self, request: Request) -> Response:
        """Write down a call or meeting, close the tasks that asked for it, and plan what follows."""
        values = self.read(request)
        if follow := values.pop("follow_up"):
            follow = {"title": follow["title"], "kind": follow["kind"], "due_at": due.end_of(follow["due_on"])}
        customer = values.pop("customer")
        if values["task"] and values["task"].customer_id != customer.pk:
            raise Refused("This task is about somebody else.", path="task")
        done = actions.log_contact(customer, follow_up=follow, by=self.actor, at=self.at, **values)
        body = {
            "event": done.event.pk,
            "satisfied": [one.pk for one in done.satisfied],
            "follow_up": done.follow_up.pk if done.follow_up else None,
        }
        return Response(body, status=201)

    def destroy(self, request: Request, pk: str) -> Response:
        """Take back what one wrote down oneself within the last day: the task planned with it goes unless it was
        changed since, the tasks it satisfied are open again. 409 when it is too late."""
        actions.take_back_contact(self.get_object(), by=self.actor, at=self.at)
        return Response(status=204)

"""The REST API of segments."""

from datetime import UTC, datetime
from typing import Any

from django.db.models import QuerySet
from django.shortcuts import get_object_or_404
from django.utils.dateparse import parse_date, parse_datetime
from django.utils.timezone import is_naive
from django.utils.translation import gettext as _
from django_filters import rest_framework as filters
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import serializers
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.routers import SimpleRouter

from crm import keyset
from crm import queries as crm_queries
from crm.refusals import ManyRefused, Refused, at_path
from crm.rest.endpoints import Endpoint, Listed, Retrieved
from crm.rest.filters import DeclaredFilters, MaskedFilters
from crm.rest.idempotency import idempotent
from crm.rest.serializers import MomentField, StrictModelSerializer, StrictSerializer
from segments import actions, definitions, evaluation, history, personas, queries, transfers, wording
from segments.models import Persona, Segment, SegmentKind
from segments.rules import schema
from segments.rules.errors import RuleError

WRITABLE = ("name", "description", "purpose", "period_minutes", "stale_after_minutes", "review_on")


class SegmentSerializer(StrictModelSerializer):
    rule = serializers.JSONField(required=False, allow_null=True)
    sentence = serializers.SerializerMethodField(help_text="The rule in words, in the caller's language.")
    is_stale = serializers.SerializerMethodField(help_text="Older than its limit: not used for sending.")
    owner: serializers.SlugRelatedField = serializers.SlugRelatedField("username", read_only=True)

    class Meta:
        model = Segment
        fields = [
            "id", "slug", *WRITABLE, "kind", "rule", "rule_version", "sentence", "owner", "size", "is_stale",
            "due_at", "refreshed_at", "failures", "error", "created_at", "updated_at",
        ]  # fmt: skip
        read_only_fields = [
            "rule_version", "size", "due_at", "refreshed_at", "failures", "error", "created_at", "updated_at",
        ]  # fmt: skip
        extra_kwargs = {"slug": {"required": False}}

    def get_sentence(self, segment: Segment) -> str:
        return queries.sentence(segment.rule, self.context["view"].actor.language)

    def get_is_stale(self, segment: Segment) -> bool:
        return queries.is_stale(segment, at=self.context["view"].at)

    def validate_kind(self, kind: str) -> str:
        if kind == "cluster":
            raise serializers.ValidationError(_("Clusters are accepted from a clustering."))
        return kind


class PersonSerializer(serializers.Serializer):
    """A customer as lists of members show one; names are empty for callers who may not see them."""

    id = serializers.IntegerField()
    number = serializers.CharField()
    first_name = serializers.CharField()
    last_name = serializers.CharField()
    email = serializers.CharField()
    city = serializers.CharField()
    stage = serializers.CharField()


class PreviewRequestSerializer(StrictSerializer):
    rule = serializers.JSONField(help_text="A rule as in /segments/rule-schema/.")
    purpose = serializers.ChoiceField(["marketing", "service", "analysis"], default="marketing")
    as_of = MomentField(required=False, help_text="Evaluate as of then; now if left out.")


class ChannelReachSerializer(serializers.Serializer):
    """Customers left after each step: an address, then consent, then not suppressed."""

    channel = serializers.CharField()
    matches = serializers.IntegerField()
    has_address = serializers.IntegerField()
    consents = serializers.IntegerField()
    not_suppressed = serializers.IntegerField()


class PreviewSerializer(serializers.Serializer):
    size = serializers.IntegerField()
    reach = ChannelReachSerializer(many=True)
    sentence = serializers.CharField()
    warnings = serializers.ListField(
        child=serializers.CharField(), help_text="Features that may stand for fields which must not be used."
    )
    sample = PersonSerializer(many=True)
    as_of = serializers.DateTimeField()


class MembersSerializer(StrictSerializer):
    customers = serializers.ListField(child=serializers.IntegerField(min_value=1), max_length=10_000, min_length=1)


class MovementSerializer(serializers.Serializer):
    size = serializers.IntegerField()
    entered = serializers.IntegerField()
    left = serializers.IntegerField()


class FindingSerializer(serializers.Serializer):
    key = serializers.CharField(help_text="Which check it is.")
    words = serializers.CharField()
    advice = serializers.CharField()


class UseSerializer(serializers.Serializer):
    kind = serializers.CharField()
    name = serializers.CharField()
    at = serializers.DateTimeField(allow_null=True)


class HealthSerializer(serializers.Serializer):
    """The health of a segment: A (nothing to mend) to E, with the reasons, the worst first."""

    grade = serializers.CharField()
    findings = FindingSerializer(many=True)
    used_by = UseSerializer(many=True)
    review_on = serializers.DateField(allow_null=True)
    measured_at = serializers.DateTimeField(allow_null=True, help_text="When overlap and coverage were measured.")


class OverlapSerializer(serializers.Serializer):
    """Two segments: members of both, the share of the first's members who are in the second, and the Jaccard index."""

    segment = serializers.CharField()
    other = serializers.CharField()
    shared = serializers.IntegerField()
    share = serializers.FloatField()
    jaccard = serializers.FloatField()


class FlowSerializer(serializers.Serializer):
    """A segment over a period, in customers. `moved`: who left it and came into each of the others asked for."""

    segment = serializers.CharField()
    before = serializers.IntegerField()
    after = serializers.IntegerField()
    stayed = serializers.IntegerField()
    moved = serializers.DictField(child=serializers.IntegerField())
    elsewhere = serializers.IntegerField(help_text="Left it and came into none of the others.")
    new = serializers.IntegerField(help_text="Came into it from none of the others.")


class PeriodSerializer(serializers.Serializer):
    """Four weeks of today's members; amounts in the firm's currency, null where sales of those weeks are not known."""

    first = serializers.DateField()
    last = serializers.DateField()
    spend = serializers.FloatField(allow_null=True)
    orders = serializers.IntegerField(allow_null=True)
    spend_before = serializers.FloatField(allow_null=True, help_text="In the same weeks a year before.")
    orders_before = serializers.IntegerField(allow_null=True)
    margin = serializers.FloatField(allow_null=True, help_text="Of the orders of which it is known.")
    margin_before = serializers.FloatField(allow_null=True)


class SaidSerializer(serializers.Serializer):
    """NPS in points from −100 to 100, satisfaction as a share; the interval at 95 %."""

    value = serializers.FloatField()
    low = serializers.FloatField()
    high = serializers.FloatField()


class QuarterSerializer(serializers.Serializer):
    """Thirteen weeks of answers of today's members, by the kind of question; null where fewer than 30 answered."""

    first = serializers.DateField()
    last = serializers.DateField()
    scores = serializers.DictField(child=SaidSerializer(allow_null=True))
    scores_before = serializers.DictField(
        child=SaidSerializer(allow_null=True), help_text="In the same weeks a year before."
    )


class MeanSerializer(serializers.Serializer):
    feature = serializers.CharField()
    people = serializers.IntegerField()
    mean = serializers.FloatField(allow_null=True)
    low = serializers.FloatField(allow_null=True, help_text="95 % interval.")
    high = serializers.FloatField(allow_null=True)


class WorthSerializer(serializers.Serializer):
    periods = PeriodSerializer(many=True)
    quarters = QuarterSerializer(many=True)
    means = MeanSerializer(many=True)
    size_a_year_ago = serializers.IntegerField(allow_null=True)


class DaySizeSerializer(serializers.Serializer):
    """Members at the end of a day of the firm. `is_before`: the segment was not made yet, so it is what today's rule
    would have found; `reason` says why that cannot be told."""

    day = serializers.DateField()
    size = serializers.IntegerField(allow_null=True)
    is_before = serializers.BooleanField()
    reason = serializers.CharField(allow_blank=True)


class DistinctionSerializer(serializers.Serializer):
    """A feature in which members differ from everyone: means of numbers, shares of values."""

    feature = serializers.CharField()
    value = serializers.CharField(allow_null=True)
    inside = serializers.FloatField()
    low = serializers.FloatField(allow_null=True, help_text="95 % interval of `inside`.")
    high = serializers.FloatField(allow_null=True)
    everyone = serializers.FloatField()
    lift = serializers.FloatField(allow_null=True)
    strength = serializers.FloatField(help_text="Difference in standard deviations.")


class PersonaSerializer(serializers.ModelSerializer):
    class Meta:
        model = Persona
        fields = [*personas.WORDS, "written_at"]


class PersonaWordsSerializer(StrictModelSerializer):
    class Meta:
        model = Persona
        fields = personas.WORDS


class DriftSerializer(serializers.Serializer):
    """A distinction that moved since the words were written; null where it set nobody apart."""

    feature = serializers.CharField()
    value = serializers.CharField(allow_null=True)
    then = serializers.FloatField(allow_null=True)
    now = serializers.FloatField(allow_null=True)


class PersonaNowSerializer(serializers.Serializer):
    """The persona: `written` is null until somebody writes it; `moved` is what changed since."""

    written = PersonaSerializer(allow_null=True)
    computed = DistinctionSerializer(many=True)
    moved = DriftSerializer(many=True)


class ReasonSerializer(serializers.Serializer):
    path = serializers.CharField(help_text="Where the condition stands in the rule.")
    words = serializers.CharField()
    counts = serializers.BooleanField(help_text="Whether it counts as true for the customer.")
    seen = serializers.CharField(help_text="The value seen; empty when missing, or not for the caller's eyes.")
    is_missing = serializers.BooleanField(help_text="Nothing is known to tell it by; the rule says what counts then.")


class ExplanationSerializer(serializers.Serializer):
    """Why a customer is in or not; `changes` are the fewest conditions that would have to turn for the answer to."""

    is_in = serializers.BooleanField()
    reasons = ReasonSerializer(many=True)
    changes = ReasonSerializer(many=True)


class DefinitionsRequestSerializer(StrictSerializer):
    definitions = serializers.JSONField(help_text="A file of segments as GET gives it.")
    dry_run = serializers.BooleanField(default=False, help_text="Only say what would change.")
    file_name = serializers.CharField(default="", max_length=200, allow_blank=True)


class SettingSerializer(serializers.Serializer):
    name = serializers.CharField()
    before = serializers.CharField(allow_null=True)
    after = serializers.CharField(allow_null=True)


class SegmentStepSerializer(serializers.Serializer):
    """What happens to one segment: `removed` and `added` are conditions; the people are null where not counted."""

    slug = serializers.CharField()
    name = serializers.CharField()
    verb = serializers.ChoiceField(["new", "changed", "restored", "same"])
    settings = SettingSerializer(many=True)
    sentence = serializers.CharField()
    before = serializers.CharField(help_text="The rule as it was, in words; empty where it stays or is new.")
    removed = serializers.ListField(child=serializers.CharField(), source="changes.removed", default=list)
    added = serializers.ListField(child=serializers.CharField(), source="changes.added", default=list)
    size = serializers.IntegerField(allow_null=True)
    entering = serializers.IntegerField()
    leaving = serializers.IntegerField()
    reason = serializers.CharField(help_text="Why nobody was counted; empty otherwise.")


class PlanSerializer(serializers.Serializer):
    steps = SegmentStepSerializer(many=True)
    is_empty = serializers.BooleanField(help_text="Nothing would change.")
    import_id = serializers.IntegerField(allow_null=True, help_text="What undo asks for; null for a dry run.")


class VersionSerializer(serializers.Serializer):
    version = serializers.IntegerField()
    rule = serializers.JSONField()
    sentence = serializers.CharField(help_text="The rule in English at that time.")
    at = serializers.DateTimeField()


class VersionRequestSerializer(StrictSerializer):
    version = serializers.IntegerField(min_value=1, max_value=2**31 - 1)


class SegmentFilters(filters.FilterSet):
    class Meta:
        model = Segment
        fields = ["slug", "kind", "purpose"]


MOST_COMPARED = 60
SLUGS = OpenApiParameter("slugs", OpenApiTypes.STR, description="Short names of segments, with commas between.")
CUSTOMER = OpenApiParameter("customer", OpenApiTypes.INT, description="Id of a customer.", required=True)
SINCE = OpenApiParameter("since", OpenApiTypes.DATETIME, description="A moment with its zone, or a day: its end.")
UNTIL = OpenApiParameter("until", OpenApiTypes.DATETIME, description="A moment with its zone, or a day: its end; now.")
AS_OF = OpenApiParameter(
    "as_of", OpenApiTypes.DATETIME, description="A moment with its zone, or a day: its end in the firm's zone."
)


class Segments(Listed, Retrieved, Endpoint):
    """Segments: rules, named lists and accepted clusters."""

    rights = {
        "list": "segments.view",
        "retrieve": "segments.view",
        "create": "segments.change",
        "partial_update": "segments.change",
        "destroy": "segments.change",
        "preview": "segments.view",
        "rule_schema": "segments.view",
        "members": "segments.view",
        "add": "segments.change",
        "remove": "segments.change",
        "refresh": "segments.change",
        "health": "segments.view",
        "review": "segments.change",
        "overlap": "segments.view",
        "flows": "segments.view",
        "worth": "segments.view",
        "distinctions": "segments.view",
        "persona": "segments.view",
        "reach": "segments.view",
        "why": "segments.view",
        "write_persona": "segments.change",
        "definitions": "segments.view",
        "take_definitions": "segments.change",
        "undo_definitions": "segments.change",
        "sizes": "segments.view",
        "versions": "segments.view",
        "return_to_version": "segments.change",
    }
    serializer_class = SegmentSerializer
    filterset_class = SegmentFilters
    orderings = ["name", "-name", "-id", "id", "size", "-size"]
    query_parameters = ("as_of", "slugs", "since", "until", "customer")
    listing_actions = ("members",)

    def rows(self) -> QuerySet[Segment]:
        return queries.segments(self.actor)

    @idempotent
    def create(self, request: Request) -> Response:
        given = self._checked(SegmentSerializer(data=request.data, context=self.get_serializer_context()))
        segment = _or_refused(actions.create_segment, **given, by=self.actor, at=self.at)
        return Response(self.get_serializer(segment).data, status=201)

    def partial_update(self, request: Request, pk: str) -> Response:
        segment = self.get_object()
        fields = SegmentSerializer(segment, request.data, partial=True, context=self.get_serializer_context())
        given = self._checked(fields)
        for fixed in ("slug", "kind"):
            if given.pop(fixed, getattr(segment, fixed)) != getattr(segment, fixed):
                raise Refused(_("This does not change once the segment exists."), path=fixed)
        segment = _or_refused(actions.change_segment, segment=segment, **given, by=self.actor, at=self.at)
        return Response(self.get_serializer(segment).data)

    def destroy(self, request: Request, pk: str) -> Response:
        """Archive: every membership is closed, nothing is lost."""
        actions.archive_segment(segment=self.get_object(), by=self.actor, at=self.at)
        return Response(status=204)

    @extend_schema(request=PreviewRequestSerializer, responses=PreviewSerializer)
    @action(detail=False, methods=["post"])
    def preview(self, request: Request) -> Response:
        """A rule answered without saving it: exact size, its sentence, a few customers."""
        given = self._checked(PreviewRequestSerializer(data=request.data))
        draft = Segment(slug="", purpose=given["purpose"])
        rule = _or_refused(actions.check_rule, rule=given["rule"], segment=draft, by=self.actor)
        answer = queries.preview(rule, self.actor, as_of=given.get("as_of", self.at))
        warnings = wording.proxies(queries.proxies(rule, draft.purpose), self.actor)
        return Response(PreviewSerializer({**vars(answer), "warnings": warnings}).data)

    @extend_schema(responses=OpenApiTypes.OBJECT)
    @action(detail=False, url_path="rule-schema")
    def rule_schema(self, request: Request) -> Response:
        """JSON Schema of the rule language with the features known now."""
        return Response(schema.rule_schema(queries.catalogue()))

    @extend_schema(parameters=[SLUGS], responses=OpenApiTypes.OBJECT, filters=False)
    @action(detail=False, filterset_class=None, pagination_class=None)
    def definitions(self, request: Request) -> Response:
        """The definitions of all segments, or of the named ones, as a file."""
        slugs = [slug for slug in request.query_params.get("slugs", "").split(",") if slug]
        rows = {one.slug: one for one in (self.rows().filter(slug__in=slugs) if slugs else self.rows())}
        for i, slug in enumerate(slugs):
            if slug not in rows:
                raise Refused(_("There is no such segment."), path=f"slugs[{i}]", code="not_found")
        return Response(definitions.document(transfers.exported(rows.values())))

    @extend_schema(request=DefinitionsRequestSerializer, responses=PlanSerializer)
    @definitions.mapping.post
    @idempotent
    def take_definitions(self, request: Request) -> Response:
        """Take a file of segments, or say in words and in people what it would change."""
        given = self._checked(DefinitionsRequestSerializer(data=request.data))
        try:
            found = definitions.read(given["definitions"], reserved=actions.RESERVED)
            plan = transfers.plan(found, by=self.actor, at=self.at)
            row = None if given["dry_run"] else self._take(found, plan, given["file_name"])
        except ManyRefused as fault:
            raise ManyRefused([_below(one) for one in fault.faults]) from fault
        except Refused as fault:
            raise _below(fault) from fault
        told = {"steps": plan.steps, "is_empty": plan.is_empty, "import_id": row and row.pk}
        return Response(PlanSerializer(told).data)

    def _take(self, found: Any, plan: transfers.Plan, file_name: str) -> Any:
        return transfers.import_segments(found, file_name=file_name, mark=plan.mark, by=self.actor, at=self.at)

    @extend_schema(request=None, responses={204: None})
    @action(detail=False, methods=["post"], url_path=r"definitions/(?P<number>[0-9]{1,18})/undo")
    def undo_definitions(self, request: Request, number: str) -> Response:
        """Give the segments of an import their previous definitions, and archive those it made."""
        row = get_object_or_404(queries.imports(self.actor), pk=int(number))
        transfers.undo_import(row=row, by=self.actor, at=self.at)
        return Response(status=204)

    @extend_schema(responses=VersionSerializer(many=True))
    @action(detail=True, filterset_class=None, pagination_class=None)
    def versions(self, request: Request, pk: str) -> Response:
        """Every rule the segment had, the newest first."""
        return Response(VersionSerializer(queries.versions(self.get_object()), many=True).data)

    @extend_schema(request=VersionRequestSerializer, responses=SegmentSerializer)
    @versions.mapping.post
    @idempotent
    def return_to_version(self, request: Request, pk: str) -> Response:
        """Give the segment the rule of an earlier version again."""
        segment, given = self.get_object(), self._checked(VersionRequestSerializer(data=request.data))
        version = queries.versions(segment).filter(version=given["version"]).first()
        if version is None:
            raise Refused(_("There is no such version."), path="version", code="not_found")
        segment = _or_refused(actions.return_to_version, segment=segment, version=version, by=self.actor, at=self.at)
        return Response(self.get_serializer(segment).data)

    @extend_schema(parameters=[AS_OF], responses=PersonSerializer(many=True))
    @action(detail=True, filterset_class=None, filter_backends=[MaskedFilters, DeclaredFilters])
    def members(self, request: Request, pk: str) -> Response:
        """Customers in the segment now, or as of a moment, that the caller may see."""
        rows = queries.members(self.get_object(), self.actor, as_of=_moment(request.query_params.get("as_of", "")))
        page = self._page(rows)
        return self.get_paginated_response(
            PersonSerializer(page, many=True, context=self.get_serializer_context()).data
        )

    @extend_schema(request=MembersSerializer, responses=MovementSerializer)
    @members.mapping.post
    @idempotent
    def add(self, request: Request, pk: str) -> Response:
        """Add customers to a named list."""
        return self._change_list(actions.add_members, request)

    @extend_schema(request=MembersSerializer, responses=MovementSerializer)
    @members.mapping.delete
    def remove(self, request: Request, pk: str) -> Response:
        """Take customers off a named list."""
        return self._change_list(actions.remove_members, request)

    @extend_schema(request=None, responses={202: SegmentSerializer})
    @action(detail=True, methods=["post"])
    @idempotent
    def refresh(self, request: Request, pk: str) -> Response:
        """Make the segment due now; a worker is told at once."""
        segment = self.get_object()
        actions.request_refresh(segment=segment, by=self.actor, at=self.at)
        segment.refresh_from_db()
        return Response(self.get_serializer(segment).data, status=202)

    @extend_schema(responses=HealthSerializer)
    @action(detail=True, filterset_class=None, pagination_class=None)
    def health(self, request: Request, pk: str) -> Response:
        """How well the segment is kept: its letter, the reasons, and what rests on it."""
        return Response(self._health(self.get_object()))

    @extend_schema(request=None, responses=HealthSerializer)
    @action(detail=True, methods=["post"])
    @idempotent
    def review(self, request: Request, pk: str) -> Response:
        """Write down that a person looked at the segment and lets it stand."""
        return Response(self._health(actions.review_segment(segment=self.get_object(), by=self.actor, at=self.at)))

    def _health(self, segment: Segment) -> dict[str, Any]:
        found = queries.health([segment], at=self.at)[segment.pk]
        told = {
            "grade": found.grade,
            "findings": found.findings,
            "used_by": queries.uses_of(segment, self.actor),
            "review_on": segment.review_on,
            "measured_at": segment.measured_at,
        }
        return dict(HealthSerializer(told).data)

    @extend_schema(parameters=[SLUGS, AS_OF], responses=OverlapSerializer(many=True), filters=False)
    @action(detail=False, filterset_class=None, pagination_class=None)
    def overlap(self, request: Request) -> Response:
        """How many members each two of the named segments share, now or as of a moment."""
        found = self._named(request)
        alike = queries.overlap(found, at=_moment(request.query_params.get("as_of", "")))
        rows = [
            {
                "segment": one.slug,
                "other": other.slug,
                "shared": alike.shared[i, j],
                "share": alike.share[i, j],
                "jaccard": alike.jaccard[i, j],
            }
            for i, one in enumerate(found)
            for j, other in enumerate(found)
            if i != j
        ]
        return Response(OverlapSerializer(rows, many=True).data)

    @extend_schema(parameters=[SLUGS, SINCE, UNTIL], responses=FlowSerializer(many=True), filters=False)
    @action(detail=False, filterset_class=None, pagination_class=None)
    def flows(self, request: Request) -> Response:
        """Who moved between the named segments from one moment to another."""
        found = self._named(request)
        since = _moment(request.query_params.get("since", ""), path="since")
        if since is None:
            raise Refused(_("Say since when."), path="since")
        until = _moment(request.query_params.get("until", ""), path="until")
        if until and until < since:
            raise Refused(_("It ends before it begins."), path="until")
        moved = queries.flows(found, since=since, until=until)
        rows = [
            {
                "segment": one.slug,
                "before": moved.before[i],
                "after": moved.after[i],
                "stayed": moved.stayed[i],
                "moved": {other.slug: int(moved.moved[i, j]) for j, other in enumerate(found) if j != i},
                "elsewhere": moved.away[i],
                "new": moved.fresh[i],
            }
            for i, one in enumerate(found)
        ]
        return Response(FlowSerializer(rows, many=True).data)

    @extend_schema(responses=WorthSerializer)
    @action(detail=True, filterset_class=None, pagination_class=None)
    def worth(self, request: Request, pk: str) -> Response:
        """What the members spend and say, beside the same weeks a year before, and means of scores."""
        segment = self.get_object()
        told = {
            "periods": queries.spending([segment], at=self.at)[segment.pk],
            "quarters": queries.satisfaction([segment], at=self.at)[segment.pk],
            "means": queries.means([segment], at=self.at)[segment.pk],
            "size_a_year_ago": queries.size_a_year_ago(segment, at=self.at),
        }
        return Response(WorthSerializer(told).data)

    @extend_schema(responses=DaySizeSerializer(many=True))
    @action(detail=True, filterset_class=None, pagination_class=None)
    def sizes(self, request: Request, pk: str) -> Response:
        """The size at the end of each of the last 90 days; one day a week from before the segment was made."""
        segment = self.get_object()
        first = history.day_of(self.at - history.CURVE)
        try:
            before = queries.sizes_before(segment, first=first, at=self.at)
        except (queries.NotEvaluable, RuleError):
            before = ()
        made = max(first, history.day_of(segment.created_at))
        curve = queries.size_curve(segment.pk, first=made, last=history.day_of(self.at))
        rows = [{"day": one.day, "size": one.size, "is_before": True, "reason": one.reason} for one in before]
        rows += [{"day": one.day, "size": one.size, "is_before": False, "reason": ""} for one in curve]
        return Response(DaySizeSerializer(rows, many=True).data)

    @extend_schema(responses=DistinctionSerializer(many=True))
    @action(detail=True, filterset_class=None, pagination_class=None)
    def distinctions(self, request: Request, pk: str) -> Response:
        """What sets the members apart from everyone, the telling features first."""
        return Response(DistinctionSerializer(queries.sets_apart(self.get_object(), at=self.at), many=True).data)

    @extend_schema(parameters=[CUSTOMER], responses=ExplanationSerializer)
    @action(detail=True, filterset_class=None, pagination_class=None)
    def why(self, request: Request, pk: str) -> Response:
        """Why a customer in the caller's scope is in the segment or not, and the smallest change that would turn it."""
        segment, asked = self.get_object(), keyset.row_id(request.query_params.get("customer", ""))
        if segment.kind != SegmentKind.RULE:
            raise Refused(_("Only rule segments have a rule."), path="id")
        if asked is None:
            raise Refused(_("Say which customer, by number."), path="customer")
        customer = get_object_or_404(crm_queries.customers(self.actor), pk=asked)
        told = _or_refused(queries.explanation, segment=segment, customer_id=customer.pk, actor=self.actor, at=self.at)
        return Response(ExplanationSerializer(told).data)

    @extend_schema(responses=ChannelReachSerializer(many=True))
    @action(detail=True, filterset_class=None, pagination_class=None)
    def reach(self, request: Request, pk: str) -> Response:
        """How many members can be written to, by channel."""
        return Response(ChannelReachSerializer(queries.reach(self.get_object(), at=self.at), many=True).data)

    @extend_schema(responses=PersonaNowSerializer)
    @action(detail=True, filterset_class=None, pagination_class=None)
    def persona(self, request: Request, pk: str) -> Response:
        """The picture of a typical member: what people wrote, what the data say, and what moved since."""
        return Response(PersonaNowSerializer(queries.persona(self.get_object(), at=self.at)).data)

    @extend_schema(request=PersonaWordsSerializer, responses=PersonaNowSerializer)
    @persona.mapping.patch
    def write_persona(self, request: Request, pk: str) -> Response:
        """Change the words of the persona."""
        segment = self.get_object()
        words = self._checked(PersonaWordsSerializer(data=request.data, partial=True))
        actions.write_persona(segment=segment, words=words, by=self.actor, at=self.at)
        return Response(PersonaNowSerializer(queries.persona(segment, at=self.at)).data)

    def _named(self, request: Request) -> list[Segment]:
        """The segments of `slugs`, in that order. Raises Refused for one that is none."""
        slugs = [slug for slug in request.query_params.get("slugs", "").split(",") if slug]
        rows = {one.slug: one for one in self.rows().filter(slug__in=slugs)}
        for i, slug in enumerate(slugs):
            if slug not in rows:
                raise Refused(_("There is no such segment."), path=f"slugs[{i}]", code="not_found")
        if not 2 <= len(slugs) <= MOST_COMPARED:
            raise Refused(_("Name from 2 to %(most)s segments.") % {"most": MOST_COMPARED}, path="slugs")
        return [rows[slug] for slug in dict.fromkeys(slugs)]

    def _change_list(self, change: Any, request: Request) -> Response:
        given = self._checked(MembersSerializer(data=request.data))
        moved = change(segment=self.get_object(), customers=given["customers"], by=self.actor, at=self.at)
        return Response(MovementSerializer(moved).data)

    def _page(self, rows: QuerySet) -> list[Any]:
        self.orderings = ["-id", "id"]  # type: ignore[misc]
        return list(self.paginate_queryset(rows) or [])

    def _checked(self, fields: serializers.BaseSerializer) -> dict[str, Any]:
        fields.is_valid(raise_exception=True)
        return dict(fields.validated_data)


def _below(fault: Refused) -> Refused:
    """The same refusal with its place in the body of the request."""
    path = "definitions" if fault.path in ("", "$") else at_path("definitions", fault.path)
    found = Refused(fault.message, path=path, choices=fault.choices, code=fault.code)
    found.status = fault.status  # type: ignore[misc]
    return found


def _or_refused(door: Any, **given: Any) -> Any:
    """Call a door; a fault of the rule gets its place below `rule`."""
    try:
        return door(**given)
    except RuleError as fault:
        said = evaluation.reason(fault)
        raise Refused(said, path=f"rule.{fault.path}", choices=fault.choices or None, code="rule") from fault


def _moment(given: str, path: str = "as_of") -> datetime | None:
    if not given:
        return None
    try:
        day = parse_date(given)
        moment = queries.end_of_day(day) if day else parse_datetime(given.replace(" ", "+"))
        in_utc = moment.astimezone(UTC) if moment and not is_naive(moment) else None
    except (ValueError, OverflowError):
        in_utc = None
    if in_utc is None:
        raise Refused(_("A day (2026-05-01) or a time with its zone (2026-05-01T12:00:00Z)."), path=path)
    return in_utc


router = SimpleRouter()
router.register("segments", Segments, "segments")
urlpatterns = router.urls

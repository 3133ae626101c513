"""The REST API of campaigns: drafts, reach, launch and the account of every message."""

from typing import Any, ClassVar

from django.db.models import QuerySet
from django.http import HttpResponse
from django_filters import rest_framework as filters
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.decorators import action
from rest_framework.generics import get_object_or_404
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.routers import SimpleRouter

from campaigns import actions, api_checks, checking, notes, queries, rollout, tasks
from campaigns.api_letters import Letters
from campaigns.api_topics import Topics
from campaigns.models import Campaign, Message, Run, Topic, Variant, VariantText, WebhookTarget
from campaigns.results import files, shape
from crm import queries as crm_queries
from crm.refusals import NotPossibleNow
from crm.rest.endpoints import Endpoint, Listed, Retrieved
from crm.rest.idempotency import idempotent
from crm.rest.serializers import StrictModelSerializer, StrictSerializer

SEGMENTS = Campaign._meta.get_field("include").related_model


def segment_field(**options: Any) -> serializers.Field:
    return serializers.SlugRelatedField(slug_field="slug", queryset=SEGMENTS._default_manager.all(), **options)


class VariantTextSerializer(StrictModelSerializer):
    segment = segment_field(required=False, allow_null=True)

    class Meta:
        model = VariantText
        fields = ["segment", "language", "subject", "preheader", "html", "text"]
        validators: ClassVar[list[Any]] = []


class VariantSerializer(StrictModelSerializer):
    texts = VariantTextSerializer(many=True, required=False)

    class Meta:
        model = Variant
        fields = ["key", "name", "weight", "is_mass", "subject", "preheader", "html", "text", "texts"]


class RunSerializer(StrictModelSerializer):
    class Meta:
        model = Run
        fields = ["id", "occurrence_key", "status", "pause_reason", "resume_at", "expected", "started_at", "sealed_at"]
        read_only_fields = fields


class CampaignSerializer(StrictModelSerializer):
    slug = serializers.SlugField(max_length=80, required=False)
    include = segment_field(many=True, required=False)
    exclude = segment_field(many=True, required=False)
    variants = VariantSerializer(many=True, required=False)
    runs = RunSerializer(many=True, read_only=True)
    webhook: serializers.Field = serializers.SlugRelatedField(
        slug_field="name", queryset=WebhookTarget.objects.all(), required=False, allow_null=True
    )
    topic: serializers.Field = serializers.PrimaryKeyRelatedField(
        queryset=Topic.objects.all(), required=False, allow_null=True, help_text="Who does not want it gets nothing."
    )
    asked_by: serializers.Field = serializers.SlugRelatedField(slug_field="username", read_only=True)
    approved_by: serializers.Field = serializers.SlugRelatedField(slug_field="username", read_only=True)

    class Meta:
        model = Campaign
        fields = [
            "id",
            "slug",
            "name",
            "description",
            "status",
            "channel",
            "webhook",
            "purpose",
            "topic",
            "goal",
            "goal_event",
            "window_days",
            "guardrails",
            "worthwhile_lift",
            "holdout_share",
            "waves",
            "wave_hours",
            "include",
            "exclude",
            "budget_amount",
            "cost_per_message_amount",
            "currency",
            "from_name",
            "from_email",
            "reply_to",
            "send_at",
            "send_from",
            "send_until",
            "send_weekdays",
            "priority",
            "on_ambiguous",
            "asked_by",
            "asked_at",
            "approved_by",
            "approved_at",
            "variants",
            "runs",
            "created_at",
            "updated_at",
        ]
        read_only_fields = ["id", "status", "asked_at", "approved_at", "created_at", "updated_at"]


class ReachStepSerializer(serializers.Serializer):
    key = serializers.CharField(help_text="has_address, consents, not_suppressed, within_caps or will_get_it.")
    label = serializers.CharField()  # type: ignore[assignment]
    count = serializers.IntegerField(help_text="Members left after this step.")
    losses = serializers.DictField(child=serializers.IntegerField(), help_text="Members lost here, by reason.")


class ReachSerializer(serializers.Serializer):
    matches = serializers.IntegerField(help_text="Members of the segments.")
    steps = ReachStepSerializer(many=True)


class AccountSerializer(serializers.Serializer):
    campaign = serializers.CharField()
    run = serializers.IntegerField()
    status = serializers.CharField()
    pause_reason = serializers.CharField()
    resume_at = serializers.DateTimeField(allow_null=True)
    sealed_at = serializers.DateTimeField(allow_null=True)
    expected = serializers.IntegerField(allow_null=True, help_text="Members sealed; the states add up to it.")
    states = serializers.DictField(child=serializers.IntegerField())
    losses = serializers.DictField(child=serializers.IntegerField())
    reach = serializers.DictField()
    is_accounted_for = serializers.BooleanField()
    unresolved = serializers.IntegerField(help_text="Messages that may or may not have left.")


class MessageSerializer(StrictModelSerializer):
    variant: serializers.Field = serializers.SlugRelatedField(slug_field="key", read_only=True)

    class Meta:
        model = Message
        fields = ["id", "run", "customer", "variant", "channel", "state", "reason", "code", "attempts", "final_at"]
        read_only_fields = fields


def share(words: str) -> serializers.FloatField:
    return serializers.FloatField(allow_null=True, help_text=words)


class IntervalSerializer(serializers.Serializer):
    difference = share("Variant minus the other arm, in the unit of the goal.")
    low = share("Lower end of the 95% interval.")
    high = share("Upper end.")
    p_value = share("Two-sided.")


class LiftSerializer(serializers.Serializer):
    estimate = share("Share of the other arm's value: 0.2 is 20% more.")
    low = share("Lower end of the 95% interval.")
    high = share("Upper end.")


class ComparisonSerializer(IntervalSerializer):
    lift = LiftSerializer(allow_null=True)
    method = serializers.CharField()


class PairSerializer(serializers.Serializer):
    variant = serializers.CharField()
    against = serializers.CharField(help_text="Key of a version, or hold_out.")
    once = ComparisonSerializer(allow_null=True, help_text="Valid at one look, at the end.")
    always = IntervalSerializer(allow_null=True, help_text="Valid however often one looks; decisions use it.")
    pooled = IntervalSerializer(allow_null=True, help_text="After borrowing from the other segments.")
    cannot_tell = serializers.CharField(allow_null=True, help_text="Why nothing can be told.")


class RateSerializer(serializers.Serializer):
    people = serializers.IntegerField()
    did = serializers.IntegerField()
    rate = share("0–1.")
    low = share("Lower end of the 95% interval.")
    high = share("Upper end.")


class ArmSerializer(serializers.Serializer):
    key = serializers.CharField()
    name = serializers.CharField()
    role = serializers.CharField(help_text="variant or hold_out.")
    people = serializers.IntegerField(help_text="Everybody allocated, whether or not the message arrived.")
    value = share("The goal: a rate 0–1, or money per person.")
    low = share("Lower end of its 95% interval.")
    high = share("Upper end.")
    chance_to_be_best = share("0–1; null for the hold-out.")
    expected_loss = share("If it is chosen and is not the best, in the unit of the goal.")
    revenue = serializers.DecimalField(16, 4, allow_null=True, help_text="After returns; for everybody only.")
    revenue_per_member = share("After returns.")
    rates = serializers.DictField(child=RateSerializer(), help_text="open, click … are people's; open_any counts all.")


class DecisionSerializer(serializers.Serializer):
    kind = serializers.CharField(help_text="variant, hold_out_is_as_good or no_decision.")
    variant = serializers.CharField(allow_null=True)
    code = serializers.CharField()
    sentence = serializers.CharField()
    q_value = share("p-value after control of false discoveries over the segments.")


class RatioSerializer(serializers.Serializer):
    is_suspect = serializers.BooleanField()
    p_value = serializers.FloatField()
    counted = serializers.DictField(child=serializers.IntegerField())
    expected = serializers.DictField(child=serializers.FloatField())


class DetectableSerializer(serializers.Serializer):
    difference = serializers.FloatField()
    lift = serializers.FloatField()
    power = serializers.FloatField()


class VetoSerializer(serializers.Serializer):
    variant = serializers.CharField()
    guardrail = serializers.CharField()
    rate = serializers.FloatField()
    limit = serializers.FloatField()


class CausedSerializer(serializers.Serializer):
    total = serializers.FloatField(help_text="Revenue beyond what the hold-out shows would have come anyway.")
    low = share("Lower end of the 95% interval.")
    high = share("Upper end.")
    per_member = serializers.FloatField()
    cost = serializers.FloatField()
    net = serializers.FloatField()
    return_on_spend = share("Total ÷ cost; null when it cost nothing.")
    return_low = share("Lower end of its 95% interval.")
    return_high = share("Upper end.")


class BetweenSerializer(serializers.Serializer):
    variant = serializers.CharField()
    against = serializers.CharField()
    q = share("Cochran's Q over the segments.")
    p_value = share("Of the effect being the same in every segment.")
    inconsistency = share("I², 0–1.")
    between_deviation = share("How much true effects differ between segments, in the unit of the goal.")


class GuardrailSerializer(serializers.Serializer):
    guardrail = serializers.CharField(help_text="unsubscribe, complaint …")
    variant = serializers.CharField()
    rate = share("As measured, 0–1.")
    ceiling = share("Highest rate allowed, 0–1.")
    allowed_rise = share("How much higher than another version's it may be, 0–1.")
    is_broken = serializers.BooleanField(help_text="Clearly broken: the version cannot win.")


class WaveSerializer(serializers.Serializer):
    number = serializers.IntegerField()
    due_at = serializers.DateTimeField()
    opened_at = serializers.DateTimeField(allow_null=True, help_text="When its shares were fixed.")
    shares = serializers.DictField(child=serializers.FloatField(), help_text="Per version, 0–1.")
    seen = serializers.DictField(help_text="Per version, what the shares rest on: people and the goal by then.")
    people = serializers.DictField(child=serializers.IntegerField(), help_text="Per version, dealt so far.")


class NextEuroSerializer(serializers.Serializer):
    segment = serializers.IntegerField()
    return_per_euro = serializers.FloatField(help_text="Caused revenue per further euro, after partial pooling.")
    low = share("Lower end of its 95% interval.")
    high = share("Upper end.")
    chance_it_pays = serializers.FloatField(help_text="0–1.")
    advice = serializers.CharField(help_text="spend, test_more or stop.")


class PastSpendSerializer(serializers.Serializer):
    variance_removed = serializers.FloatField(help_text="Share of variance that past spend explains (CUPED), 0–1.")
    is_used = serializers.BooleanField(help_text="Used when it removes at least a twentieth.")


class GroupSerializer(serializers.Serializer):
    segment = serializers.IntegerField(allow_null=True, help_text="Null for everybody.")
    name = serializers.CharField()
    people = serializers.IntegerField(help_text="Members when the audience was sealed.")
    decision = DecisionSerializer()
    arms = ArmSerializer(many=True)
    comparisons = PairSerializer(many=True)
    sample_ratio = RatioSerializer(allow_null=True)
    detectable = DetectableSerializer(allow_null=True)
    vetoes = VetoSerializer(many=True)
    caused = serializers.DictField(child=CausedSerializer(allow_null=True))
    past_spend = PastSpendSerializer(allow_null=True)


class ResultsSerializer(serializers.Serializer):
    campaign = serializers.CharField()
    run = serializers.IntegerField()
    goal = serializers.CharField()
    currency = serializers.CharField()
    sealed_at = serializers.DateTimeField()
    read_at = serializers.DateTimeField(allow_null=True, help_text="Orders and events up to then are counted.")
    window_ends_at = serializers.DateTimeField()
    is_window_over = serializers.BooleanField()
    sentence = serializers.CharField(help_text="The answer in one sentence.")
    level = serializers.FloatField()
    revenue_cap = share("Above it one person's revenue counts as this in the decision; fixed before the send.")
    groups = GroupSerializer(many=True, help_text="Everybody first, then each segment as of the send.")
    guardrails = GuardrailSerializer(many=True)
    waves = WaveSerializer(many=True, help_text="Empty where everybody was dealt at once.")
    certainty_kept = share("Of waves: what one person taught, compared with an even split; null without waves.")
    between_segments = BetweenSerializer(many=True)
    segmenting_earned = CausedSerializer(allow_null=True, help_text="All versions against the one text for all.")
    next_euro = NextEuroSerializer(many=True, allow_null=True)


class ChoiceSerializer(StrictSerializer):
    segment = serializers.IntegerField(
        allow_null=True, min_value=1, help_text="Null stands for everybody without a decision of their own."
    )
    variant = serializers.CharField(max_length=8, help_text="Key of the version that was seen to be decided for.")


class RollOutSerializer(StrictSerializer):
    decisions = ChoiceSerializer(many=True, help_text="As read in the results; another decision by now is refused.")
    reason = serializers.CharField(max_length=500, help_text="Kept in the audit and shown on the report.")


class TakenBackSerializer(serializers.Serializer):
    left = serializers.IntegerField(help_text="People who had got it by then; with none, the test goes on.")


class SentAgainSerializer(serializers.Serializer):
    count = serializers.IntegerField(help_text="Messages that are sent again.")


class NothingSerializer(StrictSerializer):
    """No fields."""


class CampaignFilters(filters.FilterSet):
    class Meta:
        model = Campaign
        fields = ["slug", "status"]


class Campaigns(Listed, Retrieved, Endpoint):
    """Campaigns: drafted, launched, paused and accounted for."""

    rights = {
        "list": "campaigns.view",
        "retrieve": "campaigns.view",
        "create": "campaigns.change",
        "partial_update": "campaigns.change",
        "reach": "campaigns.view",
        "checks": "campaigns.launch",
        "check_again": "campaigns.launch",
        "approve": "campaigns.approve",
        "ask_approval": "campaigns.change",
        "launch": "campaigns.launch",
        "pause": "campaigns.launch",
        "resume": "campaigns.launch",
        "cancel": "campaigns.launch",
        "account": "campaigns.view",
        "messages": "campaigns.view",
        "results": "reports.view",
        "results_csv": "reports.view",
        "results_xlsx": "reports.view",
        "roll_out": "campaigns.launch",
        "take_back": "campaigns.launch",
        "resend": "campaigns.resend",
        "mend": "campaigns.launch",
    }
    serializer_class = CampaignSerializer
    filterset_class = CampaignFilters
    query_parameters = ("state",)
    listing_actions = ("messages",)

    def rows(self) -> QuerySet[Campaign]:
        return queries.campaigns()

    @idempotent
    def create(self, request: Request) -> Response:
        """Draft a campaign."""
        campaign = actions.create_campaign(**self.given(request), by=self.actor, at=self.at)
        return self.answer(campaign, status=201)

    @idempotent
    def partial_update(self, request: Request, pk: str) -> Response:
        """Change a draft; a scheduled campaign becomes a draft again."""
        given = self.given(request, partial=True)
        apart = {name: given.pop(name) for name in ("include", "exclude", "variants") if name in given}
        given.pop("slug", None)
        changed = actions.change_campaign(self.get_object(), changes=given, **apart, by=self.actor, at=self.at)
        return self.answer(changed)

    @extend_schema(responses=ReachSerializer)
    @action(detail=True, methods=["get"])
    def reach(self, request: Request, pk: str) -> Response:
        """The reach funnel as it would be sealed now."""
        reach = queries.reach(self.get_object(), as_of=self.at)
        steps = [{**vars(step), "losses": {code: count for code, _, count in step.losses}} for step in reach.steps]
        return Response(ReachSerializer({"matches": reach.matches, "steps": steps}).data)

    @extend_schema(responses=api_checks.OutsideChecksSerializer)
    @action(detail=True, methods=["get"])
    def checks(self, request: Request, pk: str) -> Response:
        """What was found outside before sending: the sender's domain in the DNS, and the links of its texts."""
        return Response(api_checks.found(self.get_object(), at=self.at))

    @extend_schema(request=NothingSerializer, responses={202: api_checks.OutsideChecksSerializer})
    @checks.mapping.post
    @idempotent
    def check_again(self, request: Request, pk: str) -> Response:
        """Have the domain and all links looked at anew by a worker; read what it found a little later."""
        campaign = self.get_object()
        checking.ask(campaign, at=self.at, again=True)
        tasks.look_outside()
        return Response(api_checks.found(campaign, at=self.at), status=202)

    @extend_schema(request=NothingSerializer, responses=CampaignSerializer)
    @action(detail=True, methods=["post"])
    @idempotent
    def approve(self, request: Request, pk: str) -> Response:
        """Agree, as a second person, to this text and this audience; any change withdraws it."""
        return self.answer(actions.approve(self.get_object(), by=self.actor, at=self.at))

    @extend_schema(request=NothingSerializer, responses=CampaignSerializer)
    @action(detail=True, methods=["post"], url_path="ask-approval")
    @idempotent
    def ask_approval(self, request: Request, pk: str) -> Response:
        """Ask the second persons to approve it as it stands; they are told once. Any change takes the asking back."""
        return self.answer(actions.ask_for_approval(self.get_object(), by=self.actor, at=self.at))

    @extend_schema(request=NothingSerializer, responses={202: AccountSerializer})
    @action(detail=True, methods=["post"])
    @idempotent
    def launch(self, request: Request, pk: str) -> Response:
        """Seal the audience as of now; the workers send. Of many calls at once one wins, the others get 409."""
        run = actions.launch(self.get_object(), by=self.actor, at=self.at)
        tasks.poke(run.pk)
        return Response(AccountSerializer(queries.account(run)).data, status=202)

    @extend_schema(request=NothingSerializer, responses=CampaignSerializer)
    @action(detail=True, methods=["post"])
    @idempotent
    def pause(self, request: Request, pk: str) -> Response:
        """Stop after the messages being handed over right now."""
        return self.answer(actions.pause(self.get_object(), by=self.actor, at=self.at))

    @extend_schema(request=NothingSerializer, responses=CampaignSerializer)
    @action(detail=True, methods=["post"])
    @idempotent
    def resume(self, request: Request, pk: str) -> Response:
        """Go on where it stopped."""
        campaign = actions.resume(self.get_object(), by=self.actor, at=self.at)
        tasks.poke(self.last_run().pk)
        return self.answer(campaign)

    @extend_schema(request=NothingSerializer, responses=CampaignSerializer)
    @action(detail=True, methods=["post"])
    @idempotent
    def cancel(self, request: Request, pk: str) -> Response:
        """End it: what has not begun to leave will not."""
        return self.answer(actions.cancel(self.get_object(), by=self.actor, at=self.at))

    @extend_schema(responses=AccountSerializer)
    @action(detail=True, methods=["get"])
    def account(self, request: Request, pk: str) -> Response:
        """The last run, counted from its rows."""
        return Response(AccountSerializer(queries.account(self.last_run())).data)

    @extend_schema(responses=MessageSerializer(many=True))
    @action(detail=True, methods=["get"])
    def messages(self, request: Request, pk: str) -> Response:
        """The messages of the last run, one per member of the audience; `state` narrows them."""
        rows = queries.messages_in_scope(self.last_run(), self.actor, request.query_params.get("state", ""))
        page = self.paginate_queryset(rows)
        return self.get_paginated_response(MessageSerializer(page, many=True).data)

    @extend_schema(responses=ResultsSerializer)
    @action(detail=True, methods=["get"])
    def results(self, request: Request, pk: str) -> Response:
        """What it brought, overall and per segment as of the send; what cannot be told is null."""
        return Response(ResultsSerializer(shape.shape(queries.results(self.get_object()))).data)

    @extend_schema(responses={(200, files.KINDS["csv"].content_type): bytes})
    @action(detail=True, methods=["get"], url_path="results/csv")
    def results_csv(self, request: Request, pk: str) -> HttpResponse:
        """The figures per group and version as CSV."""
        return self.file("csv")

    @extend_schema(responses={(200, files.KINDS["xlsx"].content_type): bytes})
    @action(detail=True, methods=["get"], url_path="results/xlsx")
    def results_xlsx(self, request: Request, pk: str) -> HttpResponse:
        """The results as Excel: versions, decisions, comparisons, guardrails and caused revenue, a sheet each."""
        return self.file("xlsx")

    @extend_schema(request=RollOutSerializer, responses={202: AccountSerializer})
    @action(detail=True, methods=["post"], url_path="roll-out")
    @idempotent
    def roll_out(self, request: Request, pk: str) -> Response:
        """Send decided versions to the rest of their segments; nothing leaves for ten minutes."""
        asked = self.read(request, by=RollOutSerializer)
        groups = {str(one["segment"] or rollout.EVERYBODY): one["variant"] for one in asked["decisions"]}
        run = actions.roll_out(self.get_object(), groups=groups, reason=asked["reason"], by=self.actor, at=self.at)
        tasks.poke(run.pk)
        return Response(AccountSerializer(queries.account(run)).data, status=202)

    @extend_schema(request=NothingSerializer, responses=TakenBackSerializer)
    @action(detail=True, methods=["post"], url_path="take-back")
    @idempotent
    def take_back(self, request: Request, pk: str) -> Response:
        """Take back what of the roll-out has not left."""
        return Response({"left": actions.undo_roll_out(self.get_object(), by=self.actor, at=self.at)})

    @extend_schema(request=NothingSerializer, responses=SentAgainSerializer)
    @action(detail=True, methods=["post"])
    @idempotent
    def resend(self, request: Request, pk: str) -> Response:
        """Send again what may or may not have left, knowing that some people may get it twice."""
        run = self.last_run()
        count = actions.resend_unknown(run, by=self.actor, at=self.at)
        tasks.poke(run.pk)
        return Response({"count": count})

    @extend_schema(request=NothingSerializer, responses={202: AccountSerializer})
    @action(detail=True, methods=["post"])
    @idempotent
    def mend(self, request: Request, pk: str) -> Response:
        """Give the members of an incomplete run who lost their row a new one, and send on."""
        run = self.last_run()
        actions.mend(run, by=self.actor, at=self.at)
        tasks.poke(run.pk)
        run.refresh_from_db()
        return Response(AccountSerializer(queries.account(run)).data, status=202)

    def file(self, kind: str) -> HttpResponse:
        campaign, found = self.get_object(), files.KINDS[kind]
        response = HttpResponse(found.write(queries.results(campaign)), content_type=found.content_type)
        response["Content-Disposition"] = f'attachment; filename="{campaign.slug}-results.{kind}"'
        return response

    def last_run(self) -> Run:
        run = queries.latest_run(self.get_object())
        if run is None:
            raise NotPossibleNow("The campaign was not launched yet.")
        return run

    def given(self, request: Request, *, partial: bool = False) -> dict[str, Any]:
        serializer = self.get_serializer(data=request.data, partial=partial)
        serializer.is_valid(raise_exception=True)
        return dict(serializer.validated_data)

    def answer(self, campaign: Campaign, *, status: int = 200) -> Response:
        fresh = get_object_or_404(self.rows(), pk=campaign.pk)
        return Response(self.get_serializer(fresh).data, status=status)


class OptInSerializer(StrictSerializer):
    customer = serializers.IntegerField(min_value=1)
    purpose = serializers.ChoiceField(choices=notes.OPT_INS, default="marketing")


class OptIns(Endpoint):
    """Double opt-in: ask a customer by e-mail; the consent is recorded when they confirm."""

    rights = {"create": "consents.grant"}
    serializer_class = OptInSerializer
    queryset = Campaign.objects.none()

    @extend_schema(request=OptInSerializer, responses={202: NothingSerializer})
    @idempotent
    def create(self, request: Request) -> Response:
        """Send the question to the customer's address. Nothing is granted before they answer."""
        given = self.read(request, by=OptInSerializer)
        customer = get_object_or_404(crm_queries.customers(self.actor), pk=given["customer"])
        actions.ask_for_consent(customer, purpose=given["purpose"], by=self.actor, at=self.at)
        return Response({}, status=202)


router = SimpleRouter()
router.register("opt-ins", OptIns, "opt-ins")
router.register("campaigns", Campaigns, "campaigns")
router.register("letters", Letters, "letters")
router.register("topics", Topics, "topics")
urlpatterns = router.urls

"""Questions others may ask about campaigns, their runs and their messages."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db.models import Count, Exists, OuterRef, Q, QuerySet
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from campaigns import approval, audience, forgetting, pressure
from campaigns import backlog as waiting
from campaigns.approval import Approval
from campaigns.audience import Reach
from campaigns.backlog import Backlog
from campaigns.content import facts, fields, letters, matrix
from campaigns.content.letters import Letter
from campaigns.content.merge import Fault
from campaigns.delivery import health
from campaigns.delivery.desk import desk_for
from campaigns.delivery.transitions import OPEN_STATES
from campaigns.models import (
    Attempt,
    Campaign,
    ContactCap,
    Lesson,
    Message,
    MessageState,
    Response,
    Run,
    RunStatus,
    SendingRate,
    SendingRules,
    WebhookTarget,
)
from campaigns.results import answer
from campaigns.results.answer import Results
from crm import answers
from crm import queries as crm_queries
from crm.refusals import NotPossibleNow, Refused
from crm.retention import Kept
from crm.rights import Actor, may
from segments import queries as segment_queries

ENDED = (RunStatus.COMPLETED, RunStatus.CANCELLED)
MARKS = crm_queries.MARKS_OF_REACH[:1]  # moves when a customer is written


def campaigns() -> QuerySet[Campaign]:
    """All campaigns, the newest first, with what a list shows."""
    return Campaign.objects.select_related("owner", "approved_by").prefetch_related("variants", "include", "runs")


def undecided(*, since: datetime) -> QuerySet[Campaign]:
    """Finished tests of several versions, ended since a moment, that were neither rolled out nor written down."""
    rolled = Run.objects.filter(rolls_out__campaign=OuterRef("pk"))
    told = Lesson.objects.filter(campaign=OuterRef("pk"))
    tests = Campaign.objects.alias(versions=Count("variants", distinct=True)).filter(versions__gt=1, status="finished")
    ended = tests.filter(runs__finished_at__gt=since)
    return ended.filter(~Exists(rolled), ~Exists(told)).distinct().order_by("-pk")


def retention(*, at: datetime) -> list[Kept]:
    """What campaigns keep for a while only, and how much of it is over its time."""
    browsers = forgetting.overdue_browsers(at=at)
    return [
        Kept(gettext_lazy("Browsers of those who answered"), forgetting.BROWSERS_KEPT, browsers, "forget-in-campaigns")
    ]


def webhook_targets() -> QuerySet[WebhookTarget]:
    """Systems of the firm that messages may be handed to."""
    return WebhookTarget.objects.all()


def backlog(*, at: datetime) -> Backlog:
    """What waits to be sent, what is in doubt, and since when."""
    return waiting.backlog(at=at)


def state_label(state: str) -> str:
    """A state of a message in words."""
    return str(MessageState(state).label)


def names() -> QuerySet[Campaign]:
    """All campaigns, the newest first, no more of each than its name and state."""
    return Campaign.objects.only("name", "status").order_by("-pk")


def messages(run: Run, state: str = "") -> QuerySet[Message]:
    """The messages of a run, all or those in one state."""
    rows = Message.objects.filter(run=run).select_related("customer", "variant").order_by("pk")
    return rows.filter(state=state) if state else rows


def messages_in_scope(run: Run, actor: Actor, state: str = "") -> QuerySet[Message]:
    """The messages of a run whose customers the actor may see; without a team's bounds also those of the erased."""
    if state and state not in MessageState.values:
        raise Refused(_("There is no such state."), path="state", choices=MessageState.values)
    rows = messages(run, state)
    return rows if actor.team_ids is None else rows.filter(customer__in=crm_queries.customers(actor))


def messages_to(customer: Any) -> QuerySet[Message]:
    """The messages of one customer, hold-outs too, with their campaigns and what came back."""
    rows = Message.objects.filter(customer=customer).select_related("run__campaign__owner", "variant")
    return rows.prefetch_related("responses").order_by("-id")


def latest_run(campaign: Campaign) -> Run | None:
    """The campaign's last run."""
    return campaign.runs.select_related("campaign").order_by("-pk").first()


def test_run(campaign: Campaign) -> Run | None:
    """The campaign's last run that tested something: roll-outs carry out what it decided."""
    tests = [run for run in campaign.runs.all() if run.rolls_out_id is None]  # not asked again where a page has them
    return max(tests, key=lambda one: one.pk, default=None)


def roll_outs(test: Run) -> QuerySet[Run]:
    """The roll-outs of a run's decisions, the newest first."""
    return Run.objects.filter(rolls_out=test).select_related("started_by").order_by("-pk")


def lessons(*, search: str = "", segment: Any = None, campaign: Campaign | None = None) -> QuerySet[Lesson]:
    """Lines of the notebook, the newest first: those with these words, about this segment, from this campaign."""
    rows = Lesson.objects.select_related("campaign", "created_by").prefetch_related("segments").order_by("-pk")
    for word in search.replace("\0", "").split()[:8]:
        rows = rows.filter(Q(text__icontains=word) | Q(campaign__name__icontains=word))
    rows = rows.filter(segments=segment) if segment is not None else rows
    return rows.filter(campaign=campaign) if campaign is not None else rows


def reach(campaign: Campaign, *, as_of: datetime) -> Reach:
    """The reach funnel; the same judgement as at the sealing."""
    return audience.kept_reach(campaign, as_of, approval.members_at(campaign))


@dataclass(frozen=True)
class Progress:
    """How far a run is. The states add up to `expected` once the audience is sealed."""

    status: str
    pause_reason: str
    resume_at: datetime | None
    expected: int | None
    states: dict[str, int]

    @property
    def is_accounted_for(self) -> bool:
        """Whether every member of the sealed audience has exactly one row."""
        return self.expected == sum(self.states.values())

    @property
    def unresolved(self) -> int:
        """Messages that may or may not have left."""
        return self.states.get(MessageState.UNKNOWN, 0)

    @property
    def done(self) -> int:
        """Members who need no more work, those in doubt included."""
        return sum(count for state, count in self.states.items() if state not in OPEN_STATES)

    @property
    def done_share(self) -> float:
        """Share of the audience that reached its end, 0–1."""
        return self.done / self.expected if self.expected else 0.0


def progress(run: Run) -> Progress:
    """The run counted from its rows; one that is over not again before something moves."""
    states = (
        answers.kept(f"states:{run.pk}", moved(run), lambda: states_of(run)) if run.status in ENDED else states_of(run)
    )
    return Progress(run.status, run.pause_reason, run.resume_at, run.expected, states)


def states_of(run: Run) -> dict[str, int]:
    rows = Message.objects.filter(run=run).order_by().values_list("state").annotate(n=Count("*"))
    return dict(rows)


def moved(run: Run) -> tuple[Any, ...]:
    """Marks that move with any message of a run that is over: a new try, an answer, a doubt that is settled."""
    doubts = Message.objects.filter(run=run, state=MessageState.UNKNOWN).order_by().count()
    marks = answers.newest((Attempt, "id"), (Response, "id"))
    return (run.status, run.expected, run.finished_at, run.judged_from, doubts, marks)


def rates_of(run: Run) -> tuple[health.Rate, ...]:
    """Complaints and hard bounces of a run; of one that is over not counted again before something moves."""
    if run.status not in ENDED:
        return health.rates(run)
    return answers.kept(f"rates:{run.pk}", moved(run), lambda: health.rates(run))


def by_domain(run: Run) -> Sequence[health.Domain]:
    """What came back from each domain of recipients, kept while no message moves and nobody's address changes."""
    version = (sorted(progress(run).states.items()), answers.newest((Attempt, "id"), (Response, "id"), *MARKS))
    return answers.kept(f"domains:{run.pk}", version, lambda: health.by_domain(run))


def losses(run: Run) -> dict[str, int]:
    """Members who were skipped or failed, by reason."""
    ended = Message.objects.filter(run=run, state__in=(MessageState.SKIPPED, MessageState.FAILED)).order_by()
    return dict(ended.values_list("reason").annotate(Count("pk")))


def reasons(run: Run, states: Mapping[str, int]) -> dict[str, dict[str, int]]:
    """Members by state and reason, where one is given; counted again when the numbers per state have changed."""
    return answers.kept(f"reasons:{run.pk}", sorted(states.items()), lambda: counted_reasons(run))


def counted_reasons(run: Run) -> dict[str, dict[str, int]]:
    rows = Message.objects.filter(run=run).exclude(reason="").order_by()
    found: dict[str, dict[str, int]] = {}
    for state, reason, count in rows.values_list("state", "reason").annotate(Count("pk")):
        found.setdefault(state, {})[reason] = count
    return found


def account(run: Run) -> dict[str, Any]:
    """The run as plain values: status, audience, states, losses by reason, and whether it all adds up."""
    now = progress(run)
    return {
        "campaign": run.campaign.slug,
        "run": run.pk,
        "status": now.status,
        "pause_reason": now.pause_reason,
        "resume_at": now.resume_at,
        "sealed_at": run.sealed_at,
        "expected": now.expected,
        "states": now.states,
        "losses": losses(run),
        "reach": run.reach,
        "is_accounted_for": now.is_accounted_for,
        "unresolved": now.unresolved,
    }


def missing(run: Run, actor: Actor) -> QuerySet[Any]:
    """Members of the sealed audience, as far as the actor may see them, who have no row: something lost theirs."""
    rows = Message.objects.filter(run=run, customer=OuterRef("pk"))
    members = audience.members(run.campaign, run.members_at or run.sealed_at or run.started_at).filter(
        ~Exists(rows), erased_at=None
    )
    return members.filter(pk__in=crm_queries.customers(actor).values("pk"))


def approval_of(campaign: Campaign, *, at: datetime) -> Approval:
    """Whether a second person has to agree, and did."""
    return approval.approval(campaign, at=at)


def awaiting_approval(actor: Actor) -> QuerySet[Campaign]:
    """Campaigns whose makers asked for an approval that the actor may give, the longest waiting first."""
    if actor.user is None or not may(actor, "campaigns.approve"):
        return Campaign.objects.none()
    own = approval.writings().filter(by=actor.user).values("object_id")
    rows = approval.awaited().exclude(created_by=actor.user).exclude(pk__in=own)
    return rows.select_related("asked_by").order_by("asked_at", "pk")


def may_approve(campaign: Campaign, actor: Actor) -> bool:
    """Whether the actor is a second person: holds the right and wrote nothing of it."""
    return (
        may(actor, "campaigns.approve") and actor.user is not None and actor.user.pk not in approval.authors(campaign)
    )


def rules() -> SendingRules:
    """The firm's rules of sending; nothing is bounded until somebody sets a bound."""
    return SendingRules.objects.first() or SendingRules()


def caps() -> QuerySet[ContactCap]:
    """How many messages one person may get."""
    return ContactCap.objects.order_by("period_hours", "channel")


def rates() -> QuerySet[SendingRate]:
    """How fast a channel, or one domain of recipients, is sent to."""
    return SendingRate.objects.order_by("channel", "domain")


def contacts(*, at: datetime, days: int) -> dict[int, int]:
    """How many customers got that many marketing messages in the last days; counted again when more left, and in the
    next hour."""
    version = (f"{at:%Y-%m-%d %H}", answers.newest((Attempt, "id"), (Message, "id")))
    return answers.kept(f"contacts:{days}", version, lambda: pressure.spread(at=at, days=days))


def most_messages() -> int:
    """How many messages there may be: the number of the newest."""
    return answers.newest((Message, "id"))[0] or 0


def faults(campaign: Campaign) -> dict[str, list[Fault]]:
    """What is wrong with the texts, by the key of the version; empty when all may be sent."""
    known = fields.names()
    found = {one.key: matrix.faults(one, known) for one in matrix.matrices_of(campaign).values()}
    return {key: faults for key, faults in found.items() if faults}


@dataclass(frozen=True)
class MissingCell:
    """A language that members of the audience speak and a version has no text of its own for."""

    variant: str
    language: str
    members: int


def missing_cells(campaign: Campaign, *, as_of: datetime) -> list[MissingCell]:
    """Gaps of the message matrix that the fallback would fill, the biggest first."""
    has = {one.key: {cell.language for cell in one.cells} for one in matrix.matrices_of(campaign).values()}
    versions = [key for key, own in has.items() if own != {""}]
    spoken = languages(campaign, as_of) if versions else []
    return [MissingCell(key, language, n) for key in versions for language, n in spoken if language not in has[key]]


def languages(campaign: Campaign, as_of: datetime) -> list[tuple[str, int]]:
    """How many members speak each language, the commonest first; kept while nobody comes, goes or is written anew."""
    members = audience.members(campaign, as_of).order_by().values_list("language")
    version = (audience.ledgers(campaign), answers.newest(*MARKS))
    counted = answers.kept(
        f"languages:{campaign.pk}:{audience.listed(campaign)}",
        version,
        lambda: list(members.annotate(n=Count("pk")).order_by("-n")),
    )
    return [(language, n) for language, n in counted if language]


def unfit_segments(campaign: Campaign) -> list[Any]:
    """Segments a marketing campaign may not be sent to: drawn for another purpose, from what marketing must not use."""
    if campaign.purpose != "marketing":
        return []
    return list(campaign.include.exclude(purpose="marketing").order_by("name"))


def stale_segments(campaign: Campaign, *, at: datetime) -> list[Any]:
    """Segments of the campaign whose membership is too old to send by; named lists do not age."""
    used = {*campaign.include.all(), *campaign.exclude.all()}
    return sorted((one for one in used if segment_queries.is_stale(one, at=at)), key=lambda one: one.name)


def preview(
    campaign: Campaign, variant_key: str, customer: Any, *, as_of: datetime, language: str | None = None
) -> Letter:
    """What the customer would read, in their language or another.

    Raises `content.merge.RenderFailed` and Variant.DoesNotExist.
    """
    if language is not None:
        customer.language = language
    one = matrix.matrix_of(campaign.variants.get(key=variant_key))
    segments = segment_names(customer, [*one.segment_ids, *campaign.include.values_list("pk", flat=True)], as_of)
    asked = facts.wanted(matrix.sources([one]))
    slugs = segment_slugs(customer, asked, as_of)
    told = facts.facts_for(asked, [customer.pk], as_of).of(customer.pk, slugs, customer.language)
    known = letters.values(campaign, customer, fields.custom_keys(), next(iter(segments.values()), ""), told)
    return letters.write(one.text_for(segments, customer.language), known, letters.PREVIEW)


def segment_slugs(customer: Any, asked: facts.Wanted, as_of: datetime) -> list[str]:
    """Which of the segments that a text tells apart the customer was in at that moment."""
    rows = customer.memberships.filter(segment__slug__in=asked.segments, entered_at__lte=as_of)
    return list(rows.exclude(left_at__lte=as_of).order_by("segment").values_list("segment__slug", flat=True))


def letter(message: Message) -> Letter:
    """The letter of a sealed message as its recipient reads it."""
    run = Run.objects.select_related("campaign").get(pk=message.run_id)
    return desk_for(run, [message]).letter(message)


def where_link_leads(url: str, message: Message) -> str:
    """The stored address, its fields filled in for the recipient; those whose data are gone get it without."""
    if message.customer is None:
        return letters.where(url, {})
    return letters.where(url, letters.values(message.run.campaign, message.customer, fields.custom_keys()))


def segment_names(customer: Any, segments: Sequence[int], as_of: datetime) -> dict[int, str]:
    """Which of the segments the customer was in at that moment, by id."""
    rows = customer.memberships.filter(segment__in=segments, entered_at__lte=as_of).exclude(left_at__lte=as_of)
    return dict(rows.order_by("segment").values_list("segment", "segment__name"))


def results(campaign: Campaign) -> Results:
    """What the last run brought, overall and per segment as of the send. Raises `NotPossibleNow` before the sealing."""
    run = test_run(campaign)
    if run is None or run.expected is None:
        raise NotPossibleNow(_("There are no results before the audience is sealed."), code="not_sealed")
    return answer.results(run)

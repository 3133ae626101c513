"""Changes others may request of campaigns: keyword-only verbs, atomic, with an audit line in the same transaction."""

import re
import secrets
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from decimal import Decimal
from typing import Any

from django.db import IntegrityError, transaction
from django.utils.text import slugify
from django.utils.translation import gettext as _

from campaigns import approval, past, queries, readiness, rollout, waves
from campaigns.approval import ApprovalMissing as ApprovalMissing
from campaigns.approval import plan as plan
from campaigns.channels import CHANNELS
from campaigns.content import letters, matrix
from campaigns.conversions import attribute_due as attribute_due
from campaigns.delivery import health, transitions
from campaigns.delivery.sweeping import complete
from campaigns.delivery.worker import send_batch
from campaigns.lifecycle import MoveNotAllowed, make_move
from campaigns.models import Campaign, CampaignStatus, Lesson, Link, Message, Run, RunStatus, Variant, VariantText
from campaigns.notes import ask_for_consent as ask_for_consent
from campaigns.results import answer, planned
from campaigns.sealing import seal
from crm import actions as crm_actions
from crm.keyset import LARGEST_ID
from crm.refusals import NotPossibleNow, Refused
from crm.rights import Actor

ONCE = "once"
LIMITS = ("ceiling", "allowed_rise")
SETTABLE = (
    "name",
    "description",
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
    "owner",
)
TEXTS = ("subject", "preheader", "html", "text")
OF_VARIANT = ("key", "name", "weight", "is_mass", *TEXTS, "blocks", "texts")
KEY = re.compile(r"[A-Za-z0-9-]{1,8}")  # without a space: “held out” and “wave 2” are arms of ours
OF_CELL = ("segment", "language", *TEXTS, "blocks")


class NotReady(Refused):
    """The campaign cannot be launched as it is: something is missing, wrong or stale."""

    code = "not_ready"


@transaction.atomic
def create_campaign(
    *,
    name: str,
    include: Iterable[Any] = (),
    exclude: Iterable[Any] = (),
    variants: Sequence[Mapping[str, Any]] = (),
    slug: str = "",
    by: Actor,
    at: datetime,
    **values: Any,
) -> Campaign:
    """A new draft. `variants` are mappings with key, name, weight, subject, preheader, html, text and texts.

    Raises `Refused` for unknown names and for a slug that is taken.
    """
    refuse_bad(values)
    refuse_channel(values.get("channel", "email"), values.get("webhook"))
    values.setdefault("on_ambiguous", CHANNELS[values.get("channel", "email")].on_ambiguous)
    values = {"name": name, "slug": slug or slugify(name), **values}
    if Campaign.objects.filter(slug=values["slug"]).exists():
        raise Refused(_("There is a campaign with this short name already."), path="slug")
    campaign = Campaign.objects.create(
        **values, seed=secrets.token_hex(8), created_by=by.user, created_at=at, updated_at=at
    )
    campaign.include.set(include)
    campaign.exclude.set(exclude)
    write_variants(campaign, variants)
    audit(campaign, "created", {name: [None, value] for name, value in values.items()}, by=by, at=at)
    return campaign


@transaction.atomic
def change_campaign(
    campaign: Campaign,
    *,
    changes: Mapping[str, Any] | None = None,
    include: Iterable[Any] | None = None,
    exclude: Iterable[Any] | None = None,
    variants: Sequence[Mapping[str, Any]] | None = None,
    by: Actor,
    at: datetime,
) -> Campaign:
    """Change a campaign that is not yet sent; it becomes a draft again and loses its approval."""
    changes = dict(changes or {})
    refuse_bad(changes)
    refuse_channel(changes.get("channel", campaign.channel), changes.get("webhook", campaign.webhook))
    make_move(campaign.pk, "change", at=at)
    campaign.refresh_from_db()  # what somebody saved since it was read stays
    differences = {name: [getattr(campaign, name), value] for name, value in changes.items()}
    if campaign.approved_hash:
        differences["approved_hash"] = [campaign.approved_hash, ""]
    for column, value in {**changes, **approval.NOTHING, "status": CampaignStatus.DRAFT, "updated_at": at}.items():
        setattr(campaign, column, value)
    campaign.save()
    if include is not None:
        campaign.include.set(include)
    if exclude is not None:
        campaign.exclude.set(exclude)
    if variants is not None:
        write_variants(campaign, variants)
    audit(campaign, "changed", differences, by=by, at=at)
    return campaign


def write_variants(campaign: Campaign, variants: Sequence[Mapping[str, Any]]) -> None:
    """Make these the versions of the campaign; a key keeps its row, what is not named goes."""
    for place, variant in enumerate(variants):
        refuse_unknown(variant, OF_VARIANT, path=f"variants[{place}]")
        if not KEY.fullmatch(variant["key"]):
            raise Refused(_("The key of a version is up to eight letters and digits."), path=f"variants[{place}].key")
    refuse_masses([bool(variant.get("is_mass")) for variant in variants])
    campaign.variants.exclude(key__in=[variant["key"] for variant in variants]).delete()
    for variant in variants:
        own = {name: value for name, value in variant.items() if name not in ("key", "texts")}
        if "blocks" not in own and not written_as(campaign, variant):
            own["blocks"] = {}  # the HTML was changed by hand: the blocks it was made of are no longer true
        row, _is_new = Variant.objects.update_or_create(campaign=campaign, key=variant["key"], defaults=own)
        write_cells(row, variant.get("texts", ()), path=f"variants.{row.key}.texts")


def written_as(campaign: Campaign, variant: Mapping[str, Any]) -> bool:
    """Whether the version has this very HTML already."""
    return "html" not in variant or campaign.variants.filter(key=variant["key"], html=variant["html"]).exists()


def refuse_masses(marks: Sequence[bool]) -> None:
    """Raise `Refused` unless at most one version is the text for all, and another stands beside it."""
    if sum(marks) > 1 or (any(marks) and all(marks)):
        raise Refused(
            _("One version at most is the text for all, and another has to stand beside it."), path="variants"
        )


def write_cells(variant: Variant, texts: Sequence[Mapping[str, Any]], *, path: str) -> None:
    for place, text in enumerate(texts):
        refuse_unknown(text, OF_CELL, path=f"{path}[{place}]")
    variant.texts.all().delete()
    VariantText.objects.bulk_create(VariantText(variant=variant, **text) for text in texts)


@transaction.atomic
def write_text(
    campaign: Campaign,
    key: str,
    *,
    segment: Any = None,
    language: str = "",
    values: Mapping[str, Any] | None,
    by: Actor,
    at: datetime,
) -> Campaign:
    """Write one text of the matrix, or remove it with None; without segment and language the version's own.

    Raises `Refused` for unknown names and for a campaign that is on its way, Variant.DoesNotExist.
    """
    change_campaign(campaign, by=by, at=at)
    variant = campaign.variants.get(key=key)
    refuse_unknown(values or {}, (*TEXTS, "blocks"))
    cell = {"segment": segment, "language": language}
    if segment is None and not language:
        Variant.objects.filter(pk=variant.pk).update(**(values or {}))
    elif values is None:
        variant.texts.filter(**cell).delete()
    else:
        VariantText.objects.update_or_create(variant=variant, **cell, defaults=dict(values))
    place = "/".join(filter(None, (key, str(segment or ""), language)))
    audit(campaign, "wrote", {"text": [place, (values or {}).get("subject", "")]}, by=by, at=at)
    return campaign


def refuse_bad(values: Mapping[str, Any]) -> None:
    """Raise `Refused` for names that are not ours to set and for a share that leaves nobody."""
    refuse_unknown(values, SETTABLE)
    if not 0 <= float(values.get("holdout_share", 0)) < 1:
        raise Refused(_("The hold-out is a share from 0 to below 1."), path="holdout_share")
    if not 0 <= values.get("worthwhile_lift", 0) <= 5:
        raise Refused(_("What is worth acting on is a share from 0 to 5."), path="worthwhile_lift")
    refuse_bad_guardrails(values.get("guardrails", ()))
    if not 1 <= values.get("priority", 1) <= 9:
        raise Refused(_("The priority is a number from 1 to 9."), path="priority")
    if not 1 <= values.get("waves", 1) <= 10:
        raise Refused(_("It is sent in 1 to 10 waves."), path="waves")
    if not 1 <= values.get("wave_hours", 24) <= 336:
        raise Refused(_("Between waves lie 1 to 336 hours."), path="wave_hours")
    if bool(values.get("send_from")) != bool(values.get("send_until")):
        raise Refused(_("A window of hours needs both ends."), path="send_from")
    if values.get("send_from") and values["send_from"] == values.get("send_until"):
        raise Refused(_("A window that ends when it begins never opens."), path="send_until")
    if set(values.get("send_weekdays", "")) - set("1234567"):
        raise Refused(_("Weekdays are digits from 1, Monday, to 7."), path="send_weekdays")


def refuse_bad_guardrails(given: Any) -> None:
    """Raise `Refused` for limits on nothing that is counted, and for shares that are none; null is no limit."""
    if not isinstance(given, list | tuple):
        raise Refused(_("A list of limits."), path="guardrails")
    known = [str(one["key"]) for one in planned.USUAL_GUARDRAILS]
    for place, one in enumerate(given):
        path = f"guardrails[{place}]"
        if not isinstance(one, Mapping):
            raise Refused(_("A limit has the names key, ceiling and allowed_rise."), path=path)
        refuse_unknown(one, ("key", *LIMITS), path=path)
        if one.get("key") not in known:
            raise Refused(_("There is no such limit."), path=f"{path}.key", choices=known)
        for name in LIMITS:
            if one.get(name) is not None and not is_share(one[name]):
                raise Refused(_("A share from 0 to 1."), path=f"{path}.{name}")


def is_share(value: Any) -> bool:
    """Whether it is a number from 0 to 1; what is no number at all, such as NaN, lies nowhere."""
    return isinstance(value, int | float | Decimal) and not isinstance(value, bool) and 0 <= value <= 1


def refuse_channel(channel: str, target: Any) -> None:
    """Raise `Refused` for a channel that is none, and for a webhook that calls nobody."""
    if channel not in CHANNELS:
        raise Refused(_("There is no such channel."), path="channel", choices=CHANNELS)
    if (channel == "webhook") != (target is not None):
        raise Refused(_("A webhook needs a target, and no other channel has one."), path="webhook")


def refuse_unknown(values: Mapping[str, Any], valid: Sequence[str], *, path: str = "") -> None:
    if unknown := sorted(set(values) - set(valid)):
        raise Refused(_("There is no such field."), path=".".join(filter(None, (path, unknown[0]))), choices=valid)


@transaction.atomic
def schedule(campaign: Campaign, *, send_at: datetime, by: Actor, at: datetime) -> Campaign:
    """Launch it by itself at that time; the sweep of the timetable does."""
    make_move(campaign.pk, "schedule", at=at)
    fresh = Campaign.objects.get(pk=campaign.pk)
    refuse_unready(fresh)
    approval.refuse_unapproved(fresh, at=at)
    Campaign.objects.filter(pk=campaign.pk).update(send_at=send_at)
    audit(campaign, "scheduled", {"send_at": [campaign.send_at, send_at]}, by=by, at=at)
    campaign.refresh_from_db()
    return campaign


@transaction.atomic
def approve(campaign: Campaign, *, by: Actor, at: datetime) -> Campaign:
    """A second person agrees to this very text and audience; any change withdraws it."""
    refuse_unready(campaign)
    refuse_stale(campaign, at)
    return approval.approve(campaign, by=by, at=at)


@transaction.atomic
def ask_for_approval(campaign: Campaign, *, by: Actor, at: datetime) -> Campaign:
    """Ask a second person to agree to this very text and audience; any change takes the asking back."""
    refuse_unready(campaign)
    return approval.ask(campaign, by=by, at=at)


def withdraw_approval(campaign: Campaign, *, by: Actor, at: datetime) -> Campaign:
    """Take the approval back."""
    return approval.withdraw(campaign, by=by, at=at)


@transaction.atomic
def launch(campaign: Campaign, *, by: Actor, at: datetime, occurrence_key: str = ONCE) -> Run:
    """Fix everything that must not change any more and begin to seal the audience as of `at`.

    Of many calls at once one wins; the others raise `MoveNotAllowed`. Raises `NotReady`, `ApprovalMissing`.
    Moved first, judged then: from the move on nobody changes what is judged. Sealing and sending follow by the worker.
    """
    before = make_move(campaign.pk, "launch", at=at)
    fresh = Campaign.objects.get(pk=campaign.pk)
    refuse_unready(fresh)
    refuse_stale(fresh, at)
    approval.refuse_unapproved(fresh, at=at)
    store_links(fresh)
    try:
        with transaction.atomic():
            run = Run.objects.create(campaign=campaign, occurrence_key=occurrence_key, **frozen(fresh, by, at))
    except IntegrityError:
        raise MoveNotAllowed("launch", CampaignStatus.FINISHED) from None
    waves.plan_waves(run)
    audit(campaign, "launched", {"status": [before, CampaignStatus.SENDING]}, by=by, at=at)
    campaign.refresh_from_db()
    return run


def carry_out(run_id: int, *, at: datetime) -> None:
    """Seal and send in this process until nothing of the run is due; workers may do the same at the same time."""
    seal(run_id, at=at)
    while send_batch(run_id, at=at):
        pass
    complete(run_id, at=at)


def frozen(campaign: Campaign, by: Actor, at: datetime) -> dict[str, Any]:
    """The columns of a run that are copied from the campaign at its launch."""
    return {
        "seed": campaign.seed,
        "content_hash": approval.content_hash(campaign),
        "on_ambiguous": campaign.on_ambiguous,
        "plan": {
            **approval.plan(campaign),
            **past.plan(campaign.goal),
            "baseline": planned.as_json(planned.baseline(campaign, at)),
        },
        "started_by": by.user,
        "started_at": at,
        "sealed_at": at,
        "members_at": approval.members_at(campaign),
    }


def refuse_unready(campaign: Campaign) -> None:
    """Raise `NotReady` naming what is missing or wrong."""
    if not campaign.include.exists():
        raise NotReady(_("The campaign has no audience: choose a segment."), path="include")
    if unfit := queries.unfit_segments(campaign):
        names = ", ".join(segment.name for segment in unfit)
        raise NotReady(_("Not drawn for marketing: %(names)s.") % {"names": names}, path="include")
    if not campaign.variants.filter(weight__gt=0).exists():
        raise NotReady(_("The campaign has no version to send."), path="variants")
    for key, found in queries.faults(campaign).items():
        raise NotReady(str(found[0]), path=f"variants.{key}.{found[0].part}", choices=found[0].valid or None)
    if obstacles := readiness.obstacles(campaign):
        raise NotReady(obstacles[0], path="channel")


def refuse_stale(campaign: Campaign, at: datetime) -> None:
    if stale := queries.stale_segments(campaign, at=at):
        names = ", ".join(segment.name for segment in stale)
        raise NotReady(_("Out of date, so not used for sending: %(names)s.") % {"names": names}, path="include")


def store_links(campaign: Campaign) -> None:
    """Keep the web addresses of every version: clicks are redirected to stored addresses only."""
    for variant in campaign.variants.prefetch_related("texts"):
        urls = matrix.urls(matrix.matrix_of(variant))
        rows = (Link(variant=variant, position=place, url=url) for place, url in enumerate(urls, start=1))
        Link.objects.bulk_create(rows, ignore_conflicts=True)


@transaction.atomic
def pause(campaign: Campaign, *, by: Actor, at: datetime) -> Campaign:
    """Stop after the messages that are being handed over right now; what paused itself no longer goes on by itself."""
    by_itself = Run.objects.filter(campaign=campaign, status=RunStatus.PAUSED, resume_at__isnull=False)
    if by_itself.update(resume_at=None, pause_reason=""):
        audit(campaign, "paused", {"status": [RunStatus.PAUSED, RunStatus.PAUSED]}, by=by, at=at)
        campaign.refresh_from_db()
        return campaign
    running = (RunStatus.SEALING, RunStatus.SENDING)
    runs = Run.objects.filter(campaign=campaign, status__in=running)
    return moved(campaign, "pause", "paused", runs, {"status": RunStatus.PAUSED}, by=by, at=at)


@transaction.atomic
def resume(campaign: Campaign, *, by: Actor, at: datetime) -> Campaign:
    """Go on where it stopped."""
    paused = Run.objects.filter(campaign=campaign, status=RunStatus.PAUSED)
    nothing = {"pause_reason": "", "resume_at": None, "setbacks": 0}
    paused.filter(pause_reason__in=health.REASONS).update(judged_from=at)
    paused.filter(expected=None).update(status=RunStatus.SEALING, **nothing)
    return moved(campaign, "resume", "resumed", paused, {"status": RunStatus.SENDING, **nothing}, by=by, at=at)


@transaction.atomic
def cancel(campaign: Campaign, *, by: Actor, at: datetime) -> Campaign:
    """End it: what has not begun to leave will not. Of a roll-out under way only that is ended."""
    last = rollout.latest(campaign.pk)
    if last is not None and last.status in rollout.UNDER_WAY:
        undo_roll_out(campaign, by=by, at=at)
        return campaign
    runs = Run.objects.filter(campaign=campaign).exclude(status=RunStatus.COMPLETED)
    open_runs = list(runs.values_list("pk", flat=True))
    moved(campaign, "cancel", "cancelled", runs, {"status": RunStatus.CANCELLED, "finished_at": at}, by=by, at=at)
    for run in open_runs:
        transitions.cancel_open(run)
    return campaign


@transaction.atomic
def roll_out(campaign: Campaign, *, groups: Mapping[str, str], reason: str, by: Actor, at: datetime) -> Run:
    """Send the decided versions to the rest of their groups; the first message leaves ten minutes later.

    `groups` are keys of `rollout.choices` with the version that was seen there. The test is closed: orders from now on
    no longer count in it. Raises `Refused` when a decision is another by now, `MoveNotAllowed`, `NotReady`.
    """
    test = queries.test_run(campaign)
    if test is None or test.status != RunStatus.COMPLETED:
        raise NotPossibleNow(_("Only what a finished run decided can be rolled out."))
    if not reason.strip():
        raise Refused(_("Say why: a colleague will ask."), path="reason")
    results = answer.results(test)
    standing = {one.key: one.variant for one in rollout.choices(results)}
    if not groups or any(standing.get(key) != variant for key, variant in groups.items()):
        raise Refused(_("The decision is another by now. Look again."), path="groups", choices=list(standing) or None)
    approval.refuse_unapproved(campaign, at=at)
    refuse_stale(campaign, at)
    before = make_move(campaign.pk, "roll out", at=at)
    own = rollout.columns(test, groups, rollout.spared(results), reason.strip(), at)
    run = Run.objects.create(campaign=campaign, **{**frozen(campaign, by, at), **own})
    rollout.close(test, at)
    changes: dict[str, list[Any]] = {
        "status": [before, CampaignStatus.PAUSED],
        "groups": [None, dict(groups)],
        "reason": [None, reason],
    }
    audit(campaign, "rolled out", changes, by=by, at=at)
    campaign.refresh_from_db()
    return run


@transaction.atomic
def undo_roll_out(campaign: Campaign, *, by: Actor, at: datetime) -> int:
    """Take back what has not begun to leave; return how many had got it by then. If nobody had, the test goes on."""
    run = rollout.latest(campaign.pk)
    if run is None or run.status not in rollout.UNDER_WAY:
        raise NotPossibleNow(_("There is no roll-out under way."))
    make_move(campaign.pk, "take back", at=at)
    Run.objects.filter(pk=run.pk).update(status=RunStatus.CANCELLED, finished_at=at, resume_at=None, pause_reason="")
    transitions.cancel_open(run.pk)
    left = Message.objects.filter(run=run, handed_at__isnull=False).count()
    if run.rolls_out:
        rollout.reopen(run.rolls_out)
    audit(campaign, "took back", {"roll-out": [run.pk, None], "sent": [None, left]}, by=by, at=at)
    campaign.refresh_from_db()
    return left


@transaction.atomic
def note_lesson(
    *, text: str, campaign: Campaign | None, segments: Iterable[Any], figures: Sequence[str], by: Actor, at: datetime
) -> Lesson:
    """Write a line into the notebook, with the figures as they stand now. Raises `Refused` without words."""
    if not text.strip():
        raise Refused(_("Write what was learned."), path="text")
    values = {"text": text.strip()[:2000], "figures": list(figures), "campaign": campaign}
    lesson = Lesson.objects.create(**values, created_by=by.user, created_at=at)
    lesson.segments.set(segments)
    said = {"text": [None, lesson.text]}
    crm_actions.audit(kind="lesson", object_id=lesson.pk, verb="noted", changes=said, by=by, at=at)
    return lesson


@transaction.atomic
def forget_lesson(pk: int, *, by: Actor, at: datetime) -> None:
    """Strike a line out of the notebook; what it said stays in the audit lines."""
    lesson = Lesson.objects.filter(pk=pk).first() if pk <= LARGEST_ID else None
    if lesson is None:
        raise Refused(_("There is no such lesson."), path="lesson")
    lesson.delete()
    said = {"text": [lesson.text, None]}
    crm_actions.audit(kind="lesson", object_id=pk, verb="struck out", changes=said, by=by, at=at)


def moved(
    campaign: Campaign, name: str, verb: str, runs: Any, values: dict[str, Any], *, by: Actor, at: datetime
) -> Campaign:
    """Move the campaign and its runs together. Raises `MoveNotAllowed`."""
    before = make_move(campaign.pk, name, at=at)
    runs.update(**values)
    campaign.refresh_from_db()
    audit(campaign, verb, {"status": [before, campaign.status]}, by=by, at=at)
    return campaign


@transaction.atomic
def resend_unknown(run: Run, *, by: Actor, at: datetime) -> int:
    """Send again what may or may not have left, knowing that some people may get it twice; return how many.

    Raises `NotPossibleNow` for a run that was cancelled.
    """
    if Run.objects.filter(pk=run.pk, status=RunStatus.CANCELLED).exists():
        raise NotPossibleNow(_("What was cancelled is not sent again."))
    count = transitions.requeue_unknown(run.pk)
    if count and Run.objects.filter(pk=run.pk, status=RunStatus.COMPLETED).update(
        status=RunStatus.SENDING, finished_at=None
    ):
        make_move(run.campaign_id, "reopen", at=at)
    audit(run.campaign, "sent again", {"unknown": [count, 0]}, by=by, at=at)
    return count


@transaction.atomic
def mend(run: Run, *, by: Actor, at: datetime) -> None:
    """Give the members of the sealed audience who lost their row a new one, and send on. Raises `NotPossibleNow`."""
    incomplete = Run.objects.filter(pk=run.pk, status=RunStatus.INCOMPLETE)
    if not incomplete.update(status=RunStatus.SEALING, cursor=0, expected=None):
        raise NotPossibleNow(_("Only a run that is incomplete can be mended."))
    audit(run.campaign, "mended", {"expected": [run.expected, None]}, by=by, at=at)


def note_file(campaign: Campaign, kind: str, *, by: Actor, at: datetime) -> None:
    """Somebody fetched the list of people as a file."""
    audit(campaign, "file fetched", {"file": ["", kind]}, by=by, at=at)


def send_test(campaign: Campaign, variant_key: str, customer: Any, *, to: str, by: Actor, at: datetime) -> None:
    """Send what the customer would read to a colleague's address, marked as a test and counted nowhere."""
    letter = queries.preview(campaign, variant_key, customer, as_of=at)
    mail = letters.mail_of(letter, campaign, to, {"Auto-Submitted": "auto-generated"})
    mail.subject = f"[{_('Test')}] {letter.subject}"
    mail.send()
    audit(campaign, "tested", {"variant": ["", variant_key]}, by=by, at=at)


def audit(campaign: Campaign, verb: str, changes: dict[str, list[Any]], *, by: Actor, at: datetime) -> None:
    crm_actions.audit(kind="campaign", object_id=campaign.pk, verb=verb, changes=changes, by=by, at=at)

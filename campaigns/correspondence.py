"""Letters from one person to one customer, by e-mail: no campaign, but checked, sent and counted like every message."""

import secrets
from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from typing import Any

from django.db import transaction
from django.db.models import Max, Q, QuerySet
from django.db.models.functions import Coalesce
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from campaigns import approval, audience, channels
from campaigns.content import composition, fields
from campaigns.content.letters import MARKETING, one_line
from campaigns.delivery import transitions
from campaigns.lifecycle import make_move
from campaigns.models import Campaign, CampaignStatus, Message, MessageState, OnAmbiguous, Run, RunStatus, Variant
from campaigns.sealing import person_key
from crm import actions as crm_actions
from crm import queries as crm_queries
from crm.refusals import NotPossibleNow, Refused
from crm.rights import Actor, may, require
from crm.timeline import Happening

CHANNEL, OWN_MATTER = "email", "service"
DOUBTS = {MARKETING: OnAmbiguous.HOLD, OWN_MATTER: OnAmbiguous.RESEND}
TAKEN_BACK_WITHIN = timedelta(seconds=20)
MAY_BE_TAKEN_BACK = "may_be_taken_back"
LONGEST_SUBJECT, LONGEST = 200, 20_000
URGENT = 9  # what somebody wrote by hand goes before what a campaign sends

# Why a letter cannot be sent; a code that is not here has no words of its own.
WORDS = {
    "erased": gettext_lazy("Their data were erased."),
    "merged": gettext_lazy("This record was joined with another: write from there."),
    "no_address": gettext_lazy("They have no e-mail address."),
    "bad_address": gettext_lazy("Their e-mail address is not one: correct it first."),
    "restricted": gettext_lazy("Their data are frozen: nobody writes to them."),
    "objected": gettext_lazy("They object to marketing: write of their own matter only."),
    "no_consent": gettext_lazy("They have not agreed to marketing by e-mail: write of their own matter only."),
    "suppressed": gettext_lazy("Their address is on the suppression list: nothing is sent there."),
    "too_soon": gettext_lazy("They got marketing a short while ago; an offer has to wait."),
    "too_many": gettext_lazy("They got as much marketing as the firm allows; an offer has to wait."),
    "outranked": gettext_lazy("Another message waits for them and goes first; an offer has to wait."),
    "own_wish": gettext_lazy("They asked for marketing less often; an offer has to wait."),
}


class LetterRefused(NotPossibleNow):
    """Something speaks against writing to this customer; says what."""

    code = "letter_refused"


def objection(customer: Any, *, is_offer: bool, at: datetime) -> str:
    """Code of the first reason why nobody may write to the customer now; empty when there is none."""
    if customer.merged_into_id:
        return "merged"
    asked = Campaign(channel=CHANNEL, purpose=MARKETING if is_offer else OWN_MATTER, priority=URGENT)
    granted = crm_queries.consenting(MARKETING, CHANNEL, at=at).filter(customer=customer.pk).exists()
    facts = (customer.erased_at, customer.restricted_at, customer.objected_at)
    row = audience.Fact(customer.pk, customer.email, *facts, groups="", has_consent=granted)
    return audience.judgement(asked, [row], lambda _keys: set(), audience.When(at))[0].reason


@transaction.atomic
def write_letter(
    customer: Any, *, subject: str, text: str, by: Actor, at: datetime, is_offer: bool = False, task: Any = None
) -> Message:
    """A letter that leaves in a moment, under the writer's name; answers go to the writer.

    About the customer's own matter, or an offer: then all that bounds marketing bounds it. `task` is done by it.
    The same letter that has not left yet is returned instead of written again.
    Raises `LetterRefused`, and `Refused` for a text that cannot be sent.
    """
    require(by, "letters.write")
    if reason := objection(customer, is_offer=is_offer, at=at):
        raise LetterRefused(str(WORDS.get(reason, reason)), path="customer")
    if same := _same_waiting(customer, one_line(subject), text, by):
        return same
    campaign = _campaign(one_line(subject), text, is_offer, by, at)
    message = _message(campaign, customer, by, at)
    if task is not None:
        crm_actions.finish_task(task, note=campaign.name, by=by, at=at)
    _audit(message, "wrote", {"subject": [None, campaign.name]}, by=by, at=at)
    return message


def _same_waiting(customer: Any, subject: str, text: str, by: Actor) -> Message | None:
    """The same letter of the same writer that has not left yet: a form sent twice writes one."""
    crm_queries.customers(by).select_for_update(of=("self",)).only("pk").get(pk=customer.pk)
    rows = Message.objects.filter(customer=customer, reason=MAY_BE_TAKEN_BACK, state=MessageState.DEFERRED)
    return rows.filter(run__started_by=by.user, variant__subject=subject, variant__text=text).first()


def _campaign(subject: str, text: str, is_offer: bool, by: Actor, at: datetime) -> Campaign:
    refuse_bad(subject, text)
    purpose, writer = MARKETING if is_offer else OWN_MATTER, by.user
    campaign = Campaign.everything.create(
        slug=f"letter-{secrets.token_hex(8)}",
        name=subject[:120],
        is_letter=True,
        status=CampaignStatus.SENDING,
        channel=CHANNEL,
        purpose=purpose,
        priority=URGENT,
        on_ambiguous=DOUBTS[purpose],
        from_name=writer.get_full_name() if writer else "",
        reply_to=writer.email if writer else "",
        seed=secrets.token_hex(8),
        owner=writer,
        created_by=writer,
        created_at=at,
        updated_at=at,
    )
    Variant.objects.create(campaign=campaign, key="A", subject=subject, text=text)
    return campaign


def refuse_bad(subject: str, text: str) -> None:
    """Raises Refused with the part that cannot be sent."""
    for name, value, most in (("subject", subject, LONGEST_SUBJECT), ("text", text, LONGEST)):
        if not value.strip():
            raise Refused(_("This is needed."), path=name)
        if len(value) > most:
            raise Refused(_("At most %(most)s characters.") % {"most": most}, path=name)
    for fault in composition.faults(composition.Source(subject, "", "", text), fields.names()):
        raise Refused(str(fault), path=fault.part)


def _message(campaign: Campaign, customer: Any, by: Actor, at: datetime) -> Message:
    """The one row of the sealed audience; it waits for a moment, so that it can be taken back."""
    run = Run.objects.create(
        campaign=campaign,
        occurrence_key="once",
        status=RunStatus.SENDING,
        expected=1,
        seed=campaign.seed,
        content_hash=approval.content_hash(campaign),
        on_ambiguous=campaign.on_ambiguous,
        started_by=by.user,
        started_at=at,
        sealed_at=at,
    )
    return Message.objects.create(
        run=run,
        channel=CHANNEL,
        customer=customer,
        person_key=person_key(customer.pk),
        address_key=channels.key_of(customer.email, CHANNEL),
        variant=campaign.variants.get(),
        state=MessageState.DEFERRED,
        next_at=at + TAKEN_BACK_WITHIN,
        reason=MAY_BE_TAKEN_BACK,
        token=secrets.token_hex(16),
    )


@transaction.atomic
def take_back(message: Message, *, by: Actor, at: datetime) -> None:
    """Do not send a letter that has not begun to leave. Raises `NotPossibleNow` when it has."""
    require(by, "letters.write")
    Run.objects.filter(pk=message.run_id).update(status=RunStatus.CANCELLED, finished_at=at)
    if not transitions.cancel_open(message.run_id):
        raise NotPossibleNow(_("The e-mail has left already."))
    make_move(message.run.campaign_id, "cancel", at=at)
    _audit(message, "took back", {"subject": [message.run.campaign.name, None]}, by=by, at=at)


def _audit(message: Message, verb: str, changes: dict[str, list[Any]], *, by: Actor, at: datetime) -> None:
    if message.customer_id is None:
        return  # nobody is left whom the line could be about
    changes = {"letter": [None, message.pk], **changes}
    crm_actions.audit(kind="customer", object_id=message.customer_id, verb=verb, changes=changes, by=by, at=at)


def letters(actor: Actor) -> QuerySet[Message]:
    """Letters to customers in the actor's scope, the newest first, with their texts and what came back."""
    rows = Message.objects.filter(run__campaign__is_letter=True, customer__in=crm_queries.customers(actor))
    return rows.select_related("run__campaign__owner", "variant", "customer").order_by("-pk")


ON_TIMELINE = Q(state__in=(MessageState.SENT, MessageState.UNKNOWN, MessageState.FAILED))


def happenings(actor: Actor, customer: Any, before: datetime, most: int) -> Iterable[Happening]:
    """What was sent to a customer before a time: letters with how they stand, campaigns by their names."""
    if not may(actor, "campaigns.view"):
        return
    rows = Message.objects.filter(ON_TIMELINE | Q(run__campaign__is_letter=True), customer=customer)
    rows = rows.annotate(at=Coalesce("handed_at", "final_at", "run__started_at")).filter(at__lt=before)
    for row in rows.select_related("run__campaign__owner").order_by("-at")[:most]:
        yield _letter(actor, row) if row.run.campaign.is_letter else _of_campaign(row)


def last_written(actor: Actor, ids: Sequence[int], since: datetime | None) -> Iterable[tuple[int, datetime]]:
    """When each of these customers was last sent a letter by a person."""
    rows = Message.objects.filter(run__campaign__is_letter=True, customer__in=ids, state=MessageState.SENT).order_by()
    rows = rows.filter(final_at__gte=since) if since else rows
    return rows.values_list("customer").annotate(at=Max("final_at"))


def _letter(actor: Actor, row: Any) -> Happening:
    campaign, state = row.run.campaign, row.state_words
    if not may(actor, "customers.identify"):
        return Happening(row.at, "envelope", _("E-mail from us"), state)
    words = _("E-mail from %(who)s: “%(subject)s”") % {"who": campaign.owner or "–", "subject": campaign.name}
    return Happening(row.at, "envelope", words, state, url=reverse("letter", args=[row.customer_id, row.pk]))


def _of_campaign(row: Any) -> Happening:
    campaign, channel = row.run.campaign, channels.CHANNELS[row.channel].label
    words = _("Campaign “%(campaign)s” · %(channel)s") % {"campaign": campaign.name, "channel": channel}
    url = reverse("campaign", args=[campaign.pk])
    return Happening(row.at, "paper-airplane", words, row.state_words, url=url)

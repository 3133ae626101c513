"""What is the same for all messages of a batch, read once: texts, links, and who is in which segment."""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from django.core.mail import EmailMultiAlternatives
from django.db.models import Exists, OuterRef, Q
from django.utils import timezone

from campaigns.content import addresses, facts, fields, letters
from campaigns.content.facts import Facts
from campaigns.content.letters import Letter
from campaigns.content.matrix import Matrix, matrices_of, sources
from campaigns.delivery.calls import Call as PhoneCall
from campaigns.delivery.permission import consents
from campaigns.delivery.texts import Text
from campaigns.delivery.webhooks import call_of
from campaigns.models import Campaign, Link, Message, Run
from crm.addresses import normal_phone
from crm.calling import Call
from crm.models import Customer
from segments.models import Membership, Segment


@dataclass(frozen=True)
class Desk:
    """Everything needed to write a run's letters without asking the database again."""

    campaign: Campaign
    matrices: dict[int, Matrix]
    link_ids: dict[int, dict[str, int]]
    custom_keys: tuple[str, ...]
    segments: dict[int, frozenset[int]]
    segment_names: dict[int, str]
    trackable: frozenset[int]
    segment_slugs: dict[int, str]
    facts: Facts

    def letter(self, message: Message) -> Letter:
        """What the recipient of the message reads. Raises `merge.RenderFailed`."""
        customer: Any = message.customer
        variant = message.variant_id or 0
        own_segments = self.segments.get(customer.pk, frozenset())
        source = self.matrices[variant].text_for(own_segments, customer.language)
        segment = next((self.segment_names[one] for one in sorted(own_segments) if one in self.segment_names), "")
        slugs = [self.segment_slugs[one] for one in sorted(own_segments)]
        told = self.facts.of(customer.pk, slugs, customer.language)
        known = letters.values(self.campaign, customer, self.custom_keys, segment, told)
        tracked = customer.pk in self.trackable and not self.campaign.is_letter
        return letters.write(source, known, letters.ways_of(message, self.link_ids[variant], tracked=tracked))

    def item(self, message: Message) -> Any:
        """What the line of the channel hands over."""
        return ITEMS.get(self.campaign.channel, Desk.letter)(self, message)

    def text(self, message: Message) -> Text:
        """The letter as a text message to its recipient's number."""
        to = normal_phone(message.customer.phone) if message.customer else ""
        return Text(to, self.letter(message).text, addresses.token(message, addresses.ID))

    def call(self, message: Message) -> Call:
        """The letter as a call to another system, with what it needs to know whom it is for."""
        letter, customer = self.letter(message), message.customer
        data = {
            "campaign": self.campaign.slug,
            "message": message.pk,
            "version": message.variant_id,
            "customer": customer.number if customer else "",
            "language": customer.language if customer else "",
            "subject": letter.subject,
            "text": letter.text,
        }
        return call_of(addresses.token(message, addresses.ID), data, timezone.now().isoformat())

    def phone_call(self, message: Message) -> PhoneCall:
        """The letter as a script for whoever calls its recipient."""
        letter = self.letter(message)
        return PhoneCall(message.pk, letter.subject or self.campaign.name, letter.text, message.customer)

    def mail(self, message: Message) -> EmailMultiAlternatives:
        """The letter as a mail to its recipient."""
        headers = letters.headers_of(message, self.campaign)
        address = message.customer.email.strip() if message.customer else ""
        mail = letters.mail_of(self.letter(message), self.campaign, address, headers)
        mail.metadata = {"kohde": addresses.token(message, addresses.ID)}  # type: ignore[attr-defined]  # for providers
        return mail


ITEMS = {"email": Desk.mail, "webhook": Desk.call, "sms": Desk.text, "phone": Desk.phone_call}


def desk_for(run: Run, messages: Sequence[Message]) -> Desk:
    """The desk for a batch of messages of one run."""
    campaign = run.campaign
    customers = [message.customer_id for message in messages if message.customer_id]
    matrices = matrices_of(campaign)
    named = frozenset().union(*(matrix.segment_ids for matrix in matrices.values()))
    asked = facts.wanted(sources(matrices.values()))
    wanted = named | frozenset(campaign.include.values_list("pk", flat=True))
    told_apart = frozenset(Segment.objects.filter(slug__in=asked.segments).values_list("pk", flat=True))
    return Desk(
        campaign,
        matrices,
        link_ids=links_of(campaign),
        custom_keys=fields.custom_keys(),
        segments=segments_of(run, customers, wanted | told_apart),
        segment_names=names_of(wanted),
        trackable=trackable(customers, campaign.channel),
        segment_slugs=slugs_of(wanted | told_apart),
        facts=facts.facts_for(asked, customers, run.started_at),
    )


def links_of(campaign: Campaign) -> dict[int, dict[str, int]]:
    """Stored link ids by version and address."""
    ids: dict[int, dict[str, int]] = {variant: {} for variant in campaign.variants.values_list("pk", flat=True)}
    for variant, url, pk in Link.objects.filter(variant__campaign=campaign).values_list("variant", "url", "pk"):
        ids[variant][url] = pk
    return ids


def segments_of(run: Run, customers: Sequence[int], wanted: frozenset[int]) -> dict[int, frozenset[int]]:
    """Which of the wanted segments each customer was in when the audience was sealed."""
    still = Q(left_at=None) | Q(left_at__gt=run.sealed_at)
    rows = Membership.objects.filter(still, customer__in=customers, segment__in=wanted, entered_at__lte=run.sealed_at)
    found: dict[int, set[int]] = defaultdict(set)
    for customer, segment in rows.values_list("customer", "segment"):
        found[customer].add(segment)
    return {customer: frozenset(segments) for customer, segments in found.items()}


def names_of(segments: frozenset[int]) -> dict[int, str]:
    return dict(Segment.objects.filter(pk__in=segments).values_list("pk", "name"))


def slugs_of(segments: frozenset[int]) -> dict[int, str]:
    return dict(Segment.objects.filter(pk__in=segments).values_list("pk", "slug"))


def trackable(customers: Sequence[int], channel: str) -> frozenset[int]:
    """Who of them lets us see opens: a consent of its own, apart from the one to get mail."""
    consented = Exists(consents(channel=channel, purpose="tracking").filter(customer=OuterRef("pk")))
    return frozenset(Customer.objects.filter(consented, pk__in=customers).values_list("pk", flat=True))

"""What was found outside before sending, over the API: the sender's domain in the DNS, and the links of the texts."""

from datetime import datetime
from typing import Any

from rest_framework import serializers

from campaigns import checking
from campaigns.checks import words
from campaigns.checks.sender import Finding
from campaigns.models import Campaign, SenderDomain

VERDICTS = ("good", "warn", "unknown", "bad")


class DnsRecordSerializer(serializers.Serializer):
    """A record to publish, word for word."""

    name = serializers.CharField()
    kind = serializers.CharField(help_text="TXT, MX …")
    value = serializers.CharField()


class DomainFindingSerializer(serializers.Serializer):
    key = serializers.CharField(help_text="What was looked at: spf, dkim, dmarc …")
    verdict = serializers.ChoiceField(VERDICTS)
    code = serializers.CharField()
    sentence = serializers.CharField()
    found = serializers.CharField()
    publish = DnsRecordSerializer(many=True)


class SendingDomainSerializer(serializers.Serializer):
    """The domain it is sent from, as the DNS told last."""

    domain = serializers.CharField()
    verdict = serializers.ChoiceField(VERDICTS, allow_blank=True, help_text="Empty before the first answer.")
    may_send = serializers.BooleanField()
    accepted_reason = serializers.CharField(help_text="Why an administrator lets it send although it fails.")
    checked_at = serializers.DateTimeField(allow_null=True)
    findings = DomainFindingSerializer(many=True)


class LinkNoteSerializer(serializers.Serializer):
    url = serializers.CharField()
    verdict = serializers.ChoiceField(VERDICTS)
    code = serializers.CharField()
    sentence = serializers.CharField()


class CheckedLinksSerializer(serializers.Serializer):
    good = serializers.IntegerField(help_text="Links that were opened and are there.")
    waiting = serializers.IntegerField(help_text="Links that a worker will open.")
    unasked = serializers.IntegerField(help_text="Links nobody had opened within a day.")
    notes = LinkNoteSerializer(many=True)


class OutsideChecksSerializer(serializers.Serializer):
    sender = SendingDomainSerializer(
        allow_null=True, help_text="Null for channels without one, and while no mail leaves."
    )
    links = CheckedLinksSerializer()


def found(campaign: Campaign, *, at: datetime) -> dict[str, Any]:
    """What is known so far, in codes and in words."""
    row, links = checking.sender_domain(campaign), checking.links_of(campaign, at=at)
    notes = [{**vars(one), "sentence": words.link_sentence(one)} for one in links.notes]
    return OutsideChecksSerializer({"sender": row and of_domain(row), "links": {**vars(links), "notes": notes}}).data


def of_domain(row: SenderDomain) -> dict[str, Any]:
    return {
        "domain": row.domain,
        "verdict": row.verdict,
        "may_send": not checking.refuses(row),
        "accepted_reason": row.accepted_reason,
        "checked_at": row.checked_at,
        "findings": [of_finding(one) for one in checking.findings_of(row)],
    }


def of_finding(one: Finding) -> dict[str, Any]:
    return {**vars(one), "sentence": words.sentence(one)}

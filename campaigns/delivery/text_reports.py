"""What a provider of text messages tells us afterwards: deliveries, failures, and replies that say stop."""

from collections.abc import Mapping
from datetime import datetime

from django.conf import settings
from django.db import transaction
from django.http import HttpRequest

from campaigns import channels, responses
from campaigns.content import addresses
from campaigns.delivery import providers
from campaigns.delivery.texting import PROVIDERS, account, is_set_up
from campaigns.delivery.texts import NOTHING, STOP, Report
from campaigns.models import Message
from crm import actions as crm_actions

CHANNEL = "sms"


def is_open(provider: str) -> bool:
    """Whether reports of this provider are taken: it is the one we send by."""
    return is_set_up() and account().provider == provider


def is_signed(request: HttpRequest, form: Mapping[str, str]) -> bool:
    """Whether the provider signed the call to the very address it was given."""
    ours, row = account(), PROVIDERS[account().provider]
    url = f"{settings.BASE_URL}{request.get_full_path()}"
    return row.is_signed(ours, url, form, row.signature(request))


def thanks() -> tuple[str, str]:
    """Body and type of the answer that the provider expects."""
    return PROVIDERS[account().provider].thanks


def take(form: Mapping[str, str], token: str, *, at: datetime) -> str:
    """Do what the report asks for, once however often it comes; return its kind."""
    provider = account().provider
    report = PROVIDERS[provider].report(form)
    if report.kind == NOTHING:
        return NOTHING
    if report.sender:
        return stop(provider, report, at)
    message = addresses.message_of(token, addresses.ID)
    return providers.do_once(provider, report.id, message, report.kind, at=at) if message else NOTHING


@transaction.atomic
def stop(provider: str, report: Report, at: datetime) -> str:
    """Somebody replied that they want no more: the last message to that number is what they answered.

    Without one the number is suppressed all the same; others who share it are covered by that, too.
    """
    key = channels.key_of(report.sender, CHANNEL)
    answered = Message.objects.filter(channel=CHANNEL, address_key=key).exclude(address_key="").order_by("-pk").first()
    if not key or not providers.is_new(provider, report.id, answered, STOP, at):
        return NOTHING
    if answered is not None:
        responses.unsubscribe(answered, at=at, way="text reply")
    by = responses.RECIPIENT
    crm_actions.suppress_key(channel=CHANNEL, key=key, reason=responses.UNSUBSCRIBED, source=by.source, by=by, at=at)
    return STOP

"""What outside of a campaign must be in order before it leaves: a way out for its channel."""

from django.utils.translation import gettext as _

from campaigns.delivery import texting
from campaigns.models import Campaign


def obstacles(campaign: Campaign) -> list[str]:
    """What stands in the way, in sentences; empty when nothing does."""
    return [words for words in (no_provider(campaign),) if words]


def no_provider(campaign: Campaign) -> str:
    if campaign.channel != "sms" or texting.is_set_up():
        return ""
    return _("No provider of text messages is set up: see KOHDE_SMS_URL.")

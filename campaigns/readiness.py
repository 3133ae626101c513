"""What must be in order before a campaign leaves, beside its texts: a way out, and versions for its waves to choose."""

from django.utils.translation import gettext as _

from campaigns.delivery import texting
from campaigns.models import Campaign


def obstacles(campaign: Campaign) -> list[str]:
    """What stands in the way, in sentences; empty when nothing does."""
    return [words for words in (no_provider(campaign), no_choice(campaign)) if words]


def no_provider(campaign: Campaign) -> str:
    if campaign.channel != "sms" or texting.is_set_up():
        return ""
    return _("No provider of text messages is set up: see KOHDE_SMS_URL.")


def no_choice(campaign: Campaign) -> str:
    versions = campaign.variants.filter(is_mass=False, weight__gt=0).count()
    return _("Waves need two versions to choose between.") if campaign.waves > 1 and versions < 2 else ""

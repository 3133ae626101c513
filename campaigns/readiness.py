"""What must be in order before a campaign leaves, beside its texts: a way out, versions, a sender to trust."""

from django.utils.translation import gettext as _

from campaigns import checking
from campaigns.delivery import texting
from campaigns.models import Campaign


def obstacles(campaign: Campaign) -> list[str]:
    """What stands in the way, in sentences; empty when nothing does."""
    return [words for words in (no_provider(campaign), no_choice(campaign), no_trust(campaign)) if words]


def no_provider(campaign: Campaign) -> str:
    if campaign.channel != "sms" or texting.is_set_up():
        return ""
    return _("No provider of text messages is set up: see KOHDE_SMS_URL.")


def no_choice(campaign: Campaign) -> str:
    versions = campaign.variants.filter(is_mass=False, weight__gt=0).count()
    return _("Waves need two versions to choose between.") if campaign.waves > 1 and versions < 2 else ""


def no_trust(campaign: Campaign) -> str:
    row = checking.sender_domain(campaign)
    if row is None or not checking.refuses(row):
        return ""
    said = _(
        "The domain of the sender, %(domain)s, fails its check: receivers would refuse or doubt what leaves from it."
    )
    return said % {"domain": row.domain}

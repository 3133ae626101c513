"""What the search over everything finds of campaigns: by the words of their names."""

from django.urls import reverse
from django.utils.translation import gettext_lazy

from campaigns import queries
from crm.finding import Found, Searcher, has_words
from crm.rights import Actor

LOOKED_AT = 2000  # the newest; a firm with more has lists for the old ones


def campaigns(actor: Actor, text: str, most: int) -> list[Found]:
    """Those with the text's words in their name, the newest first."""
    if not text:
        return []
    rows = queries.names()[:LOOKED_AT]
    found = [one for one in rows if has_words(text, one.name)][:most]
    return [Found(one.name, reverse("campaign", args=[one.pk]), one.get_status_display()) for one in found]


OWN = (Searcher(gettext_lazy("Campaigns"), "megaphone", "campaigns.view", campaigns),)

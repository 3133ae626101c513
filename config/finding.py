"""What the search over everything finds of the house itself: its pages, and what one may begin."""

from dataclasses import dataclass
from typing import Any

from django.utils.translation import gettext_lazy as _

from config.navigation import GROUPS, SETTINGS
from crm.finding import Found, Searcher, address, has_words
from crm.rights import Actor, may


@dataclass(frozen=True)
class Door:
    """An address by its name, the right it takes, and other words people may look for it by."""

    url_name: str
    label: Any
    right: str = ""
    also: Any = ""


ACTIONS = (
    Door("customer-new", _("New customer"), "customers.change", _("add person contact")),
    Door("company-new", _("New company"), "customers.change", _("add firm")),
    Door("call-new", _("Log a call"), "customers.change", _("phone contact note")),
    Door("task-new", _("New task"), "customers.change", _("to do reminder")),
    Door("deal-new", _("New deal"), "customers.change", _("opportunity sale")),
    Door("segment-new", _("New segment"), "segments.change", _("rule group audience")),
    Door("segment-new-list", _("New named list"), "segments.change", _("segment by hand")),
    Door("discover", _("Find groups of like customers"), "segments.change", _("clusters, grouping")),
    Door("campaign-begin", _("New campaign"), "campaigns.change", _("e-mail letter A/B test send")),
    Door("survey-new", _("New survey"), "campaigns.change", _("questions NPS feedback")),
    Door("import-new", _("Import a file"), "imports.run", _("CSV Excel upload")),
    Door("user-new", _("Let somebody in"), "users.change", _("invite user colleague")),
    Door("key-new", _("New API key"), "keys.change", _("token integration")),
    Door("password", _("Change password"), "", ""),
)
PAGES = (
    Door("segments-compare", _("Compare segments"), "segments.view", _("overlap matrix")),
    Door("campaigns-calendar", _("Calendar of campaigns"), "campaigns.view"),
    Door("campaigns-compare", _("Compare campaigns"), "campaigns.view"),
    Door("notebook", _("What was learned"), "reports.view", _("notebook lessons")),
    Door("guide", _("Guide"), "", _("help manual how to instructions")),
    Door("styleguide", _("Pieces of the pages")),
)


def actions(actor: Actor, text: str, most: int) -> list[Found]:
    """What this actor may begin; without a text the first of them, as an offer."""
    return _those(ACTIONS, actor, text, most)


def pages(actor: Actor, text: str, most: int) -> list[Found]:
    """The places of the navigation and of the settings, and pages that stand below them."""
    places = [*(place for group in GROUPS for place in group), *SETTINGS]
    doors = [Door(place.url_name, place.label, place.right, place.also) for place in places]
    return _those((*doors, *PAGES), actor, text, most) if text else []


def _those(doors: tuple[Door, ...], actor: Actor, text: str, most: int) -> list[Found]:
    open_ones = ((door, address(door.url_name)) for door in doors if not door.right or may(actor, door.right))
    found = [Found(str(door.label), url) for door, url in open_ones if url and has_words(text, door.label, door.also)]
    return list({one.url: one for one in reversed(found)}.values())[::-1][:most]


OWN = (
    Searcher(_("Actions"), "bolt", "", actions),
    Searcher(_("Pages"), "document", "", pages),
)

"""The places of the left navigation: one line per page, shown to the roles that hold its right."""

from dataclasses import dataclass
from functools import partial
from typing import Any

from django.conf import settings
from django.http import HttpRequest
from django.urls import NoReverseMatch, reverse
from django.utils import timezone
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

from crm.rights import RIGHTS, SALES


@dataclass(frozen=True)
class Place:
    """A page by the name of its address, open to those who hold `right`."""

    url_name: str
    label: Any
    icon: str
    right: str = ""
    also: Any = ""  # other words people may look for it by
    short: Any = ""  # for the narrow bar, where the label would break in mid-word


GROUPS: tuple[tuple[Place, ...], ...] = (
    (
        Place("home", _("Home"), "home"),
        Place("customers", _("Customers"), "users", "customers.view"),
        Place("companies", _("Companies"), "building-office", "customers.view"),
        Place("deals", _("Deals"), "banknotes", "deals.view", short=pgettext_lazy("narrow bar", "Deals")),
        Place("worklist", _("Worklist"), "phone-arrow-up-right", "worklist.view"),
        Place("tasks", _("Tasks"), "check-circle", "tasks.view"),
    ),
    (
        Place("segments", _("Segments"), "funnel", "segments.view"),
        Place("discover", _("Discover"), "sparkles", "segments.view"),
    ),
    (
        Place("campaigns", _("Campaigns"), "megaphone", "campaigns.view"),
        Place("campaigns-calendar", _("Calendar"), "calendar-days", "campaigns.view"),
        Place("notebook", pgettext_lazy("navigation", "Learned"), "light-bulb", "reports.view"),
    ),
    (
        Place("surveys", _("Surveys"), "chat-bubble-left-right", "surveys.view"),
        Place("data", _("Data"), "circle-stack", "features.view"),
        Place("imports", _("Imports"), "arrow-up-tray", "imports.view"),
        Place("privacy-requests", _("Privacy requests"), "shield-check", "privacy.view"),
    ),
    (Place("settings", _("Settings"), "cog-6-tooth"),),
)

# The phone's bottom bar; everything else stands in the menu of oneself.
ON_PHONE = ("home", "customers", "segments", "campaigns", "settings")
ON_PHONE_OF = {SALES: ("home", "worklist", "customers", "deals", "tasks")}

# The pages below Settings, in their order; the first is everybody's.
SETTINGS: tuple[Place, ...] = (
    Place("me", _("Me"), "user-circle", also=_("language time zone theme density name")),
    Place("news-wishes", _("Notifications"), "bell", "news.view", also=_("e-mail digest mentions")),
    Place("security", _("Signing in"), "lock-closed", also=_("password two-factor 2FA sessions devices")),
    Place("users", _("People"), "users", "users.change", also=_("users roles invite")),
    Place("teams", _("Teams"), "user-group", "users.change"),
    Place("tags", _("Tags"), "tag", "tags.manage", also=_("labels words")),
    Place(
        "letter-texts", _("Texts for e-mails"), "document-text", "letters.write", also=_("templates snippets letters")
    ),
    Place("keys", _("API keys"), "key", "keys.change", also=_("token integration")),
    Place("channels", _("Channels"), "paper-airplane", "settings.view", also=_("e-mail server SMTP domains")),
    Place("sender-domains", _("Domains"), "at-symbol", "settings.view", also=_("SPF DKIM DMARC DNS sender")),
    Place("sending-rules", _("Sending rules"), "clock", "settings.view", also=_("quiet hours caps rates approval")),
    Place("topics", _("Topics"), "chat-bubble-bottom-center-text", "campaigns.view", also=_("preferences subjects")),
    Place("hooks", _("Webhooks"), "arrow-top-right-on-square", "settings.change", also=_("events integration")),
    Place("retention", _("Retention"), "archive-box", "settings.view", also=_("days kept delete forget privacy")),
    Place("firm", _("The firm"), "building-office-2", "settings.view", also=_("name currency time zone")),
    Place("health", _("Health"), "heart", "health.view", also=_("queues workers lateness metrics")),
)


@dataclass(frozen=True)
class Link:
    """A place as one visitor sees it."""

    place: Place
    url: str
    is_current: bool
    is_on_phone: bool = False


def links(role: str, path: str) -> list[list[Link]]:
    """The groups of places open to `role`; the longest address that `path` starts with is the current one."""
    groups = [[(p, address(p.url_name)) for p in group if _is_open(p, role)] for group in GROUPS]
    urls = [url for group in groups for _place, url in group if url]
    current = max((url for url in urls if _holds(url, path)), key=len, default="")
    on_phone = ON_PHONE_OF.get(role, ON_PHONE)
    seen = [[Link(p, url, url == current, p.url_name in on_phone) for p, url in group if url] for group in groups]
    return [group for group in seen if group]


def settings_links(user: Any, path: str) -> list[Link]:
    """The pages of the settings open to the user."""
    found = [(place, address(place.url_name)) for place in SETTINGS if _is_open(place, user.role)]
    held = [url for _place, url in found if url and _holds(url, path)]
    current = max(held, key=len, default="")
    return [Link(place, url, url == current) for place, url in found if url]


def address(url_name: str) -> str:
    """The address of a page, or an empty string while no app brings it."""
    try:
        return reverse(url_name)
    except NoReverseMatch:
        return ""


def frame(request: HttpRequest) -> dict[str, Any]:
    """Context processor: what the frame around every page needs."""
    user: Any = getattr(request, "user", None)
    is_inside = bool(user and user.is_authenticated)
    return {
        "firm_name": settings.FIRM_NAME,
        "theme": theme(request),
        "languages": settings.LANGUAGES,
        "now": timezone.now(),
        "is_inside": is_inside,
        "navigation": links(user.role, request.path) if is_inside else [],
        "search_url": address("search"),
        "settings_links": partial(settings_links, user, request.path) if is_inside else (),
    }


def theme(request: HttpRequest) -> str:
    """The visitor's choice, light or dark; empty follows the system."""
    chosen = request.COOKIES.get("theme", "")
    return chosen if chosen in ("light", "dark") else ""


def _is_open(place: Place, role: str) -> bool:
    return not place.right or role in RIGHTS[place.right].roles


def _holds(url: str, path: str) -> bool:
    return path == url if url == "/" else path.startswith(url)

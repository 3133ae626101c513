"""Parts of the customer's page: tabs with addresses, panels that stand on them, and what can be begun from its head."""

from dataclasses import dataclass
from typing import Any

from django.urls import reverse
from django.utils.translation import gettext_lazy as _

from crm.rights import Actor, may

OVERVIEW = "overview"


@dataclass(frozen=True)
class Panel:
    """A part of the customer's page. `url_name` takes the customer's id and answers with a page or a fragment.

    It is a tab of its own, unless `tab` names the one it stands on. `is_page` says that its address shows the whole
    page of the customer ({% customer_head %}); any other is loaded into a page that does. Tabs and panels stand in the
    order of `place`.
    """

    key: str
    label: Any
    url_name: str
    right: str
    tab: str = ""
    place: int = 50
    is_page: bool = False


@dataclass(frozen=True)
class Beginning:
    """Something that can be begun for a customer from the head of the page: an address that takes the customer's id.

    One that contacts the customer names its `channel`, and stands beside the buttons that write down calls, too.
    """

    label: Any
    url_name: str
    right: str
    icon: str
    channel: str = ""


PANELS: list[Panel] = [
    Panel(OVERVIEW, _("Overview"), "customer", "customers.view", place=0, is_page=True),
    Panel("timeline", _("Timeline"), "customer-timeline", "customers.view", place=10, is_page=True),
    Panel("orders", _("Orders"), "customer-orders", "orders.view", place=30, is_page=True),
    Panel("consents", _("Consents"), "customer-consents", "consents.view", place=80, is_page=True),
    Panel("privacy", _("Privacy"), "customer-privacy", "privacy.file", place=90, is_page=True),
    Panel("audit", _("Audit"), "customer-audit", "audit.view", place=99, is_page=True),
]
BEGINNINGS: list[Beginning] = [
    Beginning(_("Merge with another record"), "customer-merge", "customers.merge", "arrows-pointing-in"),
]


def register(panel: Panel) -> None:
    """Add a panel; called once, from the AppConfig.ready of the floor that brings it."""
    PANELS.append(panel)


def offer(beginning: Beginning) -> None:
    """Add something to begin; called once, from the AppConfig.ready of the floor that brings it."""
    BEGINNINGS.append(beginning)


def tabs(actor: Actor, customer_id: int) -> list[tuple[Panel, str]]:
    """The tabs the actor may open, each with its address."""
    return [(panel, address(panel, customer_id)) for panel in _open(actor) if not panel.tab]


def address(panel: Panel, customer_id: int) -> str:
    """Where the tab is shown with the customer's page around it."""
    if panel.is_page:
        return reverse(panel.url_name, args=[customer_id])
    return reverse("customer-tab", args=[customer_id, panel.key])


def on_tab(actor: Actor, customer_id: int, tab: str) -> list[tuple[Panel, str]]:
    """The panels the actor may see on a tab, each with the address of its fragment."""
    found = [panel for panel in _open(actor) if panel.tab == tab or (panel.key == tab and not panel.is_page)]
    return [(panel, reverse(panel.url_name, args=[customer_id])) for panel in found]


def beginnings(actor: Actor, customer_id: int) -> list[tuple[Beginning, str]]:
    """What the actor may begin for the customer, each with its address."""
    return [(one, reverse(one.url_name, args=[customer_id])) for one in BEGINNINGS if may(actor, one.right)]


def contacts(actor: Actor, customer_id: int) -> list[tuple[Beginning, str]]:
    """Ways to contact the customer that the actor may begin, each with its address."""
    return [(one, url) for one, url in beginnings(actor, customer_id) if one.channel]


def _open(actor: Actor) -> list[Panel]:
    return sorted((panel for panel in PANELS if may(actor, panel.right)), key=lambda panel: panel.place)

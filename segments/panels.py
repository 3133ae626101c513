"""Parts of a segment's page that floors above bring: named addresses, loaded as fragments."""

from django.urls import reverse

from crm.panels import Panel
from crm.rights import Actor, may

PANELS: list[Panel] = []


def register(panel: Panel) -> None:
    """Add a panel whose address takes the segment's slug; called once, from AppConfig.ready of its floor."""
    PANELS.append(panel)


def of_segment(actor: Actor, slug: str) -> list[tuple[Panel, str]]:
    """The panels the actor may see, each with its address."""
    return [(panel, reverse(panel.url_name, args=[slug])) for panel in PANELS if may(actor, panel.right)]

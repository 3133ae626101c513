"""Parts of the customer's page that floors above bring: named addresses, loaded as fragments."""

from dataclasses import dataclass
from typing import Any

from django.urls import reverse

from crm.rights import Actor, may


@dataclass(frozen=True)
class Panel:
    """A tab of the customer's page. `url_name` takes the customer's id and answers with a page or fragment."""

    key: str
    label: Any
    url_name: str
    right: str


PANELS: list[Panel] = []


def register(panel: Panel) -> None:
    """Add a panel; called once, from the AppConfig.ready of the floor that brings it."""
    PANELS.append(panel)


def of_customer(actor: Actor, customer_id: int) -> list[tuple[Panel, str]]:
    """The panels the actor may see, each with its address."""
    return [(panel, reverse(panel.url_name, args=[customer_id])) for panel in PANELS if may(actor, panel.right)]

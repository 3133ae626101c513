"""Parts of a segment's page that floors above bring: fragments by their addresses, and later steps of the reach."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.urls import reverse

from crm.panels import Panel
from crm.rights import Actor, may

PANELS: list[Panel] = []
Customers = Callable[[], Sequence[int]]
Losses = Callable[[str, Customers, datetime], Mapping[str, int] | None]
"""Of those whom a channel reaches, how many a marketing message would lose at that time, by the code of the reason.

None where nothing binds anybody. The customers are found when they are asked for.
"""


@dataclass(frozen=True)
class Step:
    """A step of the reach behind those that segments judge; `label` is what those who are left have in common.

    `reasons` are the codes in words; what `rests_on` gives changes when the losses may have changed.
    """

    key: str
    label: Any
    losses: Losses
    reasons: Mapping[str, Any]
    rests_on: Callable[[], Any]


STEPS: list[Step] = []


def judge(step: Step) -> None:
    """Add a step of the reach; called once, from AppConfig.ready of its floor."""
    STEPS.append(step)


def register(panel: Panel) -> None:
    """Add a panel whose address takes the segment's slug; called once, from AppConfig.ready of its floor."""
    PANELS.append(panel)


def of_segment(actor: Actor, slug: str) -> list[tuple[Panel, str]]:
    """The panels the actor may see, each with its address."""
    return [(panel, reverse(panel.url_name, args=[slug])) for panel in PANELS if may(actor, panel.right)]

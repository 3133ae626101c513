"""Whom a campaign reaches, on its pages: at once where they are few or counted already, else once a worker has."""

from collections.abc import Callable, Mapping
from typing import Any

from django.http import HttpRequest

from campaigns import counting, tasks
from campaigns.models import Campaign
from crm import later


def counted(request: HttpRequest, campaign: Campaign, make: Callable[[], Mapping[str, Any]]) -> dict[str, Any]:
    """What `make` brings to the page; while it is counted `later`: where to ask again, and how many so far."""
    return later.by_worker(
        request,
        make,
        rows=counting.cost(campaign),
        name=counting.name_of(campaign),
        poke=lambda: tasks.poke_count(campaign.pk),
    )

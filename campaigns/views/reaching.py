"""Whom a campaign reaches, on its pages: at once where they are few or counted already, else once a worker has."""

from collections.abc import Callable, Mapping
from typing import Any

from django.http import HttpRequest

from campaigns import counting, tasks
from campaigns.models import Campaign
from crm import answers


def counted(request: HttpRequest, campaign: Campaign, make: Callable[[], Mapping[str, Any]]) -> dict[str, Any]:
    """What `make` brings to the page; while it is counted `later`: where to ask again, and how many so far."""
    if counting.is_quick(campaign):
        return dict(make())
    try:
        with answers.only_at_hand():
            return dict(make())
    except answers.NotAtHand:
        name = counting.name_of(campaign)
        if answers.begin(name):
            tasks.poke_count(campaign.pk)
        return {"later": request.get_full_path(), "counted_so_far": answers.done_so_far(name)}

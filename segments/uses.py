"""Who uses a segment: rules that name it, and what floors above say of it."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.urls import reverse
from django.utils.translation import gettext_lazy as _

from crm.rights import Actor
from segments.models import Segment


@dataclass(frozen=True)
class Use:
    """One thing that rests on a segment: what it is, its name and its page; `at` is when it last did."""

    segment_id: int
    kind: Any
    name: str
    url: str
    at: datetime | None = None


# A source says for segments, by their ids, what uses them and may be seen by the actor.
Source = Callable[[Actor, Sequence[int]], Iterable[Use]]
SOURCES: list[Source] = []
CAMPAIGNS: list[Callable[[], Mapping[str, str]]] = []


def register(source: Source) -> None:
    """Add a source; called once, from the AppConfig.ready of the floor that brings it."""
    SOURCES.append(source)


def of_segments(actor: Actor, found: Iterable[Segment]) -> dict[int, list[Use]]:
    """The uses of each segment by its id: one question per source, however many segments."""
    ids = [one.pk for one in found]
    uses: dict[int, list[Use]] = {pk: [] for pk in ids}
    for source in (_rules, *SOURCES):
        for use in source(actor, ids):
            uses[use.segment_id].append(use)
    return uses


def _rules(actor: Actor, ids: Sequence[int]) -> Iterable[Use]:
    """Segments whose rules name these."""
    live = Segment.objects.filter(archived_at__isnull=True).only("pk", "slug", "name", "rule")
    rows: Mapping[str, Segment] = {one.slug: one for one in live}
    from segments import evaluation  # the engine, late: every command registers uses, few evaluate

    features, asked = evaluation.catalogue(), set(ids)
    for user in rows.values():
        for slug in evaluation.segments_in(user.rule, features):
            if slug in rows and rows[slug].pk in asked:
                yield Use(rows[slug].pk, _("Segment"), user.name, reverse("segment", args=[user.slug]))


def name_campaigns(names: Callable[[], Mapping[str, str]]) -> None:
    """Add a source of campaigns by slug, for conditions on responses; called once, by AppConfig.ready of its floor."""
    CAMPAIGNS.append(names)


def campaigns() -> dict[str, str]:
    """Slug → name of the campaigns that customers can have answered, the newest first."""
    return {slug: name for source in CAMPAIGNS for slug, name in source().items()}

"""What users are told of segments: one of theirs has gone stale."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime

from django.urls import reverse
from django.utils.translation import gettext_lazy as _

from crm.news import Kind, Named, News
from crm.rights import Actor
from segments import queries
from segments.models import Segment


def _stale(since: datetime, at: datetime) -> Iterable[News]:
    """Told to the owner once per refresh that was the last."""
    rows = Segment.objects.filter(archived_at__isnull=True, owner__isnull=False, refreshed_at__isnull=False)
    for one in rows.exclude(kind="static"):
        if queries.is_stale(one, at=at):
            yield News(one.owner_id, one.pk, f"{one.pk} {one.refreshed_at:%Y-%m-%d %H:%M}", at)  # type: ignore[arg-type]


def _named(actor: Actor, ids: Sequence[int]) -> Mapping[int, Named]:
    rows = queries.segments(actor).filter(pk__in=ids)
    return {one.pk: Named(one.name, reverse("segment", args=[one.slug])) for one in rows}


STALE = Kind(
    "stale", _("A segment of mine goes stale"), _("Stale, not used for sending: %(what)s"), "segments.view",
    _stale, _named, icon="exclamation-triangle",
)  # fmt: skip

"""How fresh a segment's membership is: one word, its colour, and the reason behind it."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.utils.translation import gettext as _

from crm import figures
from segments import queries
from segments.models import Segment


@dataclass(frozen=True)
class Freshness:
    """`tone` is a meaning of the badge: neutral, good, warn, bad or info; `reason` is empty when all is well."""

    word: Any
    tone: str
    reason: str = ""

    @property
    def needs_attention(self) -> bool:
        return self.tone in ("warn", "bad")


def of_segment(segment: Segment, *, at: datetime) -> Freshness:
    """What a reader should know before trusting the number."""
    if segment.archived_at:
        return Freshness(_("Archived"), "neutral", _("It is not refreshed and cannot be sent to."))
    if segment.kind == "static":
        return Freshness(_("Kept by hand"), "neutral")
    if segment.error:
        return Freshness(_("Failing"), "bad", queries.trouble(segment))
    return _of_refreshed(segment, at)


def _of_refreshed(segment: Segment, at: datetime) -> Freshness:
    if segment.refreshed_at is None:
        return Freshness(_("Waiting"), "info", _("Its members are being found for the first time."))
    if queries.is_stale(segment, at=at):
        told = _("Last refreshed %(when)s. It is not used for sending until it is refreshed.")
        return Freshness(_("Stale"), "warn", told % {"when": figures.ago(segment.refreshed_at, at)})
    if queries.is_awaited(segment, at=at):
        return Freshness(_("Refreshing"), "info")
    if segment.due_at and queries.is_late(segment, at=at):
        told = _("The refresh has been due for %(span)s.") % {"span": figures.span(at - segment.due_at)}
        return Freshness(_("Late"), "warn", told)
    return Freshness(_("Up to date"), "good")

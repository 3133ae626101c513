"""What segments hold of a person: memberships and the rules behind them, and places on named lists through a merge."""

from datetime import datetime
from typing import Any

from django.utils.translation import gettext_lazy as _

from crm.holdings import Follower, Holding
from segments import ledger, queries
from segments.models import Membership, MembershipReason, Segment, SegmentKind
from segments.rules.errors import RuleError

# The ledger stays true after a merge: each record was in what it was in. The refresh moves the survivor by the rules.
HOLDINGS = (
    Holding(
        "segments.Membership",
        label=_("Groups"),
        columns=("segment__name", "entered_at", "entered_reason", "left_at", "left_reason"),
    ),
    Holding("segments.Followed", "customer_id", reason="how far the live evaluation is; a number and no fact"),
)


def logic(customer_ids: list[int], *, language: str) -> list[dict[str, Any]]:
    """The rules of the segments the person is or was in, in words (GDPR article 15(1)(h))."""
    slugs = Segment.objects.filter(memberships__customer__in=customer_ids).distinct().order_by("name")
    return [{"segment": one.name, "rule": _words(one, language), "purpose": one.purpose} for one in slugs]


def _words(one: Segment, language: str) -> str:
    try:
        return queries.sentence(one.rule, language) if one.rule else one.get_kind_display()
    except RuleError:
        return one.get_kind_display()


def join(*, survivor: int, merged: int, at: datetime) -> list[list[Any]]:
    """On named lists the survivor takes the place of the merged one; answers which lists, and who was on them."""
    lists = Membership.objects.filter(customer=merged, left_at=None, segment__kind=SegmentKind.STATIC)
    ids = sorted(lists.values_list("segment", flat=True))
    was_there = set(
        Membership.objects.filter(customer=survivor, left_at=None, segment__in=ids).values_list("segment", flat=True)
    )
    for pk in ids:
        _change(pk, [survivor], [merged], at=at)
    return [[pk, pk in was_there] for pk in ids]


def part(memory: list[list[Any]] | None, *, survivor: int, merged: int, at: datetime) -> None:
    """Give the places back."""
    for pk, was_there in memory or []:
        _change(pk, [merged], [] if was_there else [survivor], at=at)


def _change(pk: int, adding: list[int], taking: list[int], *, at: datetime) -> None:
    one = Segment.objects.select_for_update().get(pk=pk)
    wanted = (set(ledger.members(pk).tolist()) - set(taking)) | set(adding)
    ledger.replace(
        one,
        ledger.ids(wanted),
        at=at,
        entered_reason=MembershipReason.ADDED,
        left_reason=MembershipReason.MERGED,
        version=None,
    )
    one.refreshed_at = one.updated_at = at
    one.save()


FOLLOWER = Follower("named lists", join, part)
__all__ = ["FOLLOWER", "HOLDINGS", "join", "logic", "part"]

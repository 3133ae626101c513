"""Rolling a decision out: whom it concerns, and which version each of them gets.

The rest of the audience is everybody who is in a decided segment now and was not written to in the test: those held
out, those who came since, those whose message did not leave. They are sealed, checked and sent like any audience.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.utils.translation import gettext as _

from campaigns.audience import Prospect, memberships
from campaigns.models import Message, MessageState, Run, RunStatus
from campaigns.results import words
from campaigns.results.answer import Results

GRACE = timedelta(minutes=10)  # between the decision and the first message, in which it can be undone without a trace
EVERYBODY = "0"  # key of the group of all; the others are ids of segments
WRITTEN_TO = (
    MessageState.QUEUED,
    MessageState.LEASED,
    MessageState.HANDING,
    MessageState.SENT,
    MessageState.DEFERRED,
    MessageState.UNKNOWN,
)
UNDER_WAY = (RunStatus.SEALING, RunStatus.SENDING, RunStatus.PAUSED)


@dataclass(frozen=True)
class Choice:
    """A group whose decision can be rolled out: the version it gets, why, and how many were held out for it."""

    key: str
    name: str
    variant: str
    sentence: str
    held_out: int


def choices(results: Results) -> tuple[Choice, ...]:
    """Every group with a winner, segments first; everybody stands for the segments without a decision of their own."""
    groups = (*results.report.segments, results.report.overall)
    return tuple(
        Choice(
            one.key,
            one.name or str(_("Everybody else")),
            one.decision.variant or "",
            words.said(results, one.decision),
            sum(arm.people for arm in one.arms if arm.role == "hold_out"),
        )
        for one in groups
        if one.decision.kind == "variant"
    )


def spared(results: Results) -> list[int]:
    """Segments that do as well without a message: they get none, whatever everybody else gets."""
    return [int(one.key) for one in results.report.segments if one.decision.kind == "hold_out_is_as_good"]


def concerned(run: Run, prospects: Sequence[Prospect]) -> list[Prospect]:
    """Those of the members whom the roll-out is for; for any other run, all of them."""
    if run.rolls_out_id is None:
        return list(prospects)
    chosen = variants(run, [one.customer_id for one in prospects])
    return [one for one in prospects if one.customer_id in chosen]


def variants(run: Run, customers: Sequence[int]) -> dict[int, str]:
    """The key of the version that each gets: that of the first decided segment they are in, else everybody's."""
    decided: Mapping[str, str] = run.plan["decisions"]
    by_segment = {int(key): variant for key, variant in decided.items() if key != EVERYBODY}
    own = own_segments(run, customers, [*by_segment, *run.plan["spared"]])
    done = written_to(run, customers)
    found = {
        one: variant_of(own.get(one, ()), by_segment, decided.get(EVERYBODY, ""))
        for one in customers
        if one not in done
    }
    return {one: variant for one, variant in found.items() if variant}


def variant_of(segments: Sequence[int], by_segment: Mapping[int, str], otherwise: str) -> str:
    """The version for a member of these segments, in their order; empty for those who are spared.

    >>> variant_of([3, 7], {7: "B"}, "A"), variant_of([3], {7: "B"}, "A"), variant_of([], {7: "B"}, "A")
    ('B', '', 'A')
    """
    decided = next((by_segment[one] for one in segments if one in by_segment), "")
    return decided or ("" if segments else otherwise)


def own_segments(run: Run, customers: Sequence[int], segments: Sequence[int]) -> dict[int, list[int]]:
    """Which of the segments each customer was in when the roll-out was decided, in the order of their ids."""
    assert run.sealed_at is not None
    rows = memberships(segments, run.sealed_at).filter(customer__in=customers).order_by("segment")
    own: dict[int, list[int]] = {}
    for customer, segment in rows.values_list("customer", "segment").distinct():
        own.setdefault(customer, []).append(segment)
    return own


def written_to(run: Run, customers: Sequence[int]) -> set[int]:
    """Who has or will have a message of the campaign from an earlier run."""
    earlier = Message.objects.filter(run__campaign=run.campaign_id, run__lt=run.pk, customer__in=customers)
    return set(earlier.filter(state__in=WRITTEN_TO).order_by().values_list("customer", flat=True))


def latest(campaign_id: int) -> Run | None:
    """The last roll-out of a campaign."""
    return Run.objects.filter(campaign=campaign_id, rolls_out__isnull=False).order_by("-pk").first()


def columns(
    test: Run, decisions: Mapping[str, str], spared: Sequence[int], reason: str, at: datetime
) -> dict[str, Any]:
    """What a roll-out has beside the columns of every run. It begins by itself after the time to think again."""
    number = Run.objects.filter(rolls_out=test).count() + 1
    return {
        "rolls_out": test,
        "occurrence_key": f"roll-out-{test.pk}-{number}",
        "status": RunStatus.PAUSED,
        "resume_at": at + GRACE,
        "members_at": None,  # those who came since are the point of it
        "plan": {
            **at_once(without_end(test.plan)),
            "decisions": dict(decisions),
            "spared": list(spared),
            "reason": reason,
        },
    }


def close(test: Run, at: datetime) -> None:
    """The test ends: what the held-out do from now on may be due to the roll-out."""
    test.plan = {"closed_at": at.isoformat(), **test.plan}
    test.save(update_fields=["plan"])


def reopen(test: Run) -> None:
    """The test goes on, unless somebody got a roll-out of it."""
    if not Message.objects.filter(run__rolls_out=test, handed_at__isnull=False).exists():
        test.plan = without_end(test.plan)
        test.save(update_fields=["plan"])


def at_once(plan: Mapping[str, Any]) -> dict[str, Any]:
    """A decision goes to all its people at once, even after a test in waves."""
    return {name: value for name, value in plan.items() if name != "waves"}


def without_end(plan: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in plan.items() if name != "closed_at"}

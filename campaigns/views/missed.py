"""Who did not get it and why: every reason with its people, for the end of a report."""

from dataclasses import dataclass

from django.urls import reverse
from django.utils.http import urlencode
from django.utils.translation import gettext_lazy as _

from campaigns import queries
from campaigns.models import MessageState, Run
from campaigns.reasons import reason_words
from crm import figures

STATES = {
    MessageState.SKIPPED: _("Not allowed or not reachable"),
    MessageState.FAILED: _("Did not arrive"),
    MessageState.UNKNOWN: _("May or may not have arrived"),
    MessageState.EXPIRED: _("Too late to be sent"),
    MessageState.CANCELLED: _("Cancelled"),
    MessageState.HELD_OUT: _("Held out on purpose"),
}


@dataclass(frozen=True)
class Missed:
    """One reason: in words, how many, and where they are listed (empty where the list is of another run)."""

    kind: str
    reason: str
    people: str
    url: str


def missed(run: Run) -> list[Missed]:
    """The reasons, by state in the order of the table above, the most frequent first."""
    states = queries.progress(run).states
    reasons = queries.reasons(run, states)
    return [
        row(run, state, reason, count)
        for state in STATES
        if state in states
        for reason, count in sorted(split(reasons.get(state, {}), states[state]).items(), key=lambda pair: -pair[1])
    ]


def split(reasons: dict[str, int], people: int) -> dict[str, int]:
    """The people of a state by reason; those without one under none.

    >>> split({"no_consent": 3}, 5)
    {'no_consent': 3, '': 2}
    """
    rest = people - sum(reasons.values())
    return {**reasons, "": rest} if rest else dict(reasons)


def row(run: Run, state: MessageState, reason: str, count: int) -> Missed:
    query = urlencode({"run": str(run.pk), "state": state.value, "reason": reason})
    url = f"{reverse('campaign-people', args=[run.campaign_id])}?{query}"
    return Missed(str(STATES[state]), reason_words(reason) if reason else "", figures.number(count), url)

"""The steps by which a campaign is planned: their order, their addresses, and what is missing before it can leave."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, pgettext_lazy

from campaigns import queries
from campaigns.checks import links, words
from campaigns.content import matrix
from campaigns.models import Campaign


@dataclass(frozen=True)
class Step:
    """One step: its key in the address, its name, and the sentence that says what it is for."""

    key: str
    label: Any
    answer: Any


STEPS = (
    Step("goal", gettext_lazy("Goal"), gettext_lazy("Say what it is for: the test is decided by nothing else.")),
    Step("audience", gettext_lazy("Audience"), gettext_lazy("Choose whom it is for, and see whom it reaches.")),
    Step("messages", gettext_lazy("Messages"), gettext_lazy("Write the versions, and read them as a member would.")),
    Step("test", gettext_lazy("Test"), gettext_lazy("Decide how it is tested, and see what these people can show.")),
    Step("schedule", pgettext_lazy("step", "Schedule"), gettext_lazy("Say when it may leave, and what it costs.")),
)
LAST = gettext_lazy("Check and launch")


def steps(campaign: Campaign | None) -> list[tuple[str, str]]:
    """Labels and addresses for the line of steps; none is reachable before the draft exists."""
    pairs = [(str(one.label), address(campaign, one.key)) for one in STEPS]
    return [*pairs, (str(LAST), reverse("campaign-launch", args=[campaign.pk]) if campaign else "")]


def address(campaign: Campaign | None, key: str) -> str:
    return reverse("campaign-plan", args=[campaign.pk, key]) if campaign else ""


def left_to_do(campaign: Campaign | None) -> dict[str, Any]:
    """What is missing, and the addresses of the steps it is missing in."""
    found = missing(campaign) if campaign else []
    return {"missing": found, "undone": [url for _words, url in found]}


def missing(campaign: Campaign) -> list[tuple[str, str]]:
    """What is still to be done before it can leave, each with the address of the step that does it."""
    found = []
    if not campaign.include.exists():
        found.append((_("Choose at least one segment."), address(campaign, "audience")))
    if not campaign.variants.exists():
        found.append((_("Write at least one version."), address(campaign, "messages")))
    for variant_key, faults in queries.faults(campaign).items():
        said = {"key": variant_key, "fault": faults[0]}
        found.append((_("Version %(key)s: %(fault)s") % said, address(campaign, "messages")))
    matrices = sorted(matrix.matrices_of(campaign).values(), key=lambda one: one.key)
    if same := alike(matrices):
        said = {"first": same[0], "second": same[1]}
        found.append(
            (_("Versions %(first)s and %(second)s say the same: change one.") % said, address(campaign, "messages"))
        )
    for one in matrices:
        notes = links.seen(cell.source for cell in one.cells)
        if wrong := next((note for note in notes if note.code in links.NOWHERE), None):
            said = {"key": one.key, "fault": words.link_sentence(wrong)}
            found.append((_("Version %(key)s: %(fault)s") % said, address(campaign, "messages")))
    return found


def alike(matrices: Sequence[matrix.Matrix]) -> tuple[str, str] | None:
    """The first two versions that nobody could tell apart."""
    seen: dict[Any, str] = {}
    for one in matrices:
        said = tuple((cell.segment_id, cell.language, *vars(cell.source).values()) for cell in one.cells)
        if said in seen:
            return seen[said], one.key
        seen[said] = one.key
    return None

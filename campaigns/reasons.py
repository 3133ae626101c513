"""Why a message was skipped, put off or failed: every code in words."""

from django.utils.translation import gettext_lazy

from campaigns import audience, correspondence, waves

REASONS = {
    **{loss.code: loss.label for loss in audience.LOSSES},
    "merged": gettext_lazy("Merged into another customer"),
    "quiet_hours": gettext_lazy("Waits for the hour to write where they live"),
    "try_later": gettext_lazy("The server asked to try later"),
    "server_closing": gettext_lazy("The server closed the connection"),
    "connection_broke": gettext_lazy("The connection broke"),
    "process_died": gettext_lazy("The sending process died"),
    "tried_long_enough": gettext_lazy("Tried for a day and more"),
    "no_mailbox": gettext_lazy("There is no such mailbox"),
    "refused": gettext_lazy("The server refused it"),
    "too_late": gettext_lazy("The days in which it counts were over"),
    "not_rendered": gettext_lazy("The text could not be filled in"),
    "sent_again": gettext_lazy("Sent again"),
    "answered": gettext_lazy("The recipient reacted"),
    correspondence.MAY_BE_TAKEN_BACK: gettext_lazy("Leaves in a moment"),
    waves.LATER: gettext_lazy("Waits for a later wave"),
}


def reason_words(code: str) -> str:
    """A reason code in words; what a server said stays as it is."""
    return str(REASONS.get(code, code.replace("_", " ")))

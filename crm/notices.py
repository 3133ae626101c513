"""What a page tells its visitor after a change: one sentence, and the way back."""

from django.contrib import messages
from django.http import HttpRequest

UNDO = "undo="


def notify(request: HttpRequest, sentence: str, *, undo_url: str = "", level: int = messages.SUCCESS) -> None:
    """Show `sentence` on the next page; with `undo_url`, a button there posts to it."""
    messages.add_message(request, level, sentence, extra_tags=UNDO + undo_url if undo_url else "")


def undo_url(extra_tags: str | None) -> str:
    """The address inside the tags of a message, or an empty string.

    >>> undo_url("undo=/imports/4/undo/")
    '/imports/4/undo/'
    """
    return (extra_tags or "").removeprefix(UNDO) if (extra_tags or "").startswith(UNDO) else ""

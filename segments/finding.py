"""What the search over everything finds of segments: by the words of their names."""

from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from crm import figures
from crm.finding import Found, Searcher, has_words
from crm.rights import Actor
from segments import queries


def segments(actor: Actor, text: str, most: int) -> list[Found]:
    """Segments are few: their names are read, and the words compared as people write them."""
    if not text:
        return []
    rows = queries.segments(actor).order_by("name").values_list("slug", "name", "size")
    found = [
        Found(name, reverse("segment", args=[slug]), _note(size)) for slug, name, size in rows if has_words(text, name)
    ]
    return found[:most]


def _note(size: int | None) -> str:
    return _("%(n)s members") % {"n": figures.number(size)} if size is not None else ""


OWN = (Searcher(gettext_lazy("Segments"), "funnel", "segments.view", segments),)

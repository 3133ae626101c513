"""For everybody who may read notes: where they are mentioned, the new ones first."""

from collections.abc import Iterator
from datetime import datetime

from django.db.models import F
from django.urls import reverse
from django.utils.text import Truncator
from django.utils.translation import gettext as _

from config.home.lines import MOST, Item
from crm import figures
from crm import queries as crm_queries
from crm.rights import Actor


def mentions(actor: Actor, at: datetime) -> Iterator[Item]:
    """The latest notes that name them; where they have not looked yet says so."""
    rows = crm_queries.mentions(actor).select_related("note__customer", "note__company", "note__created_by")
    for one in rows.order_by(F("seen_at").desc(nulls_first=True), "-pk")[:MOST]:
        note = one.note
        url = (
            reverse("customer-notes", args=[note.customer_id])
            if note.customer_id
            else reverse("company", args=[note.company_id])
        )
        said = f"{note.created_by}: {Truncator(note.text).chars(120)}"
        new = _("New") if one.seen_at is None else figures.ago(note.created_at, at)
        yield Item(str(note.customer or note.company), url, new, said, "info" if one.seen_at is None else "neutral")

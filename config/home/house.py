"""For administrators: what is ill in the house, the last imports, who came in."""

from collections.abc import Iterator
from datetime import datetime, timedelta

from django.urls import reverse
from django.utils.translation import gettext as _

from config import vital_signs
from config.home.lines import MOST, Item
from crm import figures
from crm import queries as crm_queries
from crm.rights import Actor

WEEK = timedelta(days=7)
RUNNING = ("running", "undoing", "checking", "queued")


def signs(actor: Actor, at: datetime) -> list[Item]:
    """What may fall behind: everything that does, else the few figures one looks for."""
    found = [sign for section in vital_signs.sections(at=at) for sign in section.signs]
    ill = [sign for sign in found if sign.tone in ("warn", "bad")]
    usual = [sign for sign in found if sign.metric in USUAL]
    chosen = sorted(ill, key=lambda sign: sign.tone)[:MOST] or usual
    return [Item(str(sign.label), sign.url or reverse("health"), sign.told, sign.note, sign.tone) for sign in chosen]


USUAL = ("process_seen_age_seconds", "queue_depth", "message_oldest_due_seconds", "messages_unknown", "disk_free_bytes")


def imports(actor: Actor, at: datetime) -> Iterator[Item]:
    """Imports that run, and those that ended in a week."""
    rows = crm_queries.imports(actor)
    for one in rows.filter(status__in=RUNNING).order_by("-pk")[:MOST]:
        done = f"{figures.number(one.cursor)} / {figures.number(one.rows_total)}"
        yield Item(one.file_name, reverse("import", args=[one.pk]), done, one.get_status_display(), "info")
    for one in rows.filter(finished_at__gt=at - WEEK).order_by("-finished_at")[:3]:
        note = figures.ago(one.finished_at, at)
        yield Item(one.file_name, reverse("import", args=[one.pk]), one.get_status_display(), note)


def sign_ins(actor: Actor, at: datetime) -> Iterator[Item]:
    """Who came in last, and how."""
    for one in crm_queries.visits(actor)[:MOST]:
        how = f"{one.get_way_display()} · {one.browser}" if one.browser else one.get_way_display()
        yield Item(str(one.user), reverse("user", args=[one.user_id]), figures.ago(one.began_at, at), how)


def keys(actor: Actor, at: datetime) -> Iterator[Item]:
    """API keys that end within a month."""
    soon = crm_queries.keys(actor).filter(revoked_at=None, expires_at__gt=at, expires_at__lt=at + 4 * WEEK)
    for one in soon.order_by("expires_at")[:MOST]:
        yield Item(one.name, reverse("keys"), figures.ago(one.expires_at, at), _("The key ends"), "warn")

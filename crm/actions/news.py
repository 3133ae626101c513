"""Notifications: found in the rows and written once, seen, mailed at once or once a day as each user wishes."""

import logging
from collections.abc import Iterable, Mapping
from datetime import datetime, time, timedelta
from itertools import groupby
from smtplib import SMTPRecipientsRefused, SMTPResponseException
from typing import Any
from zoneinfo import ZoneInfo

from django.conf import settings
from django.core.mail import get_connection, send_mail
from django.db import transaction
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import ngettext, override

from crm import access, news, queries
from crm.actions.rows import ValueRefused
from crm.models import NewsWay, NewsWish, Notification, User
from crm.rights import Actor

LOOK_BACK = timedelta(days=1)
KEPT = timedelta(days=90)
DIGEST_AT = time(7)
MOST_MAILED = 100  # letters in one look, and lines in one letter
log = logging.getLogger(__name__)


def tell(*, at: datetime) -> None:
    """Write down what is new to anybody. Safe to run twice, and to be killed."""
    for kind in news.KINDS:
        found = list(kind.found(at - LOOK_BACK, at))
        ways = _ways(kind, {one.user_id for one in found})
        rows = [
            Notification(
                user_id=one.user_id, kind=kind.key, object_id=one.object_id, ref=one.ref, by_id=one.by_id, at=one.at,
                way=ways[one.user_id],
            )
            for one in found
            if ways.get(one.user_id, NewsWay.OFF) != NewsWay.OFF
        ]  # fmt: skip
        Notification.objects.bulk_create(rows, ignore_conflicts=True)


def _ways(kind: news.Kind, users: Iterable[int]) -> dict[int, str]:
    """How each of these active users wants to hear of it."""
    active = User.objects.filter(pk__in=list(users), is_active=True).values_list("pk", flat=True)
    wishes = dict(NewsWish.objects.filter(kind=kind.key, user__in=list(active)).values_list("user", "way"))
    return {pk: wishes.get(pk, kind.way) for pk in active}


def see_news(rows: Iterable[int] | None = None, *, by: Actor, at: datetime) -> int:
    """One's own notifications are read: these, or all; returns how many were not before."""
    mine = queries.news(by).filter(seen_at__isnull=True)
    return (mine if rows is None else mine.filter(pk__in=list(rows))).update(seen_at=at)


@transaction.atomic
def choose_ways(wishes: Mapping[str, str], *, by: Actor) -> None:
    """How one wants to hear of each kind. Raises ValueRefused for a kind or way that there is not."""
    known = {one.key for one in news.open_to(by)}
    for key, way in wishes.items():
        if key not in known or way not in NewsWay.values:
            raise ValueRefused(_("Not one of the choices."), path=key, choices=NewsWay.values)
        NewsWish.objects.update_or_create(user=by.user, kind=key, defaults={"way": way})


def mail_news(*, at: datetime) -> int:
    """Send what is to be mailed at once, and the digests whose hour has come; returns how many letters left.

    While no server answers nothing is claimed. What fails after that is not tried again, lest it arrive twice: the
    page tells it.
    """
    rows = Notification.objects.filter(mailed_at__isnull=True, way__in=(NewsWay.MAIL, NewsWay.DIGEST))
    rows = rows.filter(at__gte=at - 2 * LOOK_BACK).select_related("user", "by").order_by("user", "way", "id")
    groups = groupby(rows[: MOST_MAILED * MOST_MAILED], key=lambda row: (row.user, row.way))
    due = [(user, list(group)[:MOST_MAILED]) for (user, way), group in groups if _is_time(user, way, at)]
    if not due:
        return 0
    try:
        with get_connection() as server:
            return sum(_mailed(user, group, at, server) for user, group in due)
    except OSError:
        log.exception("the mail server did not answer for notifications")
        return 0


def _is_time(user: User, way: str, at: datetime) -> bool:
    """A digest leaves once a day, from seven in the morning of the user's zone on."""
    if way == NewsWay.MAIL:
        return True
    zone = ZoneInfo(user.time_zone or settings.FIRM_TIME_ZONE)
    here = at.astimezone(zone)
    morning = datetime.combine(here.date(), DIGEST_AT, zone)
    today = Notification.objects.filter(user=user, way=NewsWay.DIGEST, mailed_at__gte=morning)
    return here >= morning and not today.exists()


def _mailed(user: User, rows: list[Notification], at: datetime, server: Any) -> bool:
    """Claimed first, so that of two workers one sends it, and none sends it again after a crash."""
    mine = Notification.objects.filter(pk__in=[row.pk for row in rows], mailed_at__isnull=True)
    with transaction.atomic():
        ours = set(mine.select_for_update().values_list("pk", flat=True))
        Notification.objects.filter(pk__in=ours).update(mailed_at=at)
    actor, zone = access.of_user(user), user.time_zone or settings.FIRM_TIME_ZONE
    with override(user.language), timezone.override(zone):
        lines = news.told(actor, [row for row in rows if row.pk in ours])
        if not (lines and user.email and user.is_active):
            return False
        subject, body = letter(lines)
    try:
        return bool(send_mail(subject, body, None, [user.email], connection=server))
    except (SMTPRecipientsRefused, SMTPResponseException):  # it answers, and will others
        log.exception("notifications of user %s", user.pk)
        return False


def letter(lines: list[news.Told]) -> tuple[str, str]:
    """Subject and text: one thing is its own subject, of several the number is."""
    several = ngettext("%(n)s thing is new", "%(n)s things are new", len(lines)) % {"n": len(lines)}
    subject = lines[0].sentence if len(lines) == 1 else several
    told = "\n\n".join(f"{one.sentence}\n{settings.BASE_URL}{one.url}" for one in lines)
    wishes = _("What you hear of, and how: %(url)s") % {"url": settings.BASE_URL + reverse("news-wishes")}
    return " ".join(subject.split())[:200], f"{told}\n\n{wishes}\n"


def forget_news(*, at: datetime) -> int:
    """Let go of what was told long ago; returns how many."""
    return Notification.objects.filter(at__lt=at - KEPT).delete()[0]

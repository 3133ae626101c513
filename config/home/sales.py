"""For sales: one's own tasks and deals, and what happened at one's customers."""

from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any

from django.db.models import Count, Q, Sum
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from config.home.lines import MOST, Item
from crm import figures
from crm import queries as crm_queries
from crm.rights import Actor
from segments import queries as segment_queries

WEEK = timedelta(days=7)


def own_tasks(actor: Actor) -> Any:
    return crm_queries.tasks(actor).filter(owner=actor.user, status="open")


def answer(actor: Actor, *, at: datetime) -> str:
    """How many of one's own tasks wait: overdue, and due within the day."""
    counts = own_tasks(actor).aggregate(
        overdue=Count("pk", filter=Q(due_at__lt=at)),
        today=Count("pk", filter=Q(due_at__gte=at, due_at__lte=end_of_day(at))),
    )
    late = ngettext("%(n)s task is overdue", "%(n)s tasks are overdue", counts["overdue"]) % {"n": counts["overdue"]}
    now = ngettext("%(n)s is due today", "%(n)s are due today", counts["today"]) % {"n": counts["today"]}
    said = [words for words, count in ((late, counts["overdue"]), (now, counts["today"])) if count]
    return f"{', '.join(said)}." if said else _("Nothing is due today.")


def end_of_day(at: datetime) -> datetime:
    return crm_queries.end_of_firms_day(at)


def tasks(actor: Actor, at: datetime) -> Iterator[Item]:
    """One's own open tasks, the most overdue first."""
    for one in own_tasks(actor).select_related("customer", "company").order_by("due_at", "pk")[:MOST]:
        tone = "bad" if one.due_at < at else "warn" if one.due_at <= end_of_day(at) else "neutral"
        about = str(one.customer or one.company or "")
        yield Item(
            one.title or one.get_kind_display(),
            reverse("task", args=[one.pk]),
            figures.ago(one.due_at, at),
            about,
            tone,
        )


def pipeline(actor: Actor, at: datetime) -> Iterator[Item]:
    """One's own open deals by stage, with their worth; then the three that are to close next."""
    own = crm_queries.deals(actor).filter(owner=actor.user, status="open")
    by_stage = own.order_by().values("stage", "currency").annotate(n=Count("pk"), worth=Sum("amount"))
    sums = {(row["stage"], row["currency"]): row for row in by_stage}
    for stage in (
        crm_queries.stages(actor).filter(pk__in={pk for pk, _currency in sums}).order_by("pipeline", "position")
    ):
        for (pk, currency), row in sums.items():
            if pk == stage.pk:
                told = ngettext("%(n)s deal", "%(n)s deals", row["n"]) % {"n": figures.number(row["n"])}
                yield Item(str(stage), reverse("deals"), figures.money(row["worth"], currency, 0), told)
    for one in own.select_related("customer", "company").order_by("expected_on", "pk")[:3]:
        told = _("expected %(day)s") % {"day": figures.day(one.expected_on)}
        tone = "bad" if one.expected_on < at.date() else "neutral"
        figure = figures.money(one.amount, one.currency, 0) if tone == "neutral" else _("overdue")
        yield Item(str(one), reverse("deal", args=[one.pk]), figure, told, tone)


def happenings(actor: Actor, at: datetime) -> list[Item]:
    """The last orders and segment moves of one's own customers; of the team's orders where one owns nobody."""
    owns = crm_queries.customers(actor).filter(owner=actor.user).exists()
    orders = crm_queries.orders(actor).filter(customer__isnull=False, ordered_at__gt=at - 4 * WEEK)
    orders = orders.filter(customer__owner=actor.user) if owns else orders
    newest = orders.select_related("customer").order_by("-ordered_at", "-id")[:MOST]
    found = [(one.ordered_at, _order(one, at)) for one in newest]
    if owns:
        found += _moves(actor, at)
    return [item for _when, item in sorted(found, key=lambda pair: pair[0], reverse=True)[: MOST + 2]]


def _order(one: Any, at: datetime) -> Item:
    told = _("returned goods %(when)s") if one.total_amount < 0 else _("ordered %(when)s")
    note = told % {"when": figures.ago(one.ordered_at, at)}
    url = reverse("customer", args=[one.customer_id])
    return Item(str(one.customer), url, figures.money(one.total_amount, one.currency), note)


def _moves(actor: Actor, at: datetime) -> Iterator[tuple[datetime, Item]]:
    mine = crm_queries.customers(actor).filter(owner=actor.user)
    for one in segment_queries.entries_of(mine, since=at - WEEK)[:MOST]:
        note = _("entered “%(segment)s” %(when)s") % {
            "segment": one.segment.name, "when": figures.ago(one.entered_at, at),
        }  # fmt: skip
        yield one.entered_at, Item(str(one.customer), reverse("customer", args=[one.customer_id]), "", note)

"""What the demo's salespeople do: calls made, tasks planned, deals at every stage, some won and some lost; seeded."""

from collections.abc import Iterator
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

import numpy as np

from crm import access, actions, due, queries, rights

DEALS, TASKS, CALLS = 14, 14, 12
WON, LOST = 4, 3  # of the deals of each salesperson
TITLES = (
    "Seuran peliasut",
    "Työsuhdepyörät",
    "Talvitakit henkilökunnalle",
    "Juoksukenkien testierä",
    "Leirin varusteet",
)
CHORES = (
    ("call", "Kysy tarjouksesta"),
    ("email", "Lähetä mallisto"),
    ("meeting", "Sovitus myymälässä"),
    ("letter", "Kiitoskortti"),
    ("todo", "Tarkista toimitusaika"),
)
SAID = (("reached", "Harkitsee vielä"), ("no_answer", ""), ("reached", "Kiinnostui uutuuksista"), ("call_back", ""))
TRUTH = {"won_share": WON / (WON + LOST)}


def sell(*, now: datetime, seed: int) -> None:
    """Fill the desks of everybody in sales."""
    machine = rights.machine("demo")
    rng = np.random.default_rng(seed)
    for user in queries.users(machine).filter(role=rights.SALES):
        by = access.of_user(user)
        people = list(queries.customers(by).exclude(phone="").order_by("id")[: DEALS + TASKS + CALLS])
        offer(people[:DEALS], by, now, rng)
        plan(people[DEALS : DEALS + TASKS], by, now, rng)
        call(people[DEALS + TASKS :], by, now, rng)


def offer(people: list[Any], by: rights.Actor, now: datetime, rng: np.random.Generator) -> None:
    """A deal with each: opened weeks ago, moved on day by day; the first are won, the next lost, the rest are open."""
    stages = list(actions.default_pipeline(at=now).stages.filter(archived_at__isnull=True))
    reasons = list(queries.lost_reasons(by))
    for position, customer in enumerate(people):
        at = now - timedelta(days=int(rng.integers(20, 60)))
        values = {
            "title": TITLES[position % len(TITLES)],
            "customer": customer,
            "amount": Decimal(int(rng.integers(4, 90))) * 50,
            "expected_on": due.day_of(now) + timedelta(days=int(rng.integers(-5, 110))),
        }
        deal = actions.create_deal(values=values, by=by, at=at)
        moved_at = at
        for stage, moved_at in steps(stages[1 : 1 + position % len(stages)], at, rng):
            actions.move_deal(deal, stage, by=by, at=moved_at)
        closed_at = min(now, moved_at + timedelta(days=int(rng.integers(1, 9))))
        if position < WON:
            actions.win_deal(deal, by=by, at=closed_at)
        elif position < WON + LOST:
            actions.lose_deal(deal, reason=reasons[position % len(reasons)], by=by, at=closed_at)


def steps(stages: list[Any], at: datetime, rng: np.random.Generator) -> Iterator[tuple[Any, datetime]]:
    for stage in stages:
        at += timedelta(days=int(rng.integers(1, 6)))
        yield stage, at


def plan(people: list[Any], by: rights.Actor, now: datetime, rng: np.random.Generator) -> None:
    """A task about each, due from two days ago to two weeks ahead."""
    for position, customer in enumerate(people):
        kind, title = CHORES[position % len(CHORES)]
        day = due.day_of(now) + timedelta(days=int(rng.integers(-2, 14)))
        values: dict[str, Any] = {"title": title, "kind": kind, "customer": customer, "due_at": due.end_of(day)}
        if kind == "meeting":
            hour = due.end_of(day).replace(hour=int(rng.integers(9, 16)), minute=0, second=0)
            values |= {"due_at": hour, "has_time": True, "duration_minutes": 45}
        actions.create_task(values=values, by=by, at=now - timedelta(days=3))


def call(people: list[Any], by: rights.Actor, now: datetime, rng: np.random.Generator) -> None:
    """A call to each in the last four weeks."""
    for position, customer in enumerate(people):
        outcome, note = SAID[position % len(SAID)]
        at = now - timedelta(days=int(rng.integers(1, 28)), hours=int(rng.integers(0, 6)))
        actions.log_contact(customer, kind="call", outcome=outcome, note=note, by=by, at=at)

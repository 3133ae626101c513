"""The main job, told on the demo's people: files in, profiles, segments, a tested campaign, responses, results."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import numpy as np
import pandas as pd
from django.conf import settings
from django.core.management import call_command

from campaigns import actions as campaign_actions
from config.demo import audience, population, segments, selling
from crm import access, rights
from crm import actions as crm_actions
from crm import queries as crm_queries
from profiles import actions as profile_actions
from segments import actions as segment_actions

Say = Callable[[str], None]
MAPPINGS = Path(__file__).parent / "mappings"
PASSWORD = "kohde-demo"
CAST = (
    ("anna", "sales", "Anna", ("helsinki",)),
    ("tero", "sales", "Tero", ("tampere",)),
    ("maija", "marketer", "Maija", ()),
    ("aino", "analyst", "Aino", ()),
    ("adele", "admin", "Adele", ()),
)
TEAMS = (("helsinki", "Helsinki"), ("tampere", "Tampere"))
SENT_DAYS_AGO = 21
COST_SHARE = 0.15  # what a product costs, of its list price, far above what the demo sells at


@dataclass
class Demo:
    """What the steps hand on to each other."""

    people: population.Population
    folder: Path
    now: datetime
    rng: np.random.Generator
    say: Say
    by: rights.Actor


def tell(*, customers: int, seed: int, now: datetime, say: Say) -> None:
    """Fill an empty house: the steps of the main job, one after the other."""
    today = now.astimezone(ZoneInfo(settings.FIRM_TIME_ZONE)).date()
    folder = settings.DATA_DIR / "demo"
    folder.mkdir(parents=True, exist_ok=True)
    people = population.make(customers=customers, today=today, seed=seed)
    demo = Demo(people, folder, now, np.random.default_rng(seed), say, rights.machine("demo"))
    invite(demo)
    bring_in(demo)
    draw_segments(demo)
    audience.run_campaign(demo.people, by=marketer(), now=now, rng=demo.rng, folder=folder, bring=bring, say=say)
    demo.say("Selling")
    selling.sell(now=now, seed=seed)
    settle(demo)


def invite(demo: Demo) -> None:
    """A team per city, a person per role."""
    teams = {slug: crm_actions.create_team(name=name, slug=slug, by=demo.by, at=demo.now) for slug, name in TEAMS}
    for username, role, first_name, of in CAST:
        crm_actions.create_user(
            username=username, email=f"{username}@kohde.example", password=PASSWORD, role=role, first_name=first_name,
            teams=[teams[slug] for slug in of], by=demo.by, at=demo.now,
        )  # fmt: skip


def bring_in(demo: Demo) -> None:
    """Write the files a firm would have, and import them as a firm would."""
    for kind, frame in (
        ("customers", demo.people.customers.drop(columns="team")),
        ("orders", demo.people.lines),
        ("events", demo.people.events),
    ):
        demo.say(f"Importing {len(frame):,} rows of {kind}")
        bring(kind, frame, demo.folder / f"{kind}.csv")
    for sku, _name, _category, price in population.PRODUCTS:
        costs = {
            "sku": sku,
            "price_amount": f"{price:.2f}",
            "cost_amount": f"{price * COST_SHARE:.2f}",
            "currency": "EUR",
        }
        crm_actions.record_product(values=costs, by=demo.by, at=demo.now)
    ids = crm_actions.living_ids(demo.people.customers.number, by=demo.by)
    for slug, _name in TEAMS:
        mine = demo.people.customers.number[demo.people.customers.team == slug]
        team = crm_queries.teams(demo.by).get(slug=slug)
        crm_actions.assign_customers(customers=(ids[n] for n in mine), team=team, by=demo.by, at=demo.now)


def bring(kind: str, frame: pd.DataFrame, file: Path) -> None:
    """Import a frame by way of a file."""
    frame.to_csv(file, index=False)
    out = file.with_suffix(".log").open("w")
    with out:
        call_command(f"import_{kind}", str(file), mapping=str(MAPPINGS / f"{kind}.json"), json=True, stdout=out)


def draw_segments(demo: Demo) -> None:
    """Create the known segments and let the ledger begin before the campaign."""
    demo.say("Building profiles and segments")
    before = demo.now - timedelta(days=SENT_DAYS_AGO + 14)
    for definition in segments.DEFINITIONS:
        segment_actions.create_segment(**definition, by=marketer(), at=before)
    for weeks in (5, 4, 3):
        refresh(demo.now - timedelta(weeks=weeks))


def refresh(at: datetime) -> None:
    profile_actions.refresh(at=at)
    segment_actions.refresh_segments(at=at, slugs=[definition["slug"] for definition in segments.DEFINITIONS])


def settle(demo: Demo) -> None:
    """Bring everything up to now, and leave the next campaign as a draft."""
    demo.say("Bringing profiles and segments up to date")
    for weeks in (2, 1, 0):
        refresh(demo.now - timedelta(weeks=weeks))
    campaign_actions.attribute_due(at=demo.now)
    campaign_actions.create_campaign(**audience.next_draft(), by=marketer(), at=demo.now)


def marketer() -> rights.Actor:
    return access.of_user(crm_queries.users(rights.machine("demo")).get(username="maija"))


def sign_ins() -> str:
    """What `serve` prints: a sign-in for each role."""
    width = max(len(role) for _name, role, *_ in CAST)
    rows: list[Any] = [f"  {role:<{width}}  {name} / {PASSWORD}" for name, role, *_ in CAST]
    return "\n".join(["Sign in as:", *rows])

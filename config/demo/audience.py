"""The demo's past campaign: sent for real to the mail catcher, answered as planted, moved three weeks back."""

import re
import socket
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from aiosmtpd.controller import Controller
from django.conf import settings
from django.test import Client
from django.test.utils import override_settings

from campaigns import actions as campaign_actions
from campaigns import queries as campaign_queries
from config.demo import backdating, population
from config.mail_catcher import store
from config.management.commands.catch_mail import Keeper
from crm.rights import Actor
from segments import queries as segment_queries

DAYS_AGO = 21
LOOKS = {"eco_families": 0.55, "students": 0.40, "premium": 0.45, "store_seniors": 0.2, "lapsed": 0.22}
PHONE = "Mozilla/5.0 (iPhone; CPU iPhone OS 18_5 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Mobile/15E148"
LETTER = """<h1>{headline}</h1>
<p>Hei {{{{ customer.first_name | default: "ulkoilija" }}}},</p>
<p>{lead}</p>
<p><a href="https://shop.example/{path}">{call}</a></p>
<p>{{{{ firm.name }}}}</p>"""
VARIANTS = (
    {
        "key": "A",
        "name": "Price first",
        "subject": "Kevään ulkoiluvarusteet nyt −20 %",
        "preheader": "Viikon ajan edullisemmin",
        "html": LETTER.format(
            headline="Kevätale on alkanut",
            lead="Kaikki ulkoiluvarusteet −20 % sunnuntaihin asti.",
            path="ale",
            call="Katso tarjoukset",
        ),
    },
    {
        "key": "B",
        "name": "Durability first",
        "subject": "Ulkoiluvarusteet, jotka kestävät lapselta toiselle",
        "preheader": "Korjattava, kierrätettävä, kotimainen",
        "html": LETTER.format(
            headline="Tehty kestämään",
            lead="Korjattavat ja kierrätettävät varusteet koko perheelle, kaksi vuotta takuuta.",
            path="kestavat",
            call="Tutustu mallistoon",
        ),
    },
)
INCLUDED = ("eco-families", "premium", "regulars", "lapsed", "young-mobile")


def run_campaign(
    people: population.Population,
    *,
    by: Actor,
    now: datetime,
    rng: np.random.Generator,
    folder: Path,
    bring: Callable[[str, pd.DataFrame, Path], None],
    say: Callable[[str], None],
) -> None:
    """Create, launch, send, answer: through the same doors a marketer and her customers use."""
    segments = segment_queries.segments(by)
    campaign = campaign_actions.create_campaign(
        name="Spring outdoor",
        slug=population.TRUTH["campaign"],
        description="Which opening sells: the price, or that it lasts?",
        include=segments.filter(slug__in=INCLUDED),
        variants=VARIANTS,
        goal="conversion",
        window_days=7,
        holdout_share="0.2",
        cost_per_message_amount="0.02",
        owner=by.user,
        by=by,
        at=now - timedelta(days=DAYS_AGO + 1),
    )
    then = now - timedelta(days=DAYS_AGO)
    campaign_actions.launch(campaign, by=by, at=then)
    run = campaign_queries.latest_run(campaign)
    assert run is not None
    send(run.pk, at=then, say=say)
    say("Answering as planted")
    sent = [row for row in campaign_queries.messages(run) if row.customer_id]
    answer(people, rng)
    backdating.move(run, days=DAYS_AGO, rng=rng)
    bring("orders", orders(sent, people, rng, then), folder / "campaign-orders.csv")


def send(run_id: int, *, at: datetime, say: Callable[[str], None]) -> None:
    """Seal and send in this process; without another server to a catcher of its own, beside one that may run."""
    say("Sending the campaign")
    with catching() if settings.HAS_MAIL_CATCHER else nullcontext():
        campaign_actions.carry_out(run_id, at=at)


@contextmanager
def catching() -> Iterator[None]:
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port = probe.getsockname()[1]
    catcher = Controller(Keeper(settings.MAIL_CATCHER_FILE), hostname="127.0.0.1", port=port)
    catcher.start()
    try:
        with override_settings(EMAIL_PORT=port):
            yield
    finally:
        catcher.stop()


def answer(people: population.Population, rng: np.random.Generator) -> None:
    """Open, click and leave by the addresses in the caught letters, as mail programs and people do."""
    browser = Client(headers={"user-agent": PHONE, "host": "localhost"})
    for letter in store.everything(settings.MAIL_CATCHER_FILE):
        number = letter.recipient.partition("@")[0].rpartition(".")[2].upper()
        if rng.random() > LOOKS.get(people.kinds.get(number, ""), 0):
            continue
        html = letter.part("html")
        for address in chosen(html, rng):
            browser.get(address)
        if rng.random() < 0.006 and (leaving := re.search(r"/u/[^\"]+", html)):
            browser.post(leaving[0])


def chosen(html: str, rng: np.random.Generator) -> list[str]:
    """The picture that tells of an opening, where there is one, and for some readers the first link."""
    opened = re.findall(r"/o/[^\"]+", html)[:1]
    return opened + (re.findall(r"/c/[^\"]+", html)[:1] if rng.random() < 0.3 else [])


def orders(sent: list[Any], people: population.Population, rng: np.random.Generator, sent_at: datetime) -> pd.DataFrame:
    """The orders that the planted chances give: one for each converted member, hold-out included."""
    rows: list[dict[str, Any]] = []
    for message in sent:
        arm = "hold-out" if message.state == "held_out" else message.variant and message.variant.key
        kind = people.kinds[message.customer.number]
        if not arm or message.state not in ("sent", "held_out") or rng.random() >= population.chance(kind, arm):
            continue
        at = sent_at + timedelta(days=float(rng.uniform(0.1, 6.5)))
        sku, name, category, price = population.PRODUCTS[int(rng.integers(len(population.PRODUCTS)))]
        rows.append(
            {
                "order": f"C{200_001 + len(rows)}",
                "number": message.customer.number,
                "at": f"{at:%Y-%m-%d %H:%M}",
                "channel": "web",
                "category": category,
                "sku": sku,
                "product": name,
                "quantity": 1,
                "unit_price": price,
            }
        )
    return pd.DataFrame(rows)


def next_draft() -> dict[str, Any]:
    """The campaign that waits as a draft, so that a newcomer has one to launch."""
    return {
        "name": "Welcome back",
        "slug": "welcome-back",
        "description": "For regulars who went away: does a voucher bring them back?",
        "variants": [{**VARIANTS[0], "name": "Voucher"}, {**VARIANTS[1], "name": "News only"}],
        "goal": "conversion",
        "holdout_share": "0.1",
    }

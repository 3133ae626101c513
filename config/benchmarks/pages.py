"""What the pages cost the server: queries and milliseconds in a small house and in a large one.

The small house is a demo of its own, the large one the same with every customer many times (config/demo/multiplied.py).
Both are kept in KOHDE_DATA_DIR/bench for the next time, with DATABASE_URL in two databases beside the named one; take
them away to have them built anew. The houses answer in turns, so that a busy machine slows both alike.
"""

import json
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from html.parser import HTMLParser
from itertools import islice
from pathlib import Path
from statistics import median
from typing import Any
from urllib.parse import urlsplit, urlunsplit

from config.benchmarks import Size

SMALLER = 100  # the small house has so many times fewer customers
FEWEST = 100
RUNS = 5
FIRST_LINES = 100  # of a file that is sent as it is read
FRAGMENT = {"HX-Request": "true"}


@dataclass(frozen=True)
class House:
    """A house of its own: where its files and its database are."""

    folder: Path
    database_url: str

    @property
    def environment(self) -> dict[str, str]:
        inherited = {name: value for name, value in os.environ.items() if name not in ("DATABASE_URL", "REDIS_URL")}
        own = {"KOHDE_DATA_DIR": str(self.folder), "DJANGO_SETTINGS_MODULE": "config.settings"}
        return inherited | own | ({"DATABASE_URL": self.database_url} if self.database_url else {})

    def manage(self, *words: str) -> None:
        subprocess.run([sys.executable, *words], env=self.environment, stdout=subprocess.DEVNULL, check=True)


@dataclass(frozen=True)
class Visit:
    """One request: by whom, which page, and what is posted."""

    page: str
    address: str
    who: str = "adele"
    data: dict[str, Any] | None = None
    headers: dict[str, str] = field(default_factory=dict)


def run(size: Size) -> dict[str, Any]:
    """Per page: queries, median milliseconds by the clock and of the processor, `growth` from the small house."""
    small, large = houses(max(size.customers // SMALLER, FEWEST), size.customers)
    measured = compared(small, large)
    return {
        "small_customers": max(size.customers // SMALLER, FEWEST),
        "most_growth": max(page["growth"] for page in measured),
        "most_ms": max(page["median_ms"] for page in measured),
        "queries_grow": [page["page"] for page in measured if page["queries"] > page["queries_small"]],
        "pages": measured,
    }


# --- the houses ----------------------------------------------------------------------------------


def houses(few: int, many: int) -> tuple[House, House]:
    """The small house and the large one, built where they are missing, up to date with today's tables."""
    small, large = house(few), house(many)
    if not is_built(small):
        empty(small)
        small.manage("manage.py", "prepare")
        small.manage("manage.py", "demo_data", f"--customers={few}", "--json")
        mark(small).touch()
    if not is_built(large):
        copy(small, large)
        large.manage("-m", "config.demo.multiplied", str(many // few))
        mark(large).touch()
    for one in (small, large):
        one.manage("manage.py", "prepare")
    return small, large


def house(customers: int) -> House:
    from django.conf import settings

    url = os.environ.get("DATABASE_URL", "")
    is_server = url.startswith("postgres")
    folder = settings.DATA_DIR / "bench" / f"{'postgresql' if is_server else 'sqlite'}-{customers}"
    folder.mkdir(parents=True, exist_ok=True)
    parts = urlsplit(url)
    return House(folder, urlunsplit(parts._replace(path=f"{parts.path}_bench_{customers}")) if is_server else "")


def mark(house: House) -> Path:
    """Stands in a house that was built to the end."""
    return house.folder / "built"


def is_built(house: House) -> bool:
    return mark(house).exists() and (not house.database_url or database_name(house) in databases(house))


def empty(house: House) -> None:
    shutil.rmtree(house.folder)
    house.folder.mkdir()
    if house.database_url:
        on_server(house, f'DROP DATABASE IF EXISTS "{database_name(house)}"')
        on_server(house, f'CREATE DATABASE "{database_name(house)}"')


def copy(small: House, large: House) -> None:
    """The files and rows of the small house; its snapshots know nothing of the copies and stay behind."""
    shutil.rmtree(large.folder)
    shutil.copytree(small.folder, large.folder, ignore=shutil.ignore_patterns("built", "warehouse", "demo"))
    if large.database_url:
        on_server(large, f'DROP DATABASE IF EXISTS "{database_name(large)}"')
        on_server(large, f'CREATE DATABASE "{database_name(large)}" TEMPLATE "{database_name(small)}"')


def database_name(house: House) -> str:
    return urlsplit(house.database_url).path.lstrip("/")


def databases(house: House) -> set[str]:
    return {name for (name,) in on_server(house, "SELECT datname FROM pg_database")}


def on_server(house: House, statement: str) -> list[Any]:
    import psycopg

    url = urlunsplit(urlsplit(house.database_url)._replace(path="/postgres"))
    with psycopg.connect(url, autocommit=True) as server:
        asked = server.execute(statement.encode())
        return asked.fetchall() if asked.description else []


# --- measuring -----------------------------------------------------------------------------------


def compared(small: House, large: House) -> list[dict[str, Any]]:
    """Each page in both houses, RUNS times in turns; the first round warms up and is not counted."""
    visitors = [visitor(one) for one in (small, large)]
    try:
        pages, _same = (told(one)["pages"] for one in visitors)
        return [figures_of(page, *taken(page, visitors)) for page in pages]
    finally:
        for one in visitors:
            one.kill()
            one.wait()


def visitor(house: House) -> "subprocess.Popen[str]":
    words = [sys.executable, "-m", "config.benchmarks.pages"]
    pipe = subprocess.PIPE
    return subprocess.Popen(words, env=house.environment, stdin=pipe, stdout=pipe, text=True, bufsize=1)


def told(visitor: "subprocess.Popen[str]") -> dict[str, Any]:
    assert visitor.stdout
    answer: dict[str, Any] = json.loads(visitor.stdout.readline() or '{"error": "the visitor died"}')
    if "error" in answer:
        raise RuntimeError(answer["error"])
    return answer


def taken(page: str, visitors: "list[subprocess.Popen[str]]") -> list[list[dict[str, Any]]]:
    rounds = []
    for _round in range(RUNS + 1):
        answers = []
        for one in visitors:
            assert one.stdin
            one.stdin.write(page + "\n")
            answers.append(told(one))
        rounds.append(answers)
    return [list(of_house) for of_house in zip(*rounds[1:], strict=True)]


def figures_of(page: str, small: list[dict[str, Any]], large: list[dict[str, Any]]) -> dict[str, Any]:
    """Growth is that of the medians: of the time by the clock, and of the time this process was at work."""
    ms, cpu = ([median(one[key] for one in runs) for runs in (small, large)] for key in ("ms", "cpu_ms"))
    return {
        "page": page,
        "queries_small": max(one["queries"] for one in small),
        "queries": max(one["queries"] for one in large),
        "median_ms": round(ms[1], 1),
        "cpu_ms": round(cpu[1], 1),
        "growth": round(ms[1] / ms[0], 2),
        "cpu_growth": round(cpu[1] / max(cpu[0], 0.1), 2),
    }


# --- the visitor: a process of one house that asks for the page it is told, and says what that took ------------------


def visits() -> Iterator[Visit]:
    """Every page, on a customer, a segment and a finished campaign that stand in both houses."""
    from django.urls import reverse

    from campaigns import queries as campaign_queries
    from crm import queries as crm_queries
    from crm.rights import machine
    from segments import queries as segment_queries

    actor = machine("bench")
    reachable = crm_queries.customers(actor).filter(orders__isnull=False, messages__state="sent")
    customer = reachable.order_by("pk")[0].pk
    regulars = segment_queries.segments(actor).get(slug="regulars")
    segment = regulars.slug
    sent, draft = (campaign_queries.campaigns().get(slug=slug).pk for slug in ("spring-outdoor", "welcome-back"))
    yield Visit("home (admin)", reverse("home"))
    yield Visit("home (sales)", reverse("home"), "anna")
    customers = reverse("customers")
    yield Visit("customers", customers)
    yield Visit("customers (sales)", customers, "anna")
    for name, query in {
        "by name": "sort=last_name",
        "by stage": "stage=lapsed",
        "of a team": "team=tampere&sort=last_name",
        "found by name": "q=virtanen",
        "found by both names": "q=aino%20virt",
        "found by e-mail": "q=nobody@posti.example",
        "found nobody": "q=xqzy",
    }.items():
        yield Visit(f"customers {name}", f"{customers}?{query}")
    for name in ("customer", "customer-edit", "customer-profile", "customer-segments"):
        yield Visit(name, reverse(name, args=[customer]))
    yield Visit("customer-segments why", reverse("customer-segments", args=[customer]) + f"?why={segment}")
    yield Visit("imports", reverse("imports"))
    yield Visit("data", reverse("data"))
    yield Visit("data (analyst)", reverse("data"), "aino")
    yield Visit("segments", reverse("segments"))
    yield Visit("segment-new", reverse("segment-new"))
    for name in ("segment", "segment-common", "segment-members", "segment-history", "segment-edit"):
        yield Visit(name, reverse(name, args=[segment]))
    yield Visit("segment-members by city", reverse("segment-members", args=[segment]) + "?sort=city")
    yield Visit("segment-members (sales)", reverse("segment-members", args=[segment]), "anna")
    yield Visit("segment-members (analyst)", reverse("segment-members", args=[segment]), "aino")
    yield Visit("segment-members of a day", reverse("segment-members", args=[segment]) + f"?on={last_week()}")
    edit = reverse("segment-edit", args=[segment])
    yield Visit("segment-edit update", edit, data={"do": ""}, headers=FRAGMENT)
    yield Visit("segment-members-csv", reverse("segment-members-csv", args=[segment]), "maija")
    yield Visit("discover", reverse("discover"))
    yield Visit("campaigns", reverse("campaigns"))
    for name in ("campaign", "campaign-report", "campaign-report-file", "campaign-people", "campaign-sentence"):
        yield Visit(name, reverse(name, args=[sent]))
    yield Visit("campaign-people skipped", reverse("campaign-people", args=[sent]) + "?state=skipped")
    for name in ("campaign-preview", "campaign-letter"):
        yield Visit(name, reverse(name, args=[sent]) + f"?variant=A&customer={customer}")
    for name in ("campaign", "campaign-edit", "campaign-launch"):
        yield Visit(f"{name} (draft)", reverse(name, args=[draft]))
    for name in ("customers", "orders", "events", "segments", "campaigns"):
        yield Visit(f"API {name}", f"/api/v1/{name}/")
    yield Visit("API segment members", f"/api/v1/segments/{regulars.pk}/members/")
    yield Visit("API campaign results", f"/api/v1/campaigns/{sent}/results/")
    for name in ("crm/customer", "crm/order", "crm/event", "crm/auditline", "segments/membership", "campaigns/message"):
        yield Visit(f"admin {name}", f"/admin/{name}/")


def last_week() -> str:
    from datetime import timedelta

    from django.utils import timezone

    return (timezone.localdate() - timedelta(days=7)).isoformat()


def answer_visits() -> None:
    """Say which pages there are; then, for each name read, what one visit took."""
    known = {visit.page: visit for visit in visits()}
    browsers: dict[str, Any] = {}
    say({"pages": list(known)})
    for line in sys.stdin:
        visit = known[line.strip()]
        try:
            say(measured(browser_of(visit.who, browsers), visit))
        except Exception as fault:
            say({"error": f"{visit.page} ({visit.address}): {fault!r}"})


def say(answer: dict[str, Any]) -> None:
    sys.stdout.write(json.dumps(answer) + "\n")
    sys.stdout.flush()


def browser_of(who: str, browsers: dict[str, Any]) -> Any:
    from django.test import Client

    from config.demo import story

    if who not in browsers:
        browsers[who] = Client()
        browsers[who].login(username=who, password=story.PASSWORD)
    return browsers[who]


def measured(browser: Any, visit: Visit) -> dict[str, Any]:
    """Queries and milliseconds until the answer stands; of a file, until its first lines."""
    from django.db import connection
    from django.test.utils import CaptureQueriesContext

    data = None if visit.data is None else {**form_of(browser, visit.address), **visit.data}
    with CaptureQueriesContext(connection) as asked:
        began, worked = time.perf_counter(), time.process_time()
        answer = (
            browser.get(visit.address, headers=visit.headers)
            if data is None
            else browser.post(visit.address, data, headers=visit.headers)
        )
        if answer.streaming:
            list(islice(answer.streaming_content, FIRST_LINES))
        seconds, cpu = time.perf_counter() - began, time.process_time() - worked
    answer.close()
    if answer.status_code != 200:
        raise RuntimeError(f"answered {answer.status_code}")
    return {"queries": len(asked), "ms": 1000 * seconds, "cpu_ms": 1000 * cpu}


class Form(HTMLParser):
    """What a browser would send of the fields of a page."""

    def __init__(self) -> None:
        super().__init__()
        self.values: dict[str, list[str]] = {}
        self.select = ""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = dict(attrs)
        name = given.get("name") or ""
        if tag == "input" and name and (given.get("type") not in ("checkbox", "radio") or "checked" in given):
            self.values.setdefault(name, []).append(given.get("value") or "")
        if tag == "select":
            self.select = name
        if tag == "option" and self.select and "selected" in given:
            self.values.setdefault(self.select, []).append(given.get("value") or "")


def form_of(browser: Any, address: str) -> dict[str, list[str]]:
    form = Form()
    form.feed(browser.get(address).content.decode())
    return form.values


if __name__ == "__main__":
    import django

    django.setup()
    answer_visits()

"""Visits to pages, for `bench pages`: which there are, and what each cost. Run as a process of the house it asks.

It says which pages there are, then reads a page's name a line and answers what one visit took, in JSON.
"""

import gzip
import json
import logging
import posixpath
import re
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import lru_cache
from html.parser import HTMLParser
from itertools import count, islice
from pathlib import Path
from typing import Any

from django.urls import reverse

FIRST_LINES = 100  # of a file that is sent as it is read
NEVER_THE_SAME = "{n}"
numbers = count(1)
FRAGMENT = {"HX-Request": "true"}
LEFT_OUT = {"admin", "api", "mail", "styleguide", "metrics", "sign-in", "sign-out"}
PARAMETER = re.compile(r"<(?:\w+:)?(\w+)>")
KNOWN = {"kind": "csv"}  # of a file
ASSET = re.compile(r"""(?:src|href)="(/static/[^"?]+)""")
IMPORTED = re.compile(r"""(?:from|import)\s*["']([^"']+\.js)["']""")


@dataclass(frozen=True)
class Visit:
    """One request: by whom, which page, and what is posted: `NEVER_THE_SAME` stands for another number every time."""

    page: str
    address: str
    who: str = "adele"
    data: dict[str, Any] | None = None
    headers: dict[str, str] = field(default_factory=dict)


SEARCHES = {
    "by name": "sort=last_name",
    "by stage": "stage=lapsed",
    "of a team": "team=tampere&sort=last_name",
    "found by name": "q=virtanen",
    "found by both names": "q=aino%20virt",
    "found misspelt": "q=virtannen",
    "found twice misspelt": "q=aimo%20virtannen",
    "found by e-mail": "q=nobody@posti.example",
    "found nobody": "q=xqzy",
}


def visits() -> Iterator[Visit]:
    """Every page an administrator can open, on things of the demo; then searches, other roles, the API."""

    from campaigns import queries as campaign_queries
    from crm import queries as crm_queries
    from crm.rights import machine
    from profiles import queries as profile_queries
    from segments import queries as segment_queries

    actor = machine("bench")
    reachable = crm_queries.customers(actor).filter(orders__isnull=False, messages__state="sent")
    customer = reachable.order_by("pk")[0].pk
    regulars = segment_queries.segments(actor).get(slug="regulars")
    segment = regulars.slug
    sent, draft = (campaign_queries.campaigns().get(slug=slug).pk for slug in ("spring-outdoor", "welcome-back"))
    things = {
        "customers": customer,
        "companies": first(crm_queries.companies(actor)),
        "deals": first(crm_queries.deals(actor)),
        "tasks": first(crm_queries.tasks(actor)),
        "imports": first(crm_queries.imports(actor)),
        "segments": segment,
        "campaigns": sent,
        "surveys": next((one.slug for one in profile_queries.open_surveys().values()), None),
    }
    yield from addresses(things)
    yield from of_customers(customer, segment)
    yield from of_segments(segment)
    yield from of_campaigns(sent, draft, customer)
    yield from of_machines(regulars.pk, sent)


def of_customers(customer: int, segment: str) -> Iterator[Visit]:

    customers = reverse("customers")
    yield Visit("home (sales)", reverse("home"), "anna")
    yield Visit("customers (sales)", customers, "anna")
    for name, query in SEARCHES.items():
        yield Visit(f"customers {name}", f"{customers}?{query}")
    yield Visit("search", reverse("search") + "?q=virtanen")
    yield Visit("customer-segments why", reverse("customer-segments", args=[customer]) + f"?why={segment}")
    yield Visit("data (analyst)", reverse("data"), "aino")


def of_segments(segment: str) -> Iterator[Visit]:

    members = reverse("segment-members", args=[segment])
    yield Visit("segment-members by city", members + "?sort=city")
    yield Visit("segment-members (sales)", members, "anna")
    yield Visit("segment-members (analyst)", members, "aino")
    yield Visit("segment-members of a day", members + f"?on={last_week()}")
    edit = reverse("segment-edit", args=[segment])
    yield Visit("segment-edit update", edit, data={"do": ""}, headers=FRAGMENT)
    another = {"do": "", "r.0:value": NEVER_THE_SAME}
    yield Visit("segment-edit another rule", edit, data=another, headers=FRAGMENT)


def of_campaigns(sent: int, draft: int, customer: int) -> Iterator[Visit]:

    yield Visit("campaign-people skipped", reverse("campaign-people", args=[sent]) + "?state=skipped")
    for name in ("campaign-preview", "campaign-letter"):
        yield Visit(f"{name} of a member", reverse(name, args=[sent]) + f"?variant=A&customer={customer}")
    for name in ("campaign", "campaign-edit", "campaign-launch"):
        yield Visit(f"{name} (draft)", reverse(name, args=[draft]))


def of_machines(segment: int, sent: int) -> Iterator[Visit]:
    """The API, and the lists behind the stage."""
    for name in ("customers", "orders", "events", "segments", "campaigns", "tasks", "deals"):
        yield Visit(f"API {name}", f"/api/v1/{name}/")
    yield Visit("API segment members", f"/api/v1/segments/{segment}/members/")
    yield Visit("API campaign results", f"/api/v1/campaigns/{sent}/results/")
    for name in ("crm/customer", "crm/order", "crm/event", "crm/auditline", "segments/membership", "campaigns/message"):
        yield Visit(f"admin {name}", f"/admin/{name}/")


def first(rows: Any, column: str = "pk") -> Any:
    return rows.order_by("pk").values_list(column, flat=True).first()


def addresses(things: dict[str, Any]) -> Iterator[Visit]:
    """Every named address that a plain GET may open: those of one thing with the thing their first word names."""
    from django.urls import get_resolver

    for pattern in get_resolver().url_patterns:
        for name, route in below(pattern):
            first_word = route.split("/")[0]
            known = KNOWN | {"pk": things.get(first_word), "slug": things.get(first_word)}
            words = [known.get(word) for word in PARAMETER.findall(route)]
            if first_word not in LEFT_OUT and None not in words:
                yield Visit(name, "/" + PARAMETER.sub("{}", route).format(*words))


def below(pattern: Any, before: str = "") -> Iterator[tuple[str, str]]:
    """Name and route of a pattern and of those it includes."""
    route = before + str(pattern.pattern)
    for one in getattr(pattern, "url_patterns", ()):
        yield from below(one, route)
    if getattr(pattern, "name", None):
        yield pattern.name, route


def last_week() -> str:
    from datetime import timedelta

    from django.utils import timezone

    return (timezone.localdate() - timedelta(days=7)).isoformat()


def answer_visits() -> None:
    """Say which pages there are; then, for each name read, what one visit took."""
    browsers: dict[str, Any] = {}
    known = {visit.page: visit for visit in visits() if opens(browser_of(visit.who, browsers), visit)}
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


def opens(browser: Any, visit: Visit) -> bool:
    """Whether a page, a fragment or a file stands there: not for what only a POST may ask, or what leads on."""
    return visit.data is not None or browser.get(visit.address).status_code == 200


def measured(browser: Any, visit: Visit) -> dict[str, Any]:
    """Queries and milliseconds until the answer stands; of a file, until its first lines."""
    from django.db import connection
    from django.test.utils import CaptureQueriesContext

    data = None if visit.data is None else {**form_of(browser, visit.address), **filled(visit.data)}
    with CaptureQueriesContext(connection) as asked:
        began, worked = time.perf_counter(), time.process_time()
        answer = (
            browser.get(visit.address, headers=visit.headers)
            if data is None
            else browser.post(visit.address, data, headers=visit.headers)
        )
        content = b"".join(islice(answer.streaming_content, FIRST_LINES)) if answer.streaming else answer.content
        seconds, cpu = time.perf_counter() - began, time.process_time() - worked
    answer.close()
    if answer.status_code not in (200, 204):  # 204: nothing to show yet
        raise RuntimeError(f"answered {answer.status_code}")
    return {"queries": len(asked), "ms": 1000 * seconds, "cpu_ms": 1000 * cpu, "bytes": weight(content)}


def filled(data: dict[str, Any]) -> dict[str, Any]:
    return {name: str(next(numbers)) if value == NEVER_THE_SAME else value for name, value in data.items()}


def weight(content: bytes) -> int:
    """Bytes on first view, compressed: the answer itself, and the files it leads a browser to fetch."""
    assets = set(ASSET.findall(content.decode(errors="replace"))) if b"<html" in content[:500] else set()
    return len(gzip.compress(content)) + sum(map(asset_weight, with_imports(frozenset(assets))))


@lru_cache
def with_imports(assets: frozenset[str]) -> frozenset[str]:
    """Scripts and what they import in turn."""
    more = {
        posixpath.normpath(posixpath.join(posixpath.dirname(asset), name))
        for asset in assets
        if asset.endswith(".js")
        for name in IMPORTED.findall(asset_content(asset).decode(errors="replace"))
    }
    return assets if more <= assets else with_imports(assets | more)


@lru_cache
def asset_weight(asset: str) -> int:
    return len(gzip.compress(asset_content(asset)))


@lru_cache
def asset_content(asset: str) -> bytes:
    from django.conf import settings

    path = Path(settings.STATIC_ROOT) / asset.removeprefix(settings.STATIC_URL)
    return path.read_bytes() if path.is_file() else b""


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
    logging.getLogger("django.request").setLevel(logging.ERROR)  # what only a POST may ask says so
    answer_visits()

"""Every page as every role: no dead link, no error, axe content, a quiet console; whole on phone and paper."""

from collections import Counter, deque
from collections.abc import Iterator
from html.parser import HTMLParser
from typing import Any
from urllib.parse import parse_qsl, urldefrag, urljoin, urlsplit

import pytest
from axe_playwright_python.sync_playwright import Axe
from django.urls import Resolver404, resolve

from tests.browser.conftest import SIGNED_IN

pytestmark = [pytest.mark.browser, pytest.mark.slow]
OF_A_KIND = 2  # pages looked at per address and set of parameters
NOT_FOLLOWED = ("/admin/", "/static/", "/mail/")  # opened where a page leads there, but no further
NOT_OURS = (*NOT_FOLLOWED, "/api/v1/docs/", "/campaigns/starters/")  # by Django, by Swagger; letters run no scripts


class Links(HTMLParser):
    """Whatever a page leads to by reading: links, fragments, pictures, forms that only ask."""

    def __init__(self) -> None:
        super().__init__()
        self.found: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = dict(attrs)
        names = ["href", "hx-get", "src"]
        if tag == "form" and (given.get("method") or "get").lower() == "get":
            names.append("action")
        self.found += [given[name] or "" for name in names if given.get(name)]


def links_of(html: str, place: str) -> Iterator[str]:
    reader = Links()
    reader.feed(html)
    for link in reader.found:
        yield urldefrag(urljoin(place, link)).url


def kind_of(url: str) -> str:
    """The address without its numbers, and which parameters it has."""
    parts = urlsplit(url)
    try:
        route = resolve(parts.path).route
    except Resolver404:
        route = parts.path
    return f"{route}?{'&'.join(sorted(name for name, _ in parse_qsl(parts.query)))}"


def crawl(request: Any, start: str) -> tuple[dict[str, str], list[str]]:
    """Every kind of page that can be reached, each with an example, and what went wrong on the way."""
    waiting, seen, kinds, wrong = deque([(start, "/")]), {start}, Counter[str](), []
    pages: dict[str, str] = {}
    while waiting:
        url, come_from = waiting.popleft()
        kind = kind_of(url)
        if kinds[kind] >= OF_A_KIND:
            continue
        kinds[kind] += 1
        answer = request.get(url)
        if answer.status != 200:
            wrong.append(f"{answer.status} {url} (from {come_from})")
            continue
        path = urlsplit(url).path
        if "text/html" not in answer.headers.get("content-type", "") or path.startswith(NOT_FOLLOWED):
            continue
        html = answer.text()
        if "<html" in html:
            pages.setdefault(kind, url)
        for link in links_of(html, url):
            if link.startswith(start) and link not in seen:
                seen.add(link)
                waiting.append((link, path))
    return pages, wrong


FOUND: dict[str, tuple[dict[str, str], list[str]]] = {}  # what a role can reach is asked once: it is hundreds of pages


def found(role: str, signed_in: Any, house: Any) -> tuple[dict[str, str], list[str]]:
    if role not in FOUND:
        FOUND[role] = crawl(signed_in(role).request, house.url + "/")
    return FOUND[role]


@pytest.mark.parametrize("role", SIGNED_IN)
def test_no_link_is_dead(signed_in: Any, house: Any, role: str) -> None:
    pages, wrong = found(role, signed_in, house)
    assert not wrong, "\n".join(wrong)
    assert len(pages) > 15


# Adds up what moves by itself, not after a click (web.dev/cls: up to 0.1 is good, more than 0.25 is poor).
SHIFTS = """
window.shifted = 0;
new PerformanceObserver(list => list.getEntries().forEach(one => {
  if (!one.hadRecentInput) window.shifted += one.value;
})).observe({ type: "layout-shift", buffered: true });
"""
PAPER = {"width": 703, "height": 1017}  # an upright A4 between its margins, at 96 dots an inch
MOST_SHIFTED = 0.25  # a customer's page in Finnish reaches 0.11


def serious(page: Any) -> list[str]:
    violations = Axe().run(page).response["violations"]
    return [
        f"{one['id']}: {node['html'][:160]}"
        for one in violations
        if one["impact"] in ("serious", "critical")
        for node in one["nodes"][:2]
    ]


LOOKS = [("admin", "en", "light"), ("marketer", "fi", "dark"), ("sales", "fi", "light"), ("analyst", "fi", "light")]
SEEN: set[tuple[str, str]] = set()  # kinds of pages axe has judged, by scheme: roles share them


@pytest.mark.looks
@pytest.mark.parametrize(("role", "language", "scheme"), LOOKS)
def test_every_page_is_accessible_quiet_and_fits_a_phone(
    signed_in: Any, house: Any, role: str, language: str, scheme: str
) -> None:
    pages, _ = found(role, signed_in, house)
    page = signed_in(role, language=language)
    page.emulate_media(color_scheme=scheme)
    page.add_init_script(SHIFTS)
    heard: list[str] = []
    page.on("console", lambda line: heard.append(line.text) if line.type in ("error", "warning") else None)
    page.on("pageerror", lambda error: heard.append(str(error)))
    wrong = []
    for kind, url in pages.items():
        if not kind.endswith("?") or urlsplit(url).path.startswith(NOT_OURS):
            continue
        page.set_viewport_size({"width": 1440, "height": 900})
        page.goto(url, wait_until="networkidle")
        if (moved := page.evaluate("window.shifted")) > MOST_SHIFTED:
            wrong.append(f"{url}: its first view moves by {moved:.2f}")
        if (kind, scheme) not in SEEN:
            SEEN.add((kind, scheme))
            wrong += [f"{url}: {one}" for one in serious(page)]
        page.set_viewport_size({"width": 390, "height": 844})
        if not page.evaluate("document.documentElement.scrollWidth <= innerWidth"):
            wrong.append(f"{url}: scrolls sideways on a phone")
        page.set_viewport_size(PAPER)
        page.emulate_media(media="print")
        if not page.evaluate("document.documentElement.scrollWidth <= innerWidth"):
            wrong.append(f"{url}: is cut off on paper")
        page.emulate_media(media="screen")
        wrong += [f"{url}: console: {one}" for one in heard]
        heard.clear()
    assert not wrong, "\n".join(wrong)

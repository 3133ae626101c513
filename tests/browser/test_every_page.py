"""Every page as every role: no dead link, no error, axe content, a quiet console; whole on phone and paper."""

from collections import Counter, defaultdict, deque
from dataclasses import dataclass, field
from functools import cache
from html.parser import HTMLParser
from typing import Any
from urllib.parse import parse_qsl, urldefrag, urljoin, urlsplit

import pytest
from django.urls import Resolver404, resolve

from tests.browser.conftest import SIGNED_IN
from tests.browser.looking import WATCH, cut_off, moved, opened, serious

pytestmark = [pytest.mark.browser, pytest.mark.slow(60)]
OF_A_KIND = 2  # pages looked at per address and set of parameters
NOT_FOLLOWED = ("/admin/", "/static/", "/mail/")  # opened where a page leads there, but no further
NOT_OURS = (*NOT_FOLLOWED, "/api/v1/docs/", "/campaigns/starters/")  # by Django, by Swagger; letters run no scripts


Kinds = frozenset[tuple[str, str, str]]  # of elements: tag, classes, what they ask for


class Reading(HTMLParser):
    """What a page is made of, and whatever it leads to by reading: links, fragments, pictures, forms that only ask."""

    def __init__(self, html: str, place: str) -> None:
        super().__init__()
        self.place, self.links, self.kinds = place, [], set()
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = {name: value or "" for name, value in attrs}
        names = ["href", "hx-get", "src"]
        if tag == "form" and (given.get("method") or "get").lower() == "get":
            names.append("action")
        self.links += [self.absolute(given[name]) for name in names if given.get(name)]
        asks = kind_of(self.absolute(given["hx-get"])) if given.get("hx-get") else ""
        self.kinds.add((tag, given.get("class", ""), asks))

    def absolute(self, link: str) -> str:
        return urldefrag(urljoin(self.place, link)).url


@cache
def kind_of(url: str) -> str:
    """The address without its numbers, and which parameters it has."""
    parts = urlsplit(url)
    try:
        route = resolve(parts.path).route
    except Resolver404:
        route = parts.path
    return f"{route}?{'&'.join(sorted(name for name, _ in parse_qsl(parts.query)))}"


@dataclass
class Found:
    """What a role can reach: an example of every kind of page, what each is made of, and what went wrong on the way."""

    pages: dict[str, tuple[str, Kinds]] = field(default_factory=dict)
    wrong: list[str] = field(default_factory=list)


def crawl(request: Any, start: str) -> Found:
    waiting, seen, kinds, found = deque([(start, "/")]), {start}, Counter[str](), Found()
    while waiting:
        url, come_from = waiting.popleft()
        kind = kind_of(url)
        if kinds[kind] >= OF_A_KIND:
            continue
        kinds[kind] += 1
        answer = request.get(url)
        if answer.status != 200:
            found.wrong.append(f"{answer.status} {url} (from {come_from})")
            continue
        path = urlsplit(url).path
        if "text/html" not in answer.headers.get("content-type", "") or path.startswith(NOT_FOLLOWED):
            continue
        html = answer.text()
        reading = Reading(html, url)
        if "<html" in html:
            found.pages.setdefault(kind, (url, frozenset(reading.kinds)))
        for link in reading.links:
            if link.startswith(start) and link not in seen:
                seen.add(link)
                waiting.append((link, path))
    return found


FOUND: dict[str, Found] = {}  # what a role can reach is asked once: it is hundreds of pages


def found(role: str, signed_in: Any, house: Any) -> Found:
    if role not in FOUND:
        FOUND[role] = crawl(signed_in(role).request, house.url + "/")
    return FOUND[role]


@pytest.mark.parametrize("role", SIGNED_IN)
def test_no_link_is_dead(signed_in: Any, house: Any, role: str) -> None:
    reached = found(role, signed_in, house)
    assert not reached.wrong, "\n".join(reached.wrong)
    assert len(reached.pages) > 15


LOOKS = [("admin", "en", "light"), ("marketer", "fi", "dark"), ("sales", "fi", "light"), ("analyst", "fi", "light")]
LOOKED: defaultdict[tuple[str, str], set[Any]] = defaultdict(
    set
)  # what was seen on a kind of page in a light, a language


def is_new(kind: str, seen_as: str, elements: Kinds) -> bool:
    """Whether this role's page holds a kind of element that none before showed there, and note it as seen."""
    looked = LOOKED[kind, seen_as]
    is_looked_at = elements <= looked
    looked |= elements
    return not is_looked_at


@pytest.mark.looks
@pytest.mark.parametrize(("role", "language", "scheme"), LOOKS)
def test_every_page_is_accessible_quiet_and_fits_a_phone(
    signed_in: Any, house: Any, role: str, language: str, scheme: str
) -> None:
    page = signed_in(role, language=language)
    page.emulate_media(color_scheme=scheme)
    page.add_init_script(WATCH)
    heard: list[str] = []
    page.on("console", lambda line: heard.append(line.text) if line.type in ("error", "warning") else None)
    page.on("pageerror", lambda error: heard.append(str(error)))
    wrong = []
    for kind, (url, elements) in found(role, signed_in, house).pages.items():
        if not kind.endswith("?") or urlsplit(url).path.startswith(NOT_OURS):
            continue
        in_light, in_words = is_new(kind, scheme, elements), is_new(kind, language, elements)
        if not in_light and not in_words:
            continue
        opened(page, url)
        complaints = moved(page)
        complaints += serious(page) if in_light else []
        complaints += cut_off(page)
        wrong += [f"{url}: {one}" for one in [*complaints, *(f"console: {line}" for line in heard)]]
        heard.clear()
    assert not wrong, "\n".join(wrong)

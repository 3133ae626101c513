"""Links are judged by their looks and by a visit, which never goes inside."""

import socket
from typing import Any

import pytest

from campaigns.checks import links
from campaigns.checks.links import Answer, visit
from campaigns.checks.words import LINKS, link_sentence
from campaigns.content.composition import Source
from crm.calling import NotAllowed


def codes(html: str) -> list[str]:
    return [note.code for note in links.seen([Source("s", "", html, "")])]


@pytest.mark.parametrize(
    ("href", "expected"),
    [
        ("", ["empty"]),
        ("#", ["empty"]),
        ("https://", ["unfinished"]),
        ("TODO", ["unfinished"]),
        ("/offers", ["relative"]),
        ("mailto:", ["mailto_bad"]),
        ("mailto:shop@firm.fi?subject=Hi", []),
        ("tel:+358 40 123 4567", []),
        ("tel:call us", ["tel_bad"]),
        ("http://localhost/x", ["reserved_host"]),
        ("http://firm.fi/", ["not_secret"]),
        ("https://firm.fi/?a=1&amp;b=2", []),
        ("{{ unsubscribe_url }}", []),
        ("https://firm.fi/?c={{ customer.number }}", []),
        ("https://firm.fi/?c={{ customer.city }}", ["may_be_missing"]),
        ("https://firm.fi/?c={{ customer.city | default: 'x' }}", []),
    ],
)
def test_a_link_is_judged_by_its_looks(href: str, expected: list[str]) -> None:
    assert codes(f'<p><a class="x" href="{href}">Go</a></p>') == expected


def test_links_of_all_kinds_of_quotes_and_of_text_messages_are_found() -> None:
    html = "<a href='https://a.fi/'>A</a> <a href=https://b.fi/>B</a>"
    assert links.written(Source("", "", html, "")) == ["https://a.fi/", "https://b.fi/"]
    assert links.written(Source("", "", "", "See https://c.fi/x.", "link")) == ["https://c.fi/x"]


def web(**pages: Any) -> links.Fetch:
    """A web of a few pages: a number is a status, a text where it leads on, an error is raised."""

    def fetch(url: str) -> Answer:
        found = pages[url.removeprefix("https://").partition(".")[0]]
        if isinstance(found, Exception):
            raise found
        return Answer(302, found) if isinstance(found, str) else Answer(found)

    return fetch


@pytest.mark.parametrize(
    ("page", "verdict", "code"),
    [
        (200, "good", "good"),
        (404, "bad", "gone"),
        (403, "unknown", "closed"),
        (503, "warn", "in_trouble"),
        ("https://a.fi/", "bad", "ring"),
        ("https://b.fi/", "good", "moved"),
        (NotAllowed("inside"), "bad", "inside"),
        (socket.gaierror(-2, "no name"), "warn", "no_host"),
        (TimeoutError(), "unknown", "slow"),
        (ConnectionResetError(), "unknown", "no_answer"),
    ],
)
def test_a_visit_tells_what_a_reader_would_meet(page: Any, verdict: str, code: str) -> None:
    note, _status = visit("https://a.fi/", web(a=page, b=200))
    assert (note.verdict, note.code) == (verdict, code)
    assert "%(" not in link_sentence(note)


def test_every_sentence_fits_its_note() -> None:
    assert all("%(" not in str(words) % {"url": "u", "about": "x"} for words in LINKS.values())


@pytest.mark.parametrize(
    "target", ["http://127.0.0.1/", "http://[::1]/", "http://169.254.169.254/latest", "ftp://a.fi/"]
)
def test_a_redirect_never_leads_inside(target: str, monkeypatch: pytest.MonkeyPatch) -> None:
    called: list[Any] = []
    monkeypatch.setattr(socket, "create_connection", lambda *words, **more: called.append(words))

    def fetch(url: str) -> Answer:
        return Answer(301, target) if url == "https://a.fi/" else links.fetch(url)

    note, _status = visit("https://a.fi/", fetch)
    assert (note.code, called) == ("inside", [])

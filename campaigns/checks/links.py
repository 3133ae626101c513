"""Links before they are sent: what can be seen in the text, and what a visit to the address says."""

import http.client
import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from html import unescape
from socket import gaierror
from ssl import SSLError
from urllib.parse import urljoin, urlsplit

from django.conf import settings
from django.core.exceptions import ValidationError
from django.core.validators import validate_email

from campaigns.checks.sender import BAD, GOOD, UNKNOWN, WARN, is_reserved
from campaigns.content.composition import ADDRESS, WRITTEN_HREF, Source, is_web
from crm.calling import SECONDS, NotAllowed, connected

MOST_HOPS = 5
TAG = re.compile(r"\{\{(.*?)\}\}|\{%.*?%\}", re.DOTALL)
PHONE = re.compile(r"\+?[\d\s().-]{3,}")
SURE = ("firm.", "campaign.", "labels.", "survey.", "customer.number")  # fields that nobody lacks
UNFINISHED = re.compile(r"^(https?:/*|todo|tba|link|url|x+|\.+|javascript:.*)$", re.IGNORECASE)

NOWHERE = ("empty", "unfinished", "relative", "mailto_bad", "tel_bad")  # seen without a visit to the address


@dataclass(frozen=True)
class Note:
    """What is to be said of one link."""

    url: str
    verdict: str
    code: str
    about: str = ""


@dataclass(frozen=True)
class Answer:
    """What a server said to one request."""

    status: int
    location: str = ""


Fetch = Callable[[str], Answer]


def seen(sources: Iterable[Source]) -> list[Note]:
    """What the texts themselves show, each link once."""
    links = dict.fromkeys(url for source in sources for url in written(source))
    return [note for note in map(look, links) if note]


def written(source: Source) -> list[str]:
    """Every address in a text, as its reader's program understands it."""
    in_html = (
        next((one for one in link.groups() if one is not None), "") for link in WRITTEN_HREF.finditer(source.html)
    )
    in_text = (link[0] for link in ADDRESS.finditer(source.text)) if source.short else ()
    return [unescape(url).strip() for url in (*in_html, *in_text)]


def look(url: str) -> Note | None:
    """What is wrong with a link by its looks; the first thing found.

    >>> [look(one).code for one in ("#", "www.firm.fi/offer", "mailto:me", "tel:call", "https://shop.example/a")]
    ['empty', 'relative', 'mailto_bad', 'tel_bad', 'reserved_host']
    """
    bare = TAG.sub("", url)
    if TAG.fullmatch(url):  # our own addresses
        return None
    if bare in ("", "#") and not TAG.search(url):
        return Note(url, BAD, "empty")
    if UNFINISHED.match(bare):
        return Note(url, BAD, "unfinished")
    if scheme := of_scheme(url, bare):
        return scheme
    missing = [name for name in fields(url) if not name.startswith(SURE)]
    return Note(url, WARN, "may_be_missing", missing[0]) if missing else None


def of_scheme(url: str, bare: str) -> Note | None:
    scheme, _colon, rest = bare.partition(":")
    scheme = scheme.lower()
    if scheme in ("mailto", "tel", "sms"):
        is_right = is_mailbox(rest) if scheme == "mailto" else bool(PHONE.fullmatch(rest.partition("?")[0]))
        return (
            None if is_right or TAG.search(url) else Note(url, BAD, "mailto_bad" if scheme == "mailto" else "tel_bad")
        )
    if not is_web(bare):
        return Note(url, BAD, "relative")
    host = urlsplit(bare).hostname or ""
    if is_reserved(host):
        return Note(url, BAD, "reserved_host", host)
    return Note(url, WARN, "not_secret") if scheme == "http" else None


def is_mailbox(text: str) -> bool:
    try:
        validate_email(text.partition("?")[0])
    except ValidationError:
        return False
    return True


def fields(url: str) -> list[str]:
    """Fields in an address that nothing stands in for when a person lacks them.

    >>> fields("https://firm.fi/{{ customer.city }}?n={{ customer.number | default: '0' }}")
    ['customer.city']
    """
    inside = (tag[1].strip() for tag in TAG.finditer(url) if tag[1])
    return [one.partition("|")[0].strip() for one in inside if "default" not in one]


def is_visited(url: str) -> bool:
    """Whether a visit can say more: a finished address on the web, the same for everybody."""
    note = look(url)
    return is_web(url) and not TAG.search(url) and (note is None or note.verdict != BAD)


def visit(url: str, fetch: Fetch) -> tuple[Note, int]:
    """What a reader who follows the link meets, and the last status. Never raises."""
    here, status = url, 0
    try:
        for _hop in range(MOST_HOPS + 1):
            answer = fetch(here)
            status = answer.status
            if not (300 <= status < 400 and answer.location):
                return of_status(url, here, status), status
            here = urljoin(here, answer.location)
    except (NotAllowed, OSError, http.client.HTTPException, ValueError) as error:
        return Note(url, *of_error(error), urlsplit(here).hostname or ""), 0
    return Note(url, BAD, "ring", here), status


# (first, last) HTTP status → verdict and code
STATUSES = (
    ((200, 299), GOOD, "good"),
    ((404, 404), BAD, "gone"),
    ((410, 410), BAD, "gone"),
    ((400, 499), UNKNOWN, "closed"),  # servers like to refuse programs: 401, 403, 405, 429 …
    ((500, 599), WARN, "in_trouble"),
)
ERRORS: tuple[tuple[type[Exception], str, str], ...] = (
    (NotAllowed, BAD, "inside"),
    (gaierror, WARN, "no_host"),
    (SSLError, BAD, "no_trust"),
    (TimeoutError, UNKNOWN, "slow"),
)


def of_status(url: str, here: str, status: int) -> Note:
    """The end of the way in the terms of the table.

    >>> of_status("https://firm.fi", "https://firm.fi", 404).code
    'gone'
    """
    found = (row for row in STATUSES if row[0][0] <= status <= row[0][1])
    _span, verdict, code = next(found, ((0, 0), UNKNOWN, "closed"))
    if code == "good" and urlsplit(here).hostname != urlsplit(url).hostname:
        return Note(url, GOOD, "moved", here)
    return Note(url, verdict, code, str(status))


def of_error(error: Exception) -> tuple[str, str]:
    return next(((verdict, code) for kind, verdict, code in ERRORS if isinstance(error, kind)), (UNKNOWN, "no_answer"))


def fetch(url: str) -> Answer:
    """Ask the web: HEAD, and GET where a server dislikes that. Only public addresses. Raises OSError, `NotAllowed`."""
    answer = asked(url, "HEAD")
    return answer if answer.status < 400 else asked(url, "GET")


def asked(url: str, method: str) -> Answer:
    parts = urlsplit(url)
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise NotAllowed("not an address of the web")
    connection = http.client.HTTPConnection(parts.hostname, parts.port, timeout=SECONDS)
    connection.sock = connected(parts)
    try:
        path = f"{parts.path or '/'}{'?' + parts.query if parts.query else ''}"
        connection.request(method, path, headers={"User-Agent": f"Kohde/{settings.VERSION} (link check)"})
        said = connection.getresponse()
        return Answer(said.status, said.getheader("Location") or "")
    finally:
        connection.close()

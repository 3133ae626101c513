"""A text made ready once per version: styles inlined, links numbered, the plain part made."""

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import lru_cache
from html import unescape
from itertools import islice
from urllib.parse import urlsplit

from css_inline import CSSInliner
from django.utils.translation import gettext as _
from inscriptis import get_text
from inscriptis.css_profiles import CSS_PROFILES
from inscriptis.model.config import ParserConfig
from liquid.exceptions import LiquidError

from campaigns.content import merge

INLINER = CSSInliner(load_remote_stylesheets=False, keep_style_tags=False, keep_at_rules=True)
LONGEST, DEEPEST = 500_000, 200  # characters of a text, elements within elements
TAG = re.compile(r"<(/?)([a-z][a-z0-9]*)", re.IGNORECASE)
# Elements that are never closed, or need not be.
UNCLOSED = re.compile(
    r"(area|base|br|col|embed|hr|img|input|link|meta|source|track|wbr|p|li|dt|dd|tr|td|th|option)\Z", re.IGNORECASE
)
HIDDEN = re.compile("\ue000(\\d+)\ue001")
IN_COMMENT = re.compile("<!--\ue000(\\d+)\ue001-->")
# No "<" inside of a tag: otherwise a text of nothing but "<a" is read anew from each of them.
HREF = re.compile(r'(<a\b[^<>]*?\shref=")([^"]*)(")', re.IGNORECASE)
WRITTEN_HREF = re.compile(r"""<a\b[^<>]*?\shref\s*=\s*(?:"([^"]*)"|'([^']*)'|([^\s>"']+))""", re.IGNORECASE)
MARK = "\ue000"  # stands for a merge field while links are judged
BLANKS = re.compile(r"[\x00-\x20]+")
OF_SURVEY = re.compile(r"survey\.\w+")
OWN_ADDRESSES = ("unsubscribe_url", "preferences_url", "browser_url")
BODY = re.compile(r"(<body\b[^<>]*>)", re.IGNORECASE)
ACTIVE = re.compile(
    r"<\s*(script|iframe|object|embed|form|base)\b|<[a-z][^<>]*?[\s/\"']on\w+\s*=|<meta\b[^<>]*refresh|javascript:",
    re.IGNORECASE,
)
SCHEMES = ("", "http", "https", "mailto", "tel", "sms")
TABLE = re.compile(r"<(/?)(table|thead|tbody|tfoot|tr|td|th)\b[^<>]*>", re.IGNORECASE)
CELL_ENDS = re.compile(r"</span>")
MARKDOWN_LINK = re.compile(r"\[([^\[\]\n]*)\]\(([^()\n]*)\)")
TAGS_ALONE = re.compile(r"^[ \t]*((?:\{%[^\n%]*%\}[ \t]*)+)\n", re.MULTILINE)
BLANK_LINES = re.compile(r"\n{3,}")
PLAINLY = ParserConfig(css=CSS_PROFILES["strict"], display_links=True)  # the other one indents
PREHEADER = '<div style="display:none;max-height:0;overflow:hidden">{}</div>'
FOOTER = (
    '<p style="margin:32px 0 0;font:12px/1.5 system-ui,sans-serif;color:#5b6670">'
    '{{ firm.name }} · <a href="{{ unsubscribe_url }}">{{ labels.unsubscribe }}</a>'
    ' · <a href="{{ preferences_url }}">{{ labels.preferences }}</a></p>'
)
SHORT_FOOTERS = {
    "reply": "\n{{ labels.stop }}",
    "link": "\n{{ labels.unsubscribe }}: {{ unsubscribe_url }}",
}
SCRIPT = "script"
LONGEST_SHORT = 1_600  # characters; a little over ten parts
ADDRESS = re.compile(r"https?://[^\s<>\"]*[^\s<>\".,;:!?)\]]", re.IGNORECASE)  # not the stop at a sentence's end
TEXT_FOOTER = "\n\n-- \n{{ firm.name }}\n{{ labels.unsubscribe }}: {{ unsubscribe_url }}\n"


@dataclass(frozen=True)
class Source:
    """What the marketer wrote."""

    subject: str
    preheader: str
    html: str
    text: str
    short: str = ""  # a text message: how its reader stops them, by "reply" or by "link"; or a "script" to say
    footer: str = "way out"  # "" for a letter about the reader's own matter, which has none


@dataclass(frozen=True)
class Composition:
    """Liquid texts ready to be filled in. `urls[n]` is the address behind `links[n]` in them."""

    subject: str
    html: str
    text: str
    urls: tuple[str, ...]


@lru_cache(maxsize=500)
def compose(source: Source) -> Composition:
    """Do once what is the same for everyone. Raises `merge.RenderFailed` for a text that no reader could open."""
    if too_much := [fault for part in ("html", "text") for fault in _size(part, getattr(source, part))]:
        raise merge.RenderFailed(str(too_much[0]))
    if source.short:
        return _short(source)
    html, urls = _with_numbered_links(_inlined(source.html)) if source.html else ("", ())
    text = source.text or _plain(html)
    if source.footer and html and "unsubscribe_url" not in html:
        html = _before_end(html, FOOTER)
    if source.footer and "unsubscribe_url" not in text:
        text += TEXT_FOOTER
    if source.preheader:
        html = BODY.sub(lambda body: body[0] + PREHEADER.format(source.preheader), html, count=1)
    return Composition(source.subject, html, text, urls)


def _short(source: Source) -> Composition:
    """A text message: its addresses are numbered like links, and its last line says how to stop them."""
    if source.short == SCRIPT:
        return Composition(source.subject, "", source.text or _plain(source.html), ())
    text, urls = _with_numbered_addresses(source.text or _plain(source.html))
    if "unsubscribe_url" not in text:
        text += SHORT_FOOTERS[source.short]
    return Composition("", "", text, urls)


def faults(source: Source, known: Iterable[str]) -> list[merge.Fault]:
    """Everything that would go wrong or must not be sent, each with its part and line."""
    known = tuple(known)
    if source.short:
        return _short_faults(source, known)
    if too_much := [fault for part in ("html", "text") for fault in _size(part, getattr(source, part))]:
        return too_much
    found = [] if source.subject.strip() else [merge.Fault("subject", 0, _("The subject is missing."))]
    if not source.html.strip() and not source.text.strip():
        found.append(merge.Fault("html", 0, _("The text is missing.")))
    for part in ("subject", "preheader", "html", "text"):
        found += merge.faults(part, getattr(source, part), known)
    active = [fault for part in ("preheader", "html") for fault in _active_content(part, getattr(source, part))]
    return found + active + _bad_links(source.html)


def _short_faults(source: Source, known: tuple[str, ...]) -> list[merge.Fault]:
    """A text message has no subject, and a length that every provider takes."""
    text = source.text or _plain(source.html)
    if not text.strip():
        return [merge.Fault("text", 0, _("The text is missing."))]
    if source.short == SCRIPT:
        return merge.faults("subject", source.subject, known) + merge.faults("text", text, known)
    if len(text) > LONGEST_SHORT:
        words = _("a text message has at most %(most)s characters.") % {"most": LONGEST_SHORT}
        return [merge.Fault("text", 1, words)]
    plain = _tags_replaced(text, _mark)
    links = ((one.start(), _link_fault(one[0])) for one in ADDRESS.finditer(plain))
    bad = [merge.Fault("text", merge.line_of(plain, place), words) for place, words in links if words]
    return merge.faults("text", text, known) + bad[: merge.MOST_FAULTS]


def _size(part: str, text: str) -> list[merge.Fault]:
    """Texts that would keep a worker busy for minutes, or bring down the parsers of HTML."""
    if len(text) > LONGEST:
        return [merge.Fault(part, 1, _("the text has more than %(most)s characters.") % {"most": LONGEST})]
    depth = 0
    for tag in TAG.finditer(text):
        if not UNCLOSED.match(tag[2]):
            depth = max(depth - 1, 0) if tag[1] else depth + 1
        if depth > DEEPEST:
            message = _("more than %(most)s elements lie within each other.") % {"most": DEEPEST}
            return [merge.Fault(part, merge.line_of(text, tag.start()), message)]
    return []


def _active_content(part: str, html: str) -> list[merge.Fault]:
    message = _("scripts, forms and frames do not work in e-mail and are not sent.")
    found = islice(ACTIVE.finditer(html), merge.MOST_FAULTS)
    return [merge.Fault(part, merge.line_of(html, one.start()), message) for one in found]


def _bad_links(html: str) -> list[merge.Fault]:
    """Links whose host a merge field would choose: who controls the field would control where people go."""
    plain = _tags_replaced(html, _mark)
    found = (
        (link.start(), _link_fault(next(filter(None, link.groups()), ""))) for link in WRITTEN_HREF.finditer(plain)
    )
    told = islice(((place, message) for place, message in found if message), merge.MOST_FAULTS)
    return [merge.Fault("html", merge.line_of(plain, place), message) for place, message in told]


def _link_fault(url: str) -> str:
    """What is wrong with an address as a reader's program understands it: entities resolved, blanks left out."""
    address = BLANKS.sub("", unescape(url)).replace("\\", "/")  # as browsers read it
    before, colon, rest = address.partition(":")
    scheme = before if colon and before.isascii() and before.replace("+", "").isalnum() else ""
    if scheme.lower() not in SCHEMES:
        return _("this is not an address of the web.")
    if scheme.lower() in ("http", "https"):  # a browser takes any number of slashes, none too
        address = f"{scheme}://{rest.lstrip('/')}"
    try:
        host = before if MARK in before.partition("/")[0] else urlsplit(address).netloc
    except ValueError:
        return _("this is not an address of the web.")
    return _("a field may not be part of a link's host.") if MARK in host else ""


def _mark(tag: str) -> str:
    """What stands for a tag while links are judged; our own addresses are no field that anybody fills in."""
    name = tag.strip("{} ")
    is_ours = name in OWN_ADDRESSES or OF_SURVEY.fullmatch(name)
    return "#" if is_ours else MARK + "\n" * tag.count("\n")


def _tags_replaced(text: str, replacement: Callable[[str], str]) -> str:
    """The text with each Liquid tag replaced."""
    parts, place = [], 0
    for start, end, is_closed in merge.tags(text):
        if is_closed:
            parts += [text[place:start], replacement(text[start:end])]
            place = end
    return "".join([*parts, text[place:]])


def _inlined(html: str) -> str:
    """Styles moved into the elements. Liquid is hidden meanwhile: tags as comments, which tables tolerate."""
    tags: list[str] = []
    html = html.replace(MARK, "").replace("\ue001", "")

    def hide(tag: str) -> str:
        tags.append(tag)
        return f"\ue000{len(tags) - 1}\ue001"

    def comment(mark: re.Match[str]) -> str:
        before = max(hidden.rfind(sign, 0, mark.start()) for sign in "<>")
        in_element = before >= 0 and hidden[before] == "<"
        return mark[0] if in_element or tags[int(mark[1])].startswith("{{") else f"<!--{mark[0]}-->"

    hidden = _tags_replaced(html, hide)
    inlined = INLINER.inline(HIDDEN.sub(comment, hidden))
    shown = IN_COMMENT.sub(lambda mark: tags[int(mark[1])], inlined)
    return HIDDEN.sub(lambda mark: tags[int(mark[1])], shown)


FACTS = {"feature", "products", "segment", "segments", "survey"}  # read for a batch that is sent, not for a click


def _with_numbered_links(html: str) -> tuple[str, tuple[str, ...]]:
    """Web links become `links[n]`; the same address twice is one link. Those with names of the text's own stay.

    A click is led by the stored address alone: what a loop, an assignment or the facts of the send had given would be
    empty there.
    """
    urls: dict[str, int] = {}
    tags: list[str] = []
    foreign = _names(html)

    def hide(tag: str) -> str:
        tags.append(tag)
        return f"\ue000{len(tags) - 1}\ue001"

    def shown(part: str) -> str:
        return HIDDEN.sub(lambda mark: tags[int(mark[1])], part)

    def number(link: re.Match[str]) -> str:
        url = shown(link[2].replace("&amp;", "&"))
        if not is_web(url) or not _names(url) <= foreign - FACTS:
            return link[0]
        return f"{link[1]}{{{{ links[{urls.setdefault(url, len(urls))}] }}}}{link[3]}"

    return shown(HREF.sub(number, _tags_replaced(html, hide))), tuple(urls)


def _names(text: str) -> set[str]:
    """First words of the names that the text takes from outside."""
    if "{" not in text:
        return set()
    try:
        return {str(use.segments[0]) for use in merge.uses(merge.parsed(text, escape=False))}
    except LiquidError:
        return {""}  # no text by itself: such a link stays as it is


def _with_numbered_addresses(text: str) -> tuple[str, tuple[str, ...]]:
    """Addresses written out in a plain text become `links[n]`; the same twice is one, and the same ones stay."""
    urls: dict[str, int] = {}
    tags: list[str] = []
    foreign = _names(text)
    text = text.replace(MARK, "").replace("\ue001", "")

    def hide(tag: str) -> str:
        tags.append(tag)
        return f"\ue000{len(tags) - 1}\ue001"

    def shown(part: str) -> str:
        return HIDDEN.sub(lambda mark: tags[int(mark[1])], part)

    def number(address: re.Match[str]) -> str:
        url = shown(address[0])
        if not _names(url) <= foreign - FACTS:
            return address[0]
        return f"{{{{ links[{urls.setdefault(url, len(urls))}] }}}}"

    numbered = ADDRESS.sub(number, _tags_replaced(text, hide))
    return shown(numbered), tuple(urls)


def is_web(url: str) -> bool:
    """Whether it is an address on the web, the kind whose clicks are counted."""
    return url.lower().startswith(("http://", "https://"))


def _plain(html: str) -> str:
    """The plain part of an HTML text; links follow their words in brackets.

    Tables are read as lines: what stands between their rows, such as a loop, would leave them otherwise. A tag that
    stands alone on a line takes the line with it.
    """
    lines = TABLE.sub(lambda tag: f"<{tag[1]}{'span' if tag[2].lower() in ('td', 'th') else 'div'}>", html)
    text = get_text(CELL_ENDS.sub("</span> ", lines), PLAINLY)
    text = MARKDOWN_LINK.sub(r"\1 (\2)", "\n".join(map(str.rstrip, text.splitlines())))
    return BLANK_LINES.sub("\n\n", TAGS_ALONE.sub(r"\1", text)).strip()


def _before_end(html: str, addition: str) -> str:
    head, end, tail = html.rpartition("</body>")
    return f"{head}{addition}{end}{tail}" if end else html + addition

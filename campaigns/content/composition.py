"""A text made ready once per version: styles inlined, links numbered, the plain part made."""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache
from urllib.parse import urlsplit

from css_inline import CSSInliner
from django.utils.translation import gettext as _
from inscriptis import get_text
from inscriptis.model.config import ParserConfig

from campaigns.content import merge

INLINER = CSSInliner(load_remote_stylesheets=False, keep_style_tags=False, keep_at_rules=True)
LIQUID = re.compile(r"\{\{.*?\}\}|\{%.*?%\}", re.DOTALL)
HIDDEN = re.compile("\ue000(\\d+)\ue001")
IN_COMMENT = re.compile("<!--\ue000(\\d+)\ue001-->")
HREF = re.compile(r'(<a\b[^>]*?\shref=")([^"]*)(")', re.IGNORECASE)
WRITTEN_HREF = re.compile(r"""<a\b[^>]*?\shref\s*=\s*(?:"([^"]*)"|'([^']*)'|([^\s>"']+))""", re.IGNORECASE)
MARK = "\ue000"  # stands for a merge field while links are judged
BODY = re.compile(r"(<body\b[^>]*>)", re.IGNORECASE)
ACTIVE = re.compile(r"<\s*(script|iframe|object|embed|form|base)\b|\bon\w+\s*=\s*[\"']|javascript:", re.IGNORECASE)
PREHEADER = '<div style="display:none;max-height:0;overflow:hidden">{}</div>'
FOOTER = (
    '<p style="margin:32px 0 0;font:12px/1.5 system-ui,sans-serif;color:#5b6670">'
    '{{ firm.name }} · <a href="{{ unsubscribe_url }}">{{ labels.unsubscribe }}</a>'
    ' · <a href="{{ preferences_url }}">{{ labels.preferences }}</a></p>'
)
TEXT_FOOTER = "\n\n-- \n{{ firm.name }}\n{{ labels.unsubscribe }}: {{ unsubscribe_url }}\n"


@dataclass(frozen=True)
class Source:
    """What the marketer wrote."""

    subject: str
    preheader: str
    html: str
    text: str


@dataclass(frozen=True)
class Composition:
    """Liquid texts ready to be filled in. `urls[n]` is the address behind `links[n]` in them."""

    subject: str
    html: str
    text: str
    urls: tuple[str, ...]


@lru_cache(maxsize=500)
def compose(source: Source) -> Composition:
    """Do once what is the same for everyone."""
    html, urls = _with_numbered_links(_inlined(source.html)) if source.html else ("", ())
    text = source.text or _plain(html)
    if html and "unsubscribe_url" not in html:
        html = _before_end(html, FOOTER)
    if "unsubscribe_url" not in text:
        text += TEXT_FOOTER
    if source.preheader:
        html = BODY.sub(lambda body: body[0] + PREHEADER.format(source.preheader), html, count=1)
    return Composition(source.subject, html, text, urls)


def faults(source: Source, known: Iterable[str]) -> list[merge.Fault]:
    """Everything that would go wrong or must not be sent, each with its part and line."""
    known = tuple(known)
    found = [] if source.subject.strip() else [merge.Fault("subject", 1, _("a message needs a subject."))]
    if not source.html.strip() and not source.text.strip():
        found.append(merge.Fault("html", 1, _("a message needs a text.")))
    for part in ("subject", "preheader", "html", "text"):
        found += merge.faults(part, getattr(source, part), known)
    return found + _active_content(source.html) + _bad_links(source.html)


def _active_content(html: str) -> list[merge.Fault]:
    message = _("scripts, forms and frames do not work in e-mail and are not sent.")
    return [merge.Fault("html", merge.line_of(html, one.start()), message) for one in ACTIVE.finditer(html)]


def _bad_links(html: str) -> list[merge.Fault]:
    """Links whose host a merge field would choose: who controls the field would control where people go."""
    plain = LIQUID.sub(_mark, html)
    found = (
        (link.start(), _link_fault(next(filter(None, link.groups()), ""))) for link in WRITTEN_HREF.finditer(plain)
    )
    return [merge.Fault("html", merge.line_of(plain, place), message) for place, message in found if message]


def _link_fault(url: str) -> str:
    try:
        host = urlsplit(url).netloc if is_web(url) else ""
    except ValueError:
        return _("this is not an address of the web.")
    return _("a field may not be part of a link's host.") if MARK in host else ""


def _mark(tag: re.Match[str]) -> str:
    return MARK + "\n" * tag[0].count("\n")


def _inlined(html: str) -> str:
    """Styles moved into the elements. Liquid is hidden meanwhile: tags as comments, which tables tolerate."""
    tags: list[str] = []

    def hide(tag: re.Match[str]) -> str:
        tags.append(tag[0])
        mark = f"\ue000{len(tags) - 1}\ue001"
        before = html[: tag.start()]
        in_element = before.rfind("<") > before.rfind(">")
        return mark if in_element or tag[0].startswith("{{") else f"<!--{mark}-->"

    inlined = INLINER.inline(LIQUID.sub(hide, html))
    shown = IN_COMMENT.sub(lambda mark: tags[int(mark[1])], inlined)
    return HIDDEN.sub(lambda mark: tags[int(mark[1])], shown)


def _with_numbered_links(html: str) -> tuple[str, tuple[str, ...]]:
    """Web links become `links[n]`; the same address twice is one link."""
    urls: dict[str, int] = {}

    def number(link: re.Match[str]) -> str:
        url = link[2].replace("&amp;", "&")
        if not is_web(url):
            return link[0]
        return f"{link[1]}{{{{ links[{urls.setdefault(url, len(urls))}] }}}}{link[3]}"

    return HREF.sub(number, html), tuple(urls)


def is_web(url: str) -> bool:
    """Whether it is an address on the web, the kind whose clicks are counted."""
    return url.lower().startswith(("http://", "https://"))


def _plain(html: str) -> str:
    """The plain part of an HTML text; links follow their words in brackets."""
    return re.sub(r"\[(.*?)\]\((.*?)\)", r"\1 (\2)", get_text(html, ParserConfig(display_links=True))).strip()


def _before_end(html: str, addition: str) -> str:
    head, end, tail = html.rpartition("</body>")
    return f"{head}{addition}{end}{tail}" if end else html + addition

"""Blocks: a letter put together from a few kinds of parts and a look, for people who write no HTML. Pure.

The HTML is tables of one column, 600 pixels at most, with styles that are inlined when the letter is composed: what
every mail program shows alike, on a desk and on a phone.
"""

import re
from bisect import bisect_right
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from html import escape
from itertools import accumulate
from typing import Any

from django.utils.translation import gettext_lazy as _

from campaigns.content import composition, merge
from campaigns.content.composition import Source
from campaigns.content.merge import Fault

LIQUID = re.compile(r"(\{\{.*?\}\}|\{%.*?%\})", re.DOTALL)
Block = Mapping[str, Any]


@dataclass(frozen=True)
class Look:
    """Colours and letters of a letter. Text on its ground has a contrast of at least 4.5 to 1."""

    key: str
    label: Any
    ground: str
    paper: str
    ink: str
    accent: str
    on_accent: str
    font: str
    corner: int = 8


SANS = "-apple-system,'Segoe UI',Roboto,Helvetica,Arial,sans-serif"
SERIF = "Georgia,'Times New Roman',serif"
LOOKS = {
    look.key: look
    for look in (
        Look("calm", _("Calm"), "#f2f5f4", "#ffffff", "#1f2a2e", "#0b6e69", "#ffffff", SANS),
        Look("letter", _("Letter"), "#ffffff", "#ffffff", "#222222", "#1a4f8b", "#ffffff", SERIF, 2),
        Look("warm", _("Warm"), "#fbf3ea", "#fffdf9", "#3a2a1e", "#a33f12", "#ffffff", SERIF, 14),
        Look("night", _("Night"), "#12181c", "#1c252b", "#eef3f5", "#ffc857", "#1c252b", SANS, 10),
    )
}


@dataclass(frozen=True)
class Kind:
    """A kind of block: what it is called, which of its fields count, and how it is written."""

    key: str
    label: Any
    fields: tuple[str, ...]
    write: Callable[[Block, Look], str]


def said(text: str) -> str:
    """The text as HTML; merge fields stay as they were written, everything else is only text."""
    parts = LIQUID.split(text)
    return "".join(part if LIQUID.fullmatch(part) else escape(part) for part in parts)


def heading(block: Block, look: Look) -> str:
    return f'<h1 class="heading">{said(block["text"])}</h1>'


def paragraphs(block: Block, look: Look) -> str:
    """Blank lines part paragraphs; lines that begin with a dash are a list."""
    return "".join(map(paragraph, re.split(r"\n\s*\n", block["text"].replace("\r", "").strip())))


def paragraph(text: str) -> str:
    lines = [line.strip() for line in text.split("\n")]
    if lines and all(line.startswith(("- ", "• ")) for line in lines):
        return f"<ul>{''.join(f'<li>{said(line[2:])}</li>' for line in lines)}</ul>"
    return f"<p>{'<br>'.join(map(said, lines))}</p>"


def button(block: Block, look: Look) -> str:
    return (
        '<table role="presentation" cellpadding="0" cellspacing="0"><tr><td class="button">'
        f'<a class="button__link" href="{said(block["url"])}">{said(block["text"])}</a></td></tr></table>'
    )


def image(block: Block, look: Look) -> str:
    return f'<img class="image" src="{said(block["url"])}" alt="{said(block["text"])}" width="536">'


def products(block: Block, look: Look) -> str:
    """Products that the reader's likes buy and the reader has not bought; nothing when there are none."""
    row = '<tr><td class="product">{{ product.name }}</td><td class="product price">{{ product.price }}</td></tr>'
    title = f"<h2>{said(block['text'])}</h2>" if block.get("text") else ""
    rows = "{% for product in products %}" + row + "{% endfor %}"
    table = f'<table role="presentation" width="100%" cellpadding="0" cellspacing="0">{rows}</table>'
    return "{% if products.size > 0 %}" + title + table + "{% endif %}"


def divider(block: Block, look: Look) -> str:
    return "<hr>"


KINDS = {
    kind.key: kind
    for kind in (
        Kind("heading", _("Heading"), ("text",), heading),
        Kind("text", _("Text"), ("text",), paragraphs),
        Kind("button", _("Button"), ("text", "url"), button),
        Kind("image", _("Picture"), ("text", "url"), image),
        Kind("products", _("Recommended products"), (), products),
        Kind("divider", _("Line"), (), divider),
    )
}
OPERATORS = {
    "==": _("is"),
    "!=": _("is not"),
    ">": _("is more than"),
    "<": _("is less than"),
    "contains": _("contains"),
}


def html_of(look_key: str, blocks: Sequence[Block]) -> str:
    """The letter. Raises KeyError for a look or kind that does not exist."""
    return framed(look_key, "".join(f"{part}\n" for part in parts_of(look_key, blocks)))


def parts_of(look_key: str, blocks: Sequence[Block]) -> list[str]:
    """The HTML of each block."""
    return [conditional(KINDS[block["kind"]].write(block, LOOKS[look_key]), block) for block in blocks]


def framed(look_key: str, body: str) -> str:
    return FRAME.replace("@style@", style(LOOKS[look_key])).replace("@body@", body)


def placed(source: Source, look_key: str, blocks: Sequence[Block], known: Sequence[str]) -> list[Fault]:
    """Faults of a letter made of blocks: those in the HTML by the block they stand in, for nobody wrote its lines."""
    faults = composition.faults(replace(source, html=html_of(look_key, blocks)), known)
    parts = parts_of(look_key, blocks)
    starts = list(accumulate((part.count("\n") + 1 for part in parts), initial=first_line(look_key)))
    return [numbered(one, parts, starts) if one.part == "html" and one.line else one for one in faults]


def first_line(look_key: str) -> int:
    """The line of the HTML on which the first block begins."""
    return framed(look_key, "@").partition("@")[0].count("\n") + 1


def numbered(fault: Fault, parts: Sequence[str], starts: Sequence[int]) -> Fault:
    """The fault with its block. What cannot be read is told as that block tells it which cannot be read by itself.

    What one block opens another may close; an end that is missing is missed only at the end of the letter.
    """
    place = min(bisect_right(starts, fault.line), len(parts))
    unread = [number for number, part in enumerate(parts, start=1) if not merge.can_be_read(part)]
    if not unread or merge.can_be_read("".join(parts)):
        return replace(fault, block=place)
    number = place if place in unread else unread[0]
    return replace(merge.faults("html", parts[number - 1], ())[0], block=number)


def conditional(html: str, block: Block) -> str:
    """The block inside its conditions: only for a segment, only where a field has a value."""
    conditions = []
    if block.get("segment"):
        conditions.append(f'segments contains "{bare(block["segment"])}"')
    if block.get("field"):
        conditions.append(f"{bare(block['field'])} {operator(block)} {literal(block.get('value', ''))}")
    return "{% if " + " and ".join(conditions) + " %}" + html + "{% endif %}" if conditions else html


def operator(block: Block) -> str:
    asked = block.get("operator")
    return asked if asked in OPERATORS else "=="


def literal(value: str) -> str:
    """A value as Liquid writes it: a number, true, false, or words in quotes.

    >>> literal("12.5"), literal("true"), literal('Kuopio "K"')
    ('12.5', 'true', '"Kuopio K"')
    """
    value = value.strip()
    return value if re.fullmatch(r"-?\d+(\.\d+)?|true|false", value) else f'"{bare(value)}"'


def bare(text: str) -> str:
    """The text without what would end a string or a tag."""
    return re.sub(r'["%{}]', "", text)


def style(look: Look) -> str:
    return STYLE.format(**vars(look))


STYLE = """
body {{ margin: 0; background: {ground}; color: {ink}; font: 16px/1.55 {font}; }}
.ground {{ width: 100%; background: {ground}; }}
.paper {{ width: 100%; max-width: 600px; margin: 0 auto; background: {paper}; border-radius: {corner}px; }}
.inside {{ padding: 32px; color: {ink}; font: 16px/1.55 {font}; }}
.heading {{ margin: 0 0 16px; font-size: 28px; line-height: 1.2; color: {ink}; }}
h2 {{ margin: 24px 0 8px; font-size: 19px; color: {ink}; }}
p {{ margin: 0 0 16px; color: {ink}; }}
ul {{ margin: 0 0 16px; padding-left: 20px; color: {ink}; }}
a {{ color: {accent}; }}
.button {{ background: {accent}; border-radius: {corner}px; padding: 0; }}
.button__link {{ display: inline-block; padding: 13px 26px; color: {on_accent}; }}
.button__link {{ font-weight: 600; text-decoration: none; }}
table {{ margin: 0 0 16px; }}
.image {{ display: block; width: 100%; max-width: 536px; height: auto; margin: 0 0 16px; border-radius: {corner}px; }}
.product {{ padding: 10px 0; border-top: 1px solid {accent}; color: {ink}; }}
.price {{ text-align: right; }}
hr {{ margin: 24px 0; border: 0; border-top: 1px solid {accent}; }}
"""
FRAME = (
    '<!doctype html><html><head><meta charset="utf-8"><meta name="viewport" content="width=device-width">'
    "<style>@style@</style></head>"
    '<body><table role="presentation" class="ground" cellpadding="0" cellspacing="0"><tr><td>'
    '<table role="presentation" class="paper" align="center" cellpadding="0" cellspacing="0"><tr><td class="inside">'
    "@body@</td></tr></table></td></tr></table></body></html>"
)


@dataclass(frozen=True)
class Starter:
    """A letter to begin with: a look and blocks with words to be replaced."""

    key: str
    label: Any
    look: str
    blocks: tuple[Mapping[str, Any], ...]


STARTERS = {
    one.key: one
    for one in (
        Starter(
            "news",
            _("News"),
            "calm",
            (
                {"kind": "heading", "text": _("What is new")},
                {"kind": "text", "text": _("Hello {{ customer.first_name }},\n\nthree things happened this month.")},
                {"kind": "button", "text": _("Read more"), "url": "https://"},
                {"kind": "divider"},
                {"kind": "products", "text": _("You may like these")},
            ),
        ),
        Starter(
            "offer",
            _("Offer"),
            "warm",
            (
                {"kind": "heading", "text": _("An offer for you")},
                {"kind": "text", "text": _("Hello {{ customer.first_name }},\n\nuntil Sunday you pay less.")},
                {"kind": "button", "text": _("See the offer"), "url": "https://"},
                {"kind": "text", "text": _("You can leave these letters with one click below.")},
            ),
        ),
        Starter(
            "invitation",
            _("Invitation"),
            "night",
            (
                {"kind": "heading", "text": _("You are invited")},
                {"kind": "text", "text": _("When:\n\nWhere:\n\nWhat happens:")},
                {"kind": "button", "text": _("I am coming"), "url": "https://"},
            ),
        ),
        Starter(
            "letter",
            _("Personal letter"),
            "letter",
            (
                {"kind": "text", "text": _("Hello {{ customer.first_name }},\n\nwe have not seen you for a while.")},
                {"kind": "products", "text": _("What others like you bought lately")},
                {"kind": "text", "text": _("With kind regards\n{{ firm.name }}")},
            ),
        ),
    )
}  # fmt: skip

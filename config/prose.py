"""A guide's Markdown in pieces for a page: its title, headings, pictures, and whatever else stands between them."""

from collections.abc import Callable
from dataclasses import dataclass

from django.utils.html import conditional_escape
from django.utils.safestring import SafeString, mark_safe
from markdown_it import MarkdownIt
from markdown_it.tree import SyntaxTreeNode

Address = Callable[[str], str]
MARKDOWN = MarkdownIt("commonmark", {"html": False})  # tags are shown as they are written, not run
KINDS = {"h1": "title", "h2": "heading"}


@dataclass(frozen=True)
class Block:
    """A title, a heading, words as HTML, or a picture: then `html` is what it shows, and `source` its file."""

    kind: str
    html: SafeString
    source: str = ""


def blocks(text: str, address: Address) -> list[Block]:
    """The text from top to bottom; `address` says where its links lead.

    >>> blocks("Press **A & B**.", str)[0].html
    '<p>Press <strong>A &amp; B</strong>.</p>'
    """
    root = SyntaxTreeNode(MARKDOWN.parse(text))
    for one in root.walk():
        if one.type == "link" and one.nester_tokens:
            one.nester_tokens.opening.attrSet("href", address(str(one.attrs["href"])))
    return [_block(one) for one in root.children]


def _block(node: SyntaxTreeNode) -> Block:
    inside = node.children[0].children if node.type == "paragraph" else []
    if len(inside) == 1 and inside[0].type == "image":
        return Block("picture", conditional_escape(inside[0].content), str(inside[0].attrs["src"]))
    if kind := KINDS.get(node.tag):
        return Block(kind, _rendered(node.children[0]))
    return Block("words", _rendered(node))


def _rendered(node: SyntaxTreeNode) -> SafeString:
    """As HTML; the library escapes every text and refuses addresses that would run something."""
    return mark_safe(MARKDOWN.renderer.render(node.to_tokens(), MARKDOWN.options, {}).strip())

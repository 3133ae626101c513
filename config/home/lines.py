"""What the parts of the first page are made of: lines, and the parts themselves."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from crm.finding import address
from crm.rights import Actor

MOST = 6


@dataclass(frozen=True)
class Item:
    """One line: words with an address, a figure beside it, and the tone of its meaning.

    `lazy_url` answers with a sentence that is costly to work out; it stands in the place of the note once it is there.
    """

    words: str
    url: str
    figure: str = ""
    note: str = ""
    tone: str = "neutral"
    lazy_url: str = ""


@dataclass(frozen=True)
class Part:
    """A card of the first page: who sees it, what finds its lines, what it says when there are none.

    `list_name` names the address of the whole list. A part with `fragment_name` is brought by another page.
    """

    key: str
    label: Any
    empty: Any
    find: Callable[[Actor, datetime], Iterable[Item]] | None = None
    right: str = ""
    list_name: str = ""
    fragment_name: str = ""

    @property
    def list_url(self) -> str:
        return address(self.list_name) if self.list_name else ""

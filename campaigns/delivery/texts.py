"""What is said between the line for text messages and a provider's own module: plain values."""

from collections.abc import Mapping
from dataclasses import dataclass

DELIVERED, HARD, SOFT, STOP, NOTHING = "delivered", "hard_bounce", "soft_bounce", "unsubscribed", "nothing"


@dataclass(frozen=True)
class Account:
    """Who we are with a provider, and where it is; `options` are those after the question mark."""

    provider: str
    host: str
    port: int | None
    is_plain: bool
    user: str
    secret: str
    options: Mapping[str, str]


@dataclass(frozen=True)
class Text:
    """One message: to a number in E.164; `token` names it in reports, the same at every attempt."""

    to: str
    body: str
    token: str


@dataclass(frozen=True)
class Call:
    """A POST to the provider."""

    path: str
    body: bytes
    headers: Mapping[str, str]


@dataclass(frozen=True)
class Answer:
    """What the provider's server said."""

    status: int
    body: bytes


@dataclass(frozen=True)
class Report:
    """What a provider tells later: of which kind, its own id of the event, and from whom a reply came."""

    kind: str
    id: str
    sender: str = ""
    detail: str = ""

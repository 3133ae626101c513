"""Person, machine or not known: what is behind an open or a click. Pure; the rules are a table, first match wins."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from functools import lru_cache

from ua_parser import parse

HUMAN, MACHINE, UNKNOWN = "human", "machine", "unknown"
TOO_SOON = timedelta(seconds=2)
BURST = timedelta(seconds=10)
LINKS_IN_BURST = 3
PRIVACY_PROXIES = ("GoogleImageProxy", "ggpht.com", "YahooMailProxy")
APPLE_PRIVACY = "Mozilla/5.0"  # Apple's mail privacy proxy sends exactly this and nothing more
SCANNERS = (
    "barracuda",
    "proofpoint",
    "mimecast",
    "safelinks",
    "urldefense",
    "microsoft office",
    "python-",
    "curl",
    "wget",
)


@dataclass(frozen=True)
class Hit:
    """One request for a pixel or a link."""

    user_agent: str
    method: str
    since_sent: timedelta | None
    links_in_burst: int = 0


@dataclass(frozen=True)
class Class:
    """Who was behind a hit, and why we think so."""

    by: str
    reason: str


@lru_cache(maxsize=4_096)
def is_robot(user_agent: str) -> bool:
    """Whether the uap-core list knows it as a robot."""
    device = parse(user_agent).device
    return device is not None and device.family == "Spider"


@lru_cache(maxsize=4_096)
def is_browser(user_agent: str) -> bool:
    """Whether the uap-core list knows it as a browser or mail client."""
    return parse(user_agent).user_agent is not None


RULES: tuple[tuple[str, Callable[[Hit], bool], str], ...] = (
    ("head_request", lambda hit: hit.method == "HEAD", MACHINE),
    ("no_user_agent", lambda hit: not hit.user_agent, MACHINE),
    ("robot", lambda hit: is_robot(hit.user_agent), MACHINE),
    ("scanner", lambda hit: any(name in hit.user_agent.lower() for name in SCANNERS), MACHINE),
    ("too_soon", lambda hit: hit.since_sent is not None and hit.since_sent < TOO_SOON, MACHINE),
    ("all_links_at_once", lambda hit: hit.links_in_burst >= LINKS_IN_BURST, MACHINE),
    ("privacy_proxy", lambda hit: any(name in hit.user_agent for name in PRIVACY_PROXIES), UNKNOWN),
    ("apple_mail_privacy", lambda hit: hit.user_agent.strip() == APPLE_PRIVACY, UNKNOWN),
    ("browser", lambda hit: is_browser(hit.user_agent), HUMAN),
)


def classify(hit: Hit) -> Class:
    """The class of a hit; what no rule knows is not known.

    >>> classify(Hit("curl/8.0", "GET", None))
    Class(by='machine', reason='scanner')
    """
    for reason, holds, by in RULES:
        if holds(hit):
            return Class(by, reason)
    return Class(UNKNOWN, "unfamiliar")

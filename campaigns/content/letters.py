"""From a composition and a person to a letter: filled in, addressed, with the headers mailbox providers ask for."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from email.utils import formataddr, parseaddr
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from django.conf import settings
from django.core.mail import EmailMultiAlternatives
from django.utils.html import escape

from campaigns.content import addresses, fields, merge
from campaigns.content.composition import Source, compose
from campaigns.models import Campaign, Message
from crm.addresses import in_ascii

if TYPE_CHECKING:
    from crm.models import Customer

LINE_BREAKS = re.compile(r"[\x00-\x1f\x7f\u0085\u2028\u2029]+")
MARKETING = "marketing"
PIXEL = '<img src="{}" width="1" height="1" alt="" style="display:block">'


@dataclass(frozen=True)
class Letter:
    """What one person reads. The subject is one line; the HTML is empty for letters in plain text."""

    subject: str
    html: str
    text: str


@dataclass(frozen=True)
class Ways:
    """Where the letter's addresses lead: its numbered links, and the pages about the message itself."""

    links: Mapping[str, str]
    pages: Mapping[str, str]
    pixel_url: str = ""


def values(
    campaign: Campaign,
    customer: "Customer",
    custom_keys: Sequence[str],
    segment: str = "",
    facts: Mapping[str, Any] | None = None,
) -> dict[str, Any]:
    """Everything a text may use about one person."""
    return {
        **(facts or {}),
        "customer": fields.values(customer, custom_keys),
        "firm": fields.firm(),
        "campaign": {"name": campaign.name},
        "labels": fields.labels(customer.language),
        "segment": segment,
    }


def write(source: Source, known: Mapping[str, Any], ways: Ways) -> Letter:
    """Fill a text in for one person. Raises `merge.RenderFailed`."""
    composition = compose(source)
    links = [ways.links.get(url) or where(url, known) for url in composition.urls]
    names = {**known, **ways.pages, "links": links}
    html = merge.filled(composition.html, names, escape=True)
    return Letter(
        subject=one_line(merge.filled(composition.subject, names, escape=False)),
        html=with_pixel(html, ways.pixel_url) if html and ways.pixel_url else html,
        text=merge.filled(composition.text, names, escape=False),
    )


def where(url: str, known: Mapping[str, Any]) -> str:
    """The address a link leads this person to; its host is fixed, since texts with a field there are refused."""
    return one_line(merge.filled(url, known, escape=False))


def one_line(text: str) -> str:
    """The text without line breaks and control characters, so that it cannot add a header."""
    return LINE_BREAKS.sub(" ", text).strip()


def with_pixel(html: str, url: str) -> str:
    head, end, tail = html.rpartition("</body>")
    return f"{head}{PIXEL.format(escape(url))}{end}{tail}"


def ways_of(message: Message, link_ids: Mapping[str, int], *, tracked: bool) -> Ways:
    """The addresses of a real message; `link_ids` by address, `tracked` with the person's consent only."""
    return Ways(
        links={url: addresses.click_url(message, link_id) for url, link_id in link_ids.items()},
        pages={
            "unsubscribe_url": addresses.unsubscribe_url(message),
            "preferences_url": addresses.preferences_url(message),
            "browser_url": addresses.browser_url(message),
        },
        pixel_url=addresses.open_url(message) if tracked else "",
    )


PREVIEW = Ways(links={}, pages=dict.fromkeys(fields.ADDRESSES, "#"))


def sender_of(campaign: Campaign) -> str:
    """The From header: the campaign's sender or the firm's."""
    return from_header(campaign.from_name, campaign.from_email, settings.DEFAULT_FROM_EMAIL)


@lru_cache(maxsize=100)
def from_header(name: str, address: str, usual: str) -> str:
    usual_name, usual_address = parseaddr(usual)
    local, at_sign, domain = (address or usual_address).rpartition("@")
    return formataddr((one_line(name) or usual_name, f"{local}{at_sign}{in_ascii(domain)}"))


def mail_of(letter: Letter, campaign: Campaign, to: str, headers: Mapping[str, str]) -> EmailMultiAlternatives:
    """The letter as a mail with an HTML and a text part."""
    reply_to = [campaign.reply_to] if campaign.reply_to else None
    mail = EmailMultiAlternatives(
        letter.subject, letter.text, sender_of(campaign), [one_line(to)], reply_to=reply_to, headers=dict(headers)
    )
    if letter.html:
        mail.attach_alternative(letter.html, "text/html")
    return mail


def is_of_their_own_matter(campaign: Campaign) -> bool:
    """A letter that a person wrote about the reader's own matter: it sells nothing, so it offers no way out."""
    return campaign.is_letter and campaign.purpose != MARKETING


def headers_of(message: Message, campaign: Campaign) -> dict[str, str]:
    """Message-ID, the one-click headers of RFC 8058, and what keeps vacation replies away (RFC 3834)."""
    domain = sender_of(campaign).rpartition("@")[2].rstrip(">")
    own = {"Message-ID": addresses.message_id(message, domain)}
    if is_of_their_own_matter(campaign):
        return own
    return {
        **own,
        "List-Unsubscribe": f"<{addresses.unsubscribe_url(message)}>",
        "List-Unsubscribe-Post": "List-Unsubscribe=One-Click",
        "Auto-Submitted": "auto-generated",
        "Feedback-ID": f"{campaign.pk}:{message.variant_id or 0}:kohde",
    }

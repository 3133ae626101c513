"""A mail's bytes against what Python reads out of Django's own."""

from email import message_from_bytes, policy
from smtplib import _quote_periods

import pytest
from django.core.mail import EmailMultiAlternatives
from django.core.mail.message import sanitize_address
from hypothesis import given
from hypothesis import strategies as st

from campaigns.content.mime import bare, written

LINES = st.text(
    st.characters(exclude_categories=["Cs"], exclude_characters="\x00\r\x0b\x0c\x1c\x1d\x1e\x85\u2028\u2029")
)
WORDS = st.text(st.characters(exclude_categories=["Cs", "Cc", "Zl", "Zp"]), max_size=120)


def read(wire: bytes):
    """Headers in order and parts, as any mail program sees them."""
    seen = message_from_bytes(wire, policy=policy.default)
    parts = [one for one in seen.walk() if not one.is_multipart()]
    bodies = [(one.get_content_type(), one.get_content_charset(), one.get_payload(decode=True)) for one in parts]
    own = ("Content-Type", "Content-Transfer-Encoding", "MIME-Version")
    return [(name, str(value)) for name, value in seen.items() if name not in own], seen["MIME-Version"], bodies


def same(mail):
    """Whether both writings say the same; line ends at the very end of a part are the part's frame."""
    ours, django = read(written(mail)), read(mail.message().as_bytes(linesep="\r\n"))
    assert ours[:2] == django[:2]
    for mine, theirs in zip(ours[2], django[2], strict=True):
        assert mine[:2] == theirs[:2]
        assert mine[2].rstrip(b"\r\n").splitlines() == theirs[2].rstrip(b"\r\n").splitlines()


def mail_of(subject="Hello", text="Hi", html="", **more):
    headers = {
        "Message-ID": "<1.ab@shop.example>",
        "Date": "Fri, 27 Nov 2026 10:00:00 -0000",
        **more.pop("headers", {}),
    }
    mail = EmailMultiAlternatives(subject, text, "Shop <a@shop.example>", ["o@mail.example"], headers=headers, **more)
    if html:
        mail.attach_alternative(html, "text/html")
    return mail


@given(WORDS, LINES.filter(bool), LINES)
def test_it_says_what_djangos_own_writing_says(subject, text, html):
    same(mail_of(subject.strip(), text, html))


@pytest.mark.parametrize(
    "mail",
    [
        mail_of("Äiti & ääkköset " * 20, "ä" * 3_000, "<p>" + "é = . " * 2_000 + "</p>"),
        mail_of(reply_to=["Päivi Å <p@shop.example>"], headers={"List-Unsubscribe": f"<https://{'x' * 200}/>"}),
        mail_of(text=".\r\n.leading dot\nFrom here\rend ", html="<p>\n.\n</p>"),
        mail_of(text="", html="<p>only html</p>"),
        mail_of(cc=["c@mail.example"], headers={"From": "Other <b@shop.example>", "X-Empty": ""}),
    ],
)
def test_odd_mails_say_the_same_too(mail):
    same(mail)


def test_every_line_fits_a_mail_server_and_ends_as_smtp_asks():
    wire = _quote_periods(written(mail_of("x" * 900, "y" * 5_000, "<p>" + "z" * 5_000)))
    assert max(map(len, wire.split(b"\r\n"))) <= 998
    assert wire.replace(b"\r\n", b"").count(b"\n") == wire.replace(b"\r\n", b"").count(b"\r") == 0


@pytest.mark.parametrize(
    "address", ["a@b.example", "a.b+c@b.example", "ä@b.example", "a@ä.example", '"a b"@b.example', "A <a@b.example>"]
)
def test_the_envelope_names_the_address_as_django_would(address):
    assert bare(address) == sanitize_address(address, "utf-8")


def test_a_header_cannot_be_added_by_a_line_break():
    with pytest.raises(ValueError, match="newlines"):
        written(mail_of(headers={"X-One": "1\r\nBcc: all@mail.example"}))

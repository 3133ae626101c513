"""Replies as real servers give them are told in plain words; what they said stays behind the words."""

import pytest
from django.urls import reverse
from django.utils import translation

from campaigns.delivery.plain_words import TABLE, explained
from campaigns.views import returns
from tests.campaigns.conftest import launched, sent

# As sent by Gmail, Exchange Online, Postfix, Yahoo, Twilio by our own words, and Python's sockets.
REPLIES = [
    ("550 5.1.1 The email account that you tried to reach does not exist.", "There is no such mailbox."),
    ("452 4.2.2 The recipient's inbox is out of storage space.", "The mailbox is full."),
    ("550 5.7.26 This mail has been blocked because the sender is unauthenticated.", "does not believe"),
    ("550 5.7.1 Service unavailable, Client host blocked using Spamhaus.", "unwanted mail"),
    ("421 4.7.28 Our system has detected an unusual rate of mail", "faster than"),
    ("550 5.4.1 Recipient address rejected: Access denied.", "cannot be reached"),
    ("554 5.7.1 <…>: Relay access denied", "does not send on for us"),
    ("450 4.7.1 <…>: Recipient address rejected: Greylisted", "strangers wait"),
    ("535 5.7.8 Error: authentication failed", "name and password"),
    ("552 5.3.4 Message size exceeds fixed limit", "too big"),
    ("421 too many connections", "busy"),
    ("550 5.2.1 replied STOP to the provider: 21610", "want no more"),
    ("connect: 0 ConnectionRefusedError", "Nobody answers"),
    ("data: 0 SMTPServerDisconnected", "connection broke"),
    ("451 HTTP 503", "in trouble"),
]


@pytest.mark.parametrize(("reply", "words"), REPLIES)
def test_a_reply_is_told_in_plain_words(reply: str, words: str) -> None:
    assert words in explained(reply)


def test_an_acceptance_and_what_nobody_knows_are_left_alone() -> None:
    assert explained("250 2.0.0 OK") == explained("") == explained("sorry, no") == ""


def test_every_explanation_is_finnish_for_finns() -> None:
    with translation.override("fi"):
        finnish = [str(one.words) for one in TABLE]
    assert not set(finnish) & {str(one.words) for one in TABLE}


@pytest.mark.django_db(transaction=True)
def test_the_list_of_people_tells_it_with_the_reply_behind(new_customer, new_campaign, sink, client, maija) -> None:
    run = sent(launched(new_campaign([new_customer(1), new_customer(2, "5xx-1@mail.example")])))
    client.force_login(maija)
    page = client.get(reverse("campaign-people", args=[run.campaign_id])).content.decode()
    assert "There is no such mailbox." in page
    assert "<summary>The server" in page and "550 5.1.1" in page
    run.pause_reason = "connect: 0 ConnectionRefusedError"
    assert (returns.pause_words(run), returns.pause_reply(run)) == (
        "Nobody answers at the address of the server.",
        "connect: 0 ConnectionRefusedError",
    )

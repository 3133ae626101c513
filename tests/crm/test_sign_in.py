"""Guessing grows slower with every guess, and the owner still gets in."""

from datetime import UTC, datetime, timedelta

import pytest
from django.urls import reverse

from crm import sign_in
from crm.models import SignInCounter, User

pytestmark = pytest.mark.django_db
START = datetime(2026, 11, 21, 10, tzinfo=UTC)
QUARTER = timedelta(minutes=15)


def guesses(seconds: int, *, account=lambda i: "aino", ip=lambda i: "10.0.0.1", known="") -> int:
    """How many guesses are looked at when somebody tries once a second."""
    looked_at = 0
    for i in range(seconds):
        try:
            sign_in.begin_attempt(sign_in.counters(account(i), ip(i), known), at=START + timedelta(seconds=i))
            looked_at += 1
        except sign_in.TooManyAttempts:
            pass
    return looked_at


def test_an_account_is_guessed_at_ten_times_at_most_in_a_quarter_of_an_hour():
    assert guesses(900, ip=lambda i: f"10.0.{i % 250}.{i // 250}") <= 10


def test_an_address_that_tries_many_accounts_is_slowed_down_too():
    assert guesses(900, account=lambda i: f"user{i}") <= 40


def test_a_stranger_does_not_keep_the_owners_own_browser_waiting():
    guesses(300)
    own = sign_in.counters("aino", "10.9.9.9", sign_in.known_browser("aino"))
    sign_in.begin_attempt(own, at=START + timedelta(seconds=301))


def test_the_cookie_of_another_account_does_not_help():
    assert not sign_in.is_known(sign_in.known_browser("eero"), "aino")
    assert not sign_in.is_known("forged", "aino")


def test_the_right_password_clears_the_account():
    counted = sign_in.counters("aino", "10.0.0.1")
    for i in range(3):
        sign_in.begin_attempt(counted, at=START + timedelta(seconds=i))
    sign_in.forgive(counted)
    assert SignInCounter.objects.get().failures == 2


def test_a_day_later_the_failures_are_forgotten():
    guesses(60)
    sign_in.begin_attempt(sign_in.counters("aino", "10.0.0.1"), at=START + timedelta(days=2))
    assert {row.failures for row in SignInCounter.objects.all()} == {1}


def test_nobody_waits_longer_than_a_quarter_of_an_hour():
    counter = sign_in.Counter("account", "aino", free=3, first_wait_seconds=15)
    assert [counter.wait(n).total_seconds() for n in (2, 3, 4, 5, 100)] == [0, 15, 30, 60, 900]


def test_the_page_says_how_long_to_wait_and_the_same_for_an_unknown_account(client):
    answers = []
    for name in ("aino", "nobody"):
        User.objects.create_user("aino", password="kohde-demo-1") if name == "aino" else None
        for _attempt in range(4):
            page = client.post(reverse("sign-in"), {"username": name, "password": "wrong"})
        answers.append(page.context["form"].non_field_errors())
    assert answers[0] == answers[1] and "Try again in 1" in answers[0][0]


def test_administrators_have_no_door_of_their_own_where_guesses_go_uncounted(client):
    User.objects.create_user("adele", password="kohde-demo-1", role="admin", is_staff=True)
    for _attempt in range(4):
        page = client.post(
            "/admin/login/?next=/admin/crm/team/", {"username": "adele", "password": "wrong"}, follow=True
        )
    assert page.request["PATH_INFO"] == reverse("sign-in")
    client.post(page.redirect_chain[-1][0], {"username": "adele", "password": "kohde-demo-1"})
    assert client.get("/admin/crm/team/").status_code == 200
    assert client.get("/admin/login/", follow=True).request["PATH_INFO"] == "/admin/"

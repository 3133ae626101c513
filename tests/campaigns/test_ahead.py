"""Told before the launch: when the rates are too slow for the days in which a campaign counts."""

from datetime import time

import pytest
from django.urls import reverse
from django.utils import timezone

from campaigns.delivery.ahead import latest, open_share, too_slow
from campaigns.delivery.hours import Hours
from campaigns.models import SendingRate, SendingRules

pytestmark = pytest.mark.django_db
DAY = 24 * 60


def rate(per_minute, **more):
    return SendingRate.objects.create(channel="email", per_minute=per_minute, burst=1, **more)


def test_nothing_is_said_without_a_rate_and_when_there_is_time_enough(new_campaign):
    draft = new_campaign([], window_days=2)
    assert too_slow(draft, 10**6, at=timezone.now()) == ""
    rate(10)
    assert too_slow(draft, 2 * DAY * 10, at=timezone.now()) == ""


def test_who_would_never_get_it_is_counted(new_campaign):
    draft = new_campaign([], window_days=2)
    rate(10)
    late = latest(draft, 8 * DAY * 10 + 1, at=timezone.now())
    assert (round(late.days, 6), late.span, late.people) == (8, 2, 6 * DAY * 10 + 1)
    assert "takes about 8.0 days" in too_slow(draft, 8 * DAY * 10 + 1, at=timezone.now())


def test_hours_that_are_closed_make_it_last_longer(new_campaign):
    SendingRules.objects.create(quiet_from=time(18), quiet_until=time(6))
    rate(10)
    people = 3 * DAY * 10 // 2 + 1
    assert latest(new_campaign([], window_days=2), people, at=timezone.now()).days == pytest.approx(3, abs=0.01)
    service = new_campaign([], name="Owed", window_days=2, purpose="service")
    assert latest(service, people, at=timezone.now()) is None, "quiet hours bind marketing alone"
    assert open_share(Hours(window=(time(9), time(9, 30)), weekdays=frozenset({7}))) == 2 / (7 * 96)


def test_later_waves_have_their_days_too(new_campaign):
    rate(10)
    people = 4 * DAY * 10 + 1
    assert latest(new_campaign([], window_days=2), people, at=timezone.now())
    assert latest(new_campaign([], name="W", window_days=2, waves=3, wave_hours=24), people, at=timezone.now()) is None


def test_the_rate_of_a_domain_is_for_its_own_people(new_customer, new_campaign):
    draft = new_campaign([*(new_customer(n, f"n{n}@slow.example") for n in range(3)), new_customer(9)], window_days=1)
    rate(1, domain="slow.example")
    assert latest(draft, 10**6, at=timezone.now()) is None
    SendingRate.objects.update(burst=1, domain="mail.example")
    assert latest(draft, 10**6, at=timezone.now()) is None


def test_the_page_says_it_above_the_button(client, maija, new_customer, new_campaign):
    draft = new_campaign([new_customer(n) for n in range(4)], window_days=1)
    rate(1, domain="mail.example")
    SendingRules.objects.create(quiet_from=time(0, 15), quiet_until=time(0))
    client.force_login(maija)
    page = client.get(reverse("campaign-launch", args=[draft.pk])).content.decode()
    assert "expires, for about" not in page
    draft.send_weekdays, draft.send_from, draft.send_until = "1", time(0), time(0, 15)
    draft.window_days = 0
    draft.save()
    page = client.get(reverse("campaign-launch", args=[draft.pk])).content.decode()
    assert "At 1 a minute (mail.example)" in page and "expires, for about" in page

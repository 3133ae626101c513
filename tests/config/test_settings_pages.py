"""Settings that stand in the environment: told without secrets; what is over its time is counted before it goes."""

from collections import Counter
from datetime import timedelta

import pytest
from django.urls import reverse
from django.utils import timezone

from crm import retention
from crm.models import Import, Visit
from crm.tasks import forget

pytestmark = pytest.mark.django_db


def page(client, user, name):
    client.force_login(user)
    return client.get(reverse(name)).content.decode()


def test_the_password_of_the_mail_server_is_never_shown(client, adele, settings):
    settings.HAS_MAIL_CATCHER = False
    settings.EMAIL = {
        "EMAIL_HOST": "mail.kohde.example", "EMAIL_PORT": 587, "EMAIL_USE_TLS": True, "EMAIL_HOST_USER": "kohde",
        "EMAIL_HOST_PASSWORD": "s3cret",
    }  # fmt: skip
    text = page(client, adele, "channels")
    assert "mail.kohde.example:587" in text and "STARTTLS" in text and "s3cret" not in text


def test_a_server_that_is_away_is_told_in_words(client, adele, settings):
    settings.EMAIL_BACKEND = "django.core.mail.backends.smtp.EmailBackend"
    settings.EMAIL_HOST, settings.EMAIL_PORT = "127.0.0.1", 1
    client.force_login(adele)
    answer = client.post(reverse("channels-test"), follow=True).content.decode()
    assert "The mail server cannot be used: ConnectionRefusedError" in answer


def test_the_firm_is_told_with_the_variables_that_set_it(client, maija, settings):
    settings.FIRM_NAME = "Testi Oy"
    text = page(client, maija, "firm")
    assert "Testi Oy" in text and "KOHDE_FIRM_NAME" in text


def test_what_is_counted_as_over_its_time_is_what_the_job_lets_go(client, maija, settings):
    now = timezone.now()
    for days in (100, 91, 89):
        Visit.objects.create(user=maija, session_key=f"{days}", way="password", began_at=now - timedelta(days=days))
    for days in (31, 29):
        path = settings.DATA_DIR / f"old-{days}.csv"
        path.write_text("number")
        Import.objects.create(
            kind="customers", file_name="a.csv", file_path=path.name, file_hash=str(days), status="finished",
            created_at=now - timedelta(days=days), finished_at=now - timedelta(days=days), created_by=maija,
        )  # fmt: skip
    counted = Counter[int]()
    for row in retention.kept(at=now):
        counted[row.kept.days] += row.due
    assert counted == {30: 1, 90: 2, 1: 0}
    assert "3 things are over their time" in page(client, maija, "retention")
    forget()
    assert {row.due for row in retention.kept(at=now)} == {0}
    assert Visit.objects.count() == 1 and not (settings.DATA_DIR / "old-31.csv").exists()
    assert (settings.DATA_DIR / "old-29.csv").exists()


def test_marketers_see_but_do_not_test_and_sales_see_nothing(client, maija, anna):
    assert "Test the connection" not in page(client, maija, "channels")
    assert client.post(reverse("channels-test")).status_code == 403
    client.force_login(anna)
    assert {client.get(reverse(name)).status_code for name in ("firm", "channels", "retention")} == {403}

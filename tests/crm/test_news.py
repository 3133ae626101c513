"""Notifications: found in the rows, told once and only to whom they concern, mailed as each user wishes."""

from collections.abc import Callable
from datetime import timedelta
from types import SimpleNamespace
from typing import Any
from unittest import mock

import pytest
from django.core import mail
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from crm import access, actions, news, rights
from crm.models import Customer, Import, Mention, Notification, Task, User
from tests.crm.conftest import NOW

MACHINE = rights.machine("test")
LATER = NOW + timedelta(minutes=5)


def told(user: User) -> list[str]:
    rows = list(Notification.objects.filter(user=user))
    return [one.sentence for one in news.told(access.of_user(user), rows)]


@pytest.fixture
def buyer(make_customer: Callable, cast: SimpleNamespace) -> Customer:
    return make_customer("1", cast.north, first_name="Aada", last_name="Virtanen")


@pytest.fixture
def mentioned(cast: SimpleNamespace, buyer: Customer) -> Mention:
    actions.add_note(buyer, text="@anna please look", by=access.of_user(cast.maija), at=NOW)
    return Mention.objects.get()


def task(owner: User, buyer: Customer, *, by: User, title: str = "Ring back", due_at: Any = None) -> Task:
    values = {"title": title, "customer": buyer, "owner": owner, "due_at": due_at or NOW + timedelta(days=9)}
    return actions.create_task(values=values, by=access.of_user(by), at=NOW)


def test_a_mention_is_told_once_however_often_one_looks(cast: Any, mentioned: Mention) -> None:
    actions.tell(at=LATER)
    actions.tell(at=LATER)
    assert Notification.objects.count() == 1
    assert told(cast.anna) == ["maija mentioned you: Aada Virtanen"]
    assert not Notification.objects.exclude(user=cast.anna).exists()


def test_a_run_that_was_killed_between_kinds_is_made_whole_by_the_next(
    cast: Any, mentioned: Mention, buyer: Customer
) -> None:
    task(cast.anna, buyer, by=cast.adele)
    broken = mock.Mock(side_effect=RuntimeError("killed"))
    kinds = [one if one.key != "assigned" else SimpleNamespace(found=broken) for one in news.KINDS]
    with mock.patch.object(news, "KINDS", kinds), pytest.raises(RuntimeError):
        actions.tell(at=LATER)
    actions.tell(at=LATER)
    assert sorted(told(cast.anna)) == ["adele gave you a task: Ring back", "maija mentioned you: Aada Virtanen"]


def test_one_s_own_tasks_are_no_news_and_those_due_today_are(cast: Any, buyer: Customer) -> None:
    task(cast.anna, buyer, by=cast.anna, title="Mine")
    task(cast.anna, buyer, by=cast.anna, title="Today", due_at=LATER)
    actions.tell(at=LATER)
    assert told(cast.anna) == ["Due today: Today"]


def test_what_is_out_of_reach_by_now_is_left_out(cast: Any, mentioned: Mention, buyer: Customer) -> None:
    actions.tell(at=LATER)
    Customer.objects.filter(pk=buyer.pk).update(team=cast.south)
    assert told(cast.anna) == []
    client = Client()
    client.force_login(cast.anna)
    assert "You have read everything." in client.get("/notifications/").content.decode()


@pytest.mark.parametrize("end", ["moved", "erased", "merged", "never"])
def test_neither_bell_nor_page_nor_mail_hints_at_what_is_out_of_reach(
    end: str, cast: Any, buyer: Customer, make_customer: Callable
) -> None:
    for kind in ("mention", "assigned", "due"):
        actions.choose_ways({kind: "mail"}, by=access.of_user(cast.anna))
    if end == "never":
        Customer.objects.filter(pk=buyer.pk).update(team=cast.south)
        buyer.refresh_from_db()
    task(cast.anna, buyer, by=cast.adele, title="Ring Virtanen", due_at=LATER)
    actions.add_note(buyer, text="@anna Virtanen waits", by=access.of_user(cast.maija), at=NOW)
    actions.tell(at=LATER)
    assert Notification.objects.filter(user=cast.anna).exists()
    gone = {
        "moved": {"team": cast.south},
        "erased": {"erased_at": LATER},
        "merged": {"merged_into": make_customer("2", cast.south)},
        "never": {},
    }[end]
    Customer.objects.filter(pk=buyer.pk).update(**gone)
    client = Client()
    client.force_login(cast.anna)
    assert "unread" not in client.get("/notifications/bell/").content.decode()
    for row in Notification.objects.filter(user=cast.anna):
        assert client.get(f"/notifications/{row.pk}/").url == "/notifications/"
    page = client.get("/notifications/").content.decode()
    assert "Virtanen" not in page and "You have read everything." in page
    assert actions.mail_news(at=LATER) == 0 and mail.outbox == []


def test_no_name_of_a_person_is_kept(mentioned: Mention) -> None:
    actions.tell(at=LATER)
    assert "Virtanen" not in str(Notification.objects.values().get())


def test_an_import_tells_whoever_began_it(cast: Any) -> None:
    common = {"kind": "customers", "created_by": cast.maija, "created_at": NOW, "finished_at": NOW}
    Import.objects.create(file_name="good.csv", status="finished", **common)
    Import.objects.create(file_name="bad.csv", status="failed", **common)
    actions.tell(at=LATER)
    assert sorted(told(cast.maija)) == ["Import finished: good.csv", "Import stopped: bad.csv"]


def test_deals_of_colleagues_are_told_to_those_only_who_wish_it(cast: Any, buyer: Customer) -> None:
    other = User.objects.create(username="olli", role="sales")
    other.teams.add(cast.north)
    values = {"title": "Boat", "customer": buyer, "amount": "100", "expected_on": NOW.date() + timedelta(days=9)}
    deal = actions.create_deal(values=values, by=access.of_user(cast.anna), at=NOW)
    actions.win_deal(deal, by=access.of_user(cast.anna), at=NOW)
    actions.tell(at=LATER)
    assert told(other) == []
    actions.choose_ways({"won": "app"}, by=access.of_user(other))
    actions.tell(at=LATER)
    assert told(other) == ["anna won a deal: Boat"] and told(cast.bertil) == []


def test_quiet_by_default_nothing_is_mailed(cast: Any, mentioned: Mention) -> None:
    actions.tell(at=LATER)
    assert actions.mail_news(at=LATER) == 0 and mail.outbox == []


def wish(user: User, way: str, email: str = "anna@example.org") -> None:
    User.objects.filter(pk=user.pk).update(email=email, language="en")
    actions.choose_ways({"mention": way}, by=access.of_user(user))


def test_a_mail_at_once_leaves_once(cast: Any, mentioned: Mention) -> None:
    wish(cast.anna, "mail")
    actions.tell(at=LATER)
    assert (actions.mail_news(at=LATER), actions.mail_news(at=LATER)) == (1, 0)
    assert [one.subject for one in mail.outbox] == ["maija mentioned you: Aada Virtanen"]


def test_a_mail_that_was_claimed_before_a_crash_is_not_sent_again(cast: Any, mentioned: Mention) -> None:
    wish(cast.anna, "mail")
    actions.tell(at=LATER)
    with mock.patch("crm.actions.news.send_mail", side_effect=KeyboardInterrupt), pytest.raises(KeyboardInterrupt):
        actions.mail_news(at=LATER)
    assert actions.mail_news(at=LATER) == 0 and mail.outbox == []


def test_a_server_that_does_not_answer_is_tried_again(cast: Any, mentioned: Mention) -> None:
    wish(cast.anna, "mail")
    actions.tell(at=LATER)
    with mock.patch("django.core.mail.backends.locmem.EmailBackend.open", side_effect=ConnectionRefusedError):
        assert actions.mail_news(at=LATER) == 0
    assert actions.mail_news(at=LATER) == 1


def test_what_failed_in_the_middle_may_have_arrived_and_is_told_on_the_page_alone(
    cast: Any, mentioned: Mention
) -> None:
    wish(cast.anna, "mail")
    actions.tell(at=LATER)
    with mock.patch("django.core.mail.backends.locmem.EmailBackend.send_messages", side_effect=TimeoutError):
        assert actions.mail_news(at=LATER) == 0
    assert actions.mail_news(at=LATER) == 0
    assert told(cast.anna) == ["maija mentioned you: Aada Virtanen"]


def test_a_digest_gathers_the_day_and_waits_for_the_morning(cast: Any, buyer: Customer) -> None:
    wish(cast.anna, "digest")
    User.objects.filter(pk=cast.anna.pk).update(time_zone="UTC")
    night, morning = NOW.replace(hour=3, minute=0), NOW.replace(hour=7, minute=1)
    for n in range(3):
        actions.add_note(buyer, text=f"@anna {n}", by=access.of_user(cast.maija), at=night)
    actions.tell(at=night)
    assert actions.mail_news(at=night) == 0
    assert (actions.mail_news(at=morning), actions.mail_news(at=morning)) == (1, 0)
    assert mail.outbox[0].subject == "3 things are new" and mail.outbox[0].body.count("/notes/") == 3
    actions.add_note(buyer, text="@anna late", by=access.of_user(cast.maija), at=morning)
    actions.tell(at=morning)
    assert actions.mail_news(at=morning + timedelta(hours=5)) == 0  # tomorrow's
    assert actions.mail_news(at=morning + timedelta(days=1)) == 1


def test_the_bell_counts_the_page_tells_and_following_reads(cast: Any, mentioned: Mention) -> None:
    actions.tell(at=LATER)
    client = Client()
    client.force_login(cast.anna)
    assert "1 unread" in client.get("/notifications/bell/").content.decode()
    assert "maija mentioned you" in client.get("/notifications/").content.decode()
    row = Notification.objects.get()
    assert client.get(f"/notifications/{row.pk}/").url.endswith(f"/customers/{mentioned.note.customer_id}/notes/")
    assert "unread" not in client.get("/notifications/bell/").content.decode()
    other = Client()
    other.force_login(cast.bertil)
    assert other.get(f"/notifications/{row.pk}/").status_code == 404


def test_wishes_are_offered_for_what_the_role_may_see(cast: Any) -> None:
    client = Client()
    client.force_login(cast.anna)
    page = client.get("/settings/me/notifications/")
    assert {"mention", "assigned", "won"} <= set(page.context["form"].fields)
    assert "imported" not in page.context["form"].fields
    given = dict.fromkeys(page.context["form"].fields, "off")
    assert client.post("/settings/me/notifications/", given).status_code == 302
    assert client.post("/settings/me/notifications/", {**given, "mention": "loud"}).status_code == 400


def test_the_questions_of_the_page_do_not_grow(cast: Any, buyer: Customer) -> None:
    client = Client()
    client.force_login(cast.anna)
    client.get("/notifications/")
    counts = []
    for n in (2, 20):
        for i in range(n):
            actions.add_note(buyer, text=f"@anna {n} {i}", by=access.of_user(cast.maija), at=NOW)
        actions.tell(at=LATER)
        with CaptureQueriesContext(connection) as asked:
            client.get("/notifications/")
        counts.append(len(asked))
    assert counts[0] == counts[1]


def test_what_was_told_long_ago_is_let_go(mentioned: Mention) -> None:
    actions.tell(at=LATER)
    assert actions.forget_news(at=NOW + timedelta(days=89)) == 0
    assert actions.forget_news(at=NOW + timedelta(days=91)) == 1

"""Checks before sending are kept, asked for again, and hold back a launch only for what is known to fail."""

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from campaigns import actions, checking, tasks
from campaigns.checks.links import Answer
from campaigns.checks.lookups import NoAnswer, NoSuchName
from campaigns.models import Campaign, LinkCheck, SenderDomain
from crm import rights
from crm.models import AuditLine, Customer, User
from crm.refusals import Refused
from tests.campaigns.checks.test_sender import zone
from tests.campaigns.conftest import BY

pytestmark = pytest.mark.django_db
NOW = timezone.now()
BARE = zone(TXT___dmarc_dot_firm_dot_fi=())


@pytest.fixture(autouse=True)
def firm(settings: Any) -> None:
    settings.DEFAULT_FROM_EMAIL, settings.BASE_URL = "Firm <hello@firm.fi>", "https://crm.firm.fi"
    settings.EMAIL = {"EMAIL_HOST": "smtp.relay.fi"}


@pytest.fixture
def draft(new_campaign: Callable[..., Campaign], new_customer: Callable[..., Customer]) -> Campaign:
    html = '<p><a href="https://a.fi/">A</a> <a href="https://b.fi/">B</a> <a href="#">C</a></p>'
    return new_campaign([new_customer(1)], variants=[{"key": "A", "subject": "Hello", "html": html}])


def silent(_name: str, _kind: str) -> tuple[str, ...]:
    raise NoAnswer


def checked(lookup: Any = BARE, at: datetime = NOW) -> SenderDomain:
    checking.ask_domain("firm.fi", at=at)
    checking.check_domains(at=at, lookup=lookup)
    return SenderDomain.objects.get(domain="firm.fi")


def test_a_domain_that_fails_holds_back_the_launch_until_it_is_mended(draft: Campaign) -> None:
    checked()
    with pytest.raises(actions.NotReady, match=r"firm\.fi, fails its check"):
        actions.launch(draft, by=BY, at=NOW)
    checked(zone(), NOW + timedelta(minutes=1))
    assert actions.launch(draft, by=BY, at=NOW).pk


def test_nothing_known_holds_back_nothing(draft: Campaign) -> None:
    assert checked(silent).verdict == ""
    assert actions.launch(draft, by=BY, at=NOW).pk


def test_when_the_dns_is_silent_what_it_said_before_stays() -> None:
    before = checked()
    after = checked(silent, NOW + timedelta(days=2))
    assert (after.findings, after.checked_at) == (before.findings, before.checked_at)
    assert after.tried_at == NOW + timedelta(days=2)


def test_an_administrator_lets_it_send_with_a_reason_until_something_else_fails(draft: Campaign, adele: User) -> None:
    checked()
    by = rights.Actor("admin", user=adele)
    with pytest.raises(Refused, match="Say why"):
        checking.accept("firm.fi", reason=" ", by=by, at=NOW)
    checking.accept("firm.fi", reason="The record is ordered", by=by, at=NOW)
    line = AuditLine.objects.get(kind="sender_domain", verb="accepted")
    assert (line.by, line.changes["accepted"]) == (adele, ["", "The record is ordered"])
    assert not checking.refuses(checked())
    assert checking.refuses(checked(zone(TXT__firm_dot_fi=()), NOW + timedelta(minutes=1)))
    with pytest.raises(actions.NotReady):
        actions.launch(draft, by=BY, at=NOW)


def test_the_mail_catcher_and_other_channels_need_no_domain(draft: Campaign, settings: Any) -> None:
    checked()
    assert checking.sender_domain(draft) is not None
    draft.channel = "sms"
    assert checking.sender_domain(draft) is None
    draft.channel, settings.HAS_MAIL_CATCHER = "email", True
    assert checking.sender_domain(draft) is None


def test_the_timetable_asks_once_a_day_for_each_domain_that_still_sends(new_campaign: Any, new_customer: Any) -> None:
    new_campaign([new_customer(1)], from_email="news@other.fi")
    asked: list[str] = []

    def lookup(name: str, _kind: str) -> tuple[str, ...]:
        asked.append(name)
        raise NoSuchName(name)

    assert checking.check_domains(at=NOW, lookup=lookup) == 2
    assert asked == ["firm.fi", "other.fi"]
    assert checking.check_domains(at=NOW + timedelta(hours=23), lookup=lookup) == 0
    assert checking.check_domains(at=NOW + timedelta(hours=24), lookup=lookup) == 2


def test_links_are_visited_once_however_often_they_are_asked_for(draft: Campaign) -> None:
    visits: list[str] = []

    def fetch(url: str) -> Answer:
        visits.append(url)
        return Answer(404 if "b.fi" in url else 200)

    for _ in range(3):
        checking.ask(draft, at=NOW)
        assert not checking.check_links(at=NOW, fetch=fetch)
    assert visits == ["https://a.fi/", "https://b.fi/"]
    found = checking.links_of(draft, at=NOW)
    assert [(one.code, one.verdict) for one in found.notes] == [("empty", "bad"), ("gone", "bad")]
    assert (found.good, found.waiting, found.unasked) == (1, 0, 0)
    checking.ask(draft, at=NOW + timedelta(minutes=1), again=True)
    assert checking.links_of(draft, at=NOW).waiting == 2
    assert checking.forget_links(at=NOW + timedelta(days=31)) == 2


def test_a_task_visits_a_few_and_says_that_more_wait(draft: Campaign) -> None:
    rows = [LinkCheck(url_key=checking.key_of(f"{n}"), url=f"https://h{n}.fi/", asked_at=NOW) for n in range(7)]
    LinkCheck.objects.bulk_create(rows)
    assert checking.check_links(at=NOW, fetch=lambda _url: Answer(200))
    assert not checking.check_links(at=NOW, fetch=lambda _url: Answer(200))


def test_reading_the_last_step_changes_nothing_and_asking_pokes_a_worker(
    draft: Campaign,
    client: Client,
    maija: User,
    monkeypatch: pytest.MonkeyPatch,
    django_capture_on_commit_callbacks: Any,
) -> None:
    poked: list[bool] = []
    monkeypatch.setattr(tasks.check_outside, "apply_async", lambda **_more: poked.append(True))
    client.force_login(maija)
    page = client.get(reverse("campaign-launch", args=[draft.pk])).content.decode()
    assert 'hx-trigger="load"' in page
    assert not LinkCheck.objects.exists()
    with django_capture_on_commit_callbacks(execute=True):
        part = client.post(reverse("campaign-checks", args=[draft.pk]), headers={"HX-Request": "true"}).content.decode()
    assert "2 links are being opened" in part
    assert 'hx-trigger="every 2s"' in part
    assert poked == [True]
    assert SenderDomain.objects.get().asked_at is not None


def test_the_page_gives_the_record_and_the_last_step_says_what_fails(
    draft: Campaign, client: Client, maija: User
) -> None:
    checked()
    client.force_login(maija)
    page = client.get(reverse("sender-domains")).content.decode()
    assert 'value="v=DMARC1; p=none; rua=mailto:postmaster@firm.fi"' in page
    assert "Let it send all the same" not in page
    part = client.get(reverse("campaign-checks", args=[draft.pk])).content.decode()
    assert "firm.fi fails its check" in part


def test_an_administrator_names_the_keys_and_accepts_on_the_page(client: Client, adele: User) -> None:
    checked()
    client.force_login(adele)
    client.post(reverse("sender-domain-selectors"), {"domain": "firm.fi", "selectors": "PM, s1"})
    client.post(reverse("sender-domain-selectors"), {"domain": "firm.fi", "selectors": "a<b"})
    client.post(reverse("sender-domain-accept"), {"domain": "firm.fi", "reason": "On its way"})
    client.post(reverse("sender-domain-check"), {"domain": "elsewhere.fi"})
    row = SenderDomain.objects.get()
    assert (row.selectors, row.accepted_by, row.accepted_reason) == ("pm s1", adele, "On its way")
    assert "On its way" in client.get(reverse("sender-domains")).content.decode()


def test_the_api_tells_findings_in_codes_and_words_and_has_them_looked_at_again(
    client: Client, draft: Campaign, maija: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    poked: list[bool] = []
    monkeypatch.setattr(tasks, "look_outside", lambda: poked.append(True))
    client.force_login(maija)
    address = f"/api/v1/campaigns/{draft.pk}/checks/"
    before = client.get(address).json()
    assert before["sender"]["verdict"] == "" and before["sender"]["may_send"] is True
    assert (before["links"]["unasked"], [one["code"] for one in before["links"]["notes"]]) == (2, ["empty"])
    checked()
    told = client.get(address).json()["sender"]
    assert (told["domain"], told["verdict"], told["may_send"]) == ("firm.fi", "bad", False)
    failing = next(one for one in told["findings"] if one["verdict"] == "bad")
    assert failing["sentence"] and failing["publish"][0]["kind"] == "TXT" and failing["publish"][0]["value"]
    assert not poked and not LinkCheck.objects.exists()  # reading asks nothing of anybody outside
    asked = client.post(address, {}, content_type="application/json")
    assert asked.status_code == 202 and asked.json()["links"]["waiting"] == 2 and poked
    checking.accept("firm.fi", reason="Moving", by=BY, at=NOW)
    told = client.get(address).json()["sender"]
    assert told["may_send"] is True and told["accepted_reason"] == "Moving"

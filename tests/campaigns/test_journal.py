"""What a process was told before it died is carried into the rows by those who live; nothing else is."""

import multiprocessing
from datetime import timedelta

import pytest
from django.utils import timezone

from campaigns.delivery import journal
from campaigns.delivery.replies import DATA, Reply
from campaigns.delivery.sweeping import sweep
from campaigns.models import Attempt, Message
from tests.campaigns.conftest import launched

pytestmark = pytest.mark.django_db
OK = Reply(DATA, 250, "2.0.0 queued")


@pytest.fixture(autouse=True)
def own_folder(settings, tmp_path):
    settings.DATA_DIR = tmp_path
    journal.own.clear()


@pytest.fixture
def message(new_customer, new_campaign) -> Message:
    found = launched(new_campaign([new_customer(1)])).messages.get()
    late = {"lease_token": "t" * 32, "lease_until": timezone.now() - timedelta(minutes=1), "handed_at": timezone.now()}
    Message.objects.filter(pk=found.pk).update(state="handing", **late)
    found.refresh_from_db()
    return found


def died_after_noting(message: Message, token: str) -> None:
    """Another process writes into its journal and is gone."""
    said = (message, token, OK, timezone.now())
    child = multiprocessing.get_context("fork").Process(target=journal.note, args=said)
    child.start()
    child.join()


def test_what_the_dead_one_knew_is_no_doubt(message):
    died_after_noting(message, message.lease_token)
    swept = sweep(at=timezone.now())
    message.refresh_from_db()
    assert (message.state, message.attempts, message.code, swept.doubted) == ("sent", 1, "250 2.0.0 queued", 0)
    assert Attempt.objects.get().code == "2.0.0" and not list(journal.folder().iterdir())


def test_a_doubt_is_settled_when_its_journal_comes_late(message):
    sweep(at=timezone.now())
    message.refresh_from_db()
    assert message.state == "unknown"
    died_after_noting(message, message.lease_token)
    assert journal.replay() == 1
    message.refresh_from_db()
    assert message.state == "sent"


def test_a_record_of_another_hand_over_changes_nothing(message):
    died_after_noting(message, "u" * 32)
    assert journal.replay() == 0
    message.refresh_from_db()
    assert message.state == "handing"


def test_the_record_of_a_process_that_lives_is_left_to_it(message):
    journal.note(message, message.lease_token, OK, timezone.now())
    assert journal.replay() == 0 and len(list(journal.folder().iterdir())) == 1


def test_half_a_record_is_none(message):
    journal.folder().mkdir()
    (journal.folder() / "1-dead").write_bytes(b'[1, "tttt')
    assert journal.replay() == 0 and not list(journal.folder().iterdir())

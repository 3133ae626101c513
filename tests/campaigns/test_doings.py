"""What a report reads off a message is what its answers and the ledger say, whoever wrote them and in what order."""

import random
from datetime import timedelta
from importlib import import_module
from threading import Barrier, Thread
from types import SimpleNamespace

import pytest
from django.db import connection, connections
from django.utils import timezone

from campaigns import doings, responses
from campaigns.classing import Class
from campaigns.models import Link, Message, Response, ResponseClass, ResponseKind
from segments.models import Membership
from tests.campaigns.conftest import launched

BROWSER = "Mozilla/5.0 (X11; Linux x86_64; rv:132.0) Gecko/20100101 Firefox/132.0"
KINDS = {
    "open": 1, "click": 2, "conversion": 3, "unsubscribe": 4, "complaint": 5, "bounce": 6, "reached": 7, "agreed": 8,
    "declined": 9,
}  # fmt: skip


@pytest.fixture
def message(new_customer, new_campaign) -> Message:
    run = launched(new_campaign([new_customer(n) for n in range(3)]))
    at = timezone.now() - timedelta(hours=1)
    run.messages.filter(state="queued").update(state="sent", final_at=at)
    return run.messages.exclude(variant=None).earliest("pk")


def read_again(message: Message) -> int:
    """The bits by reading the rows one by one."""
    did = 0
    for kind, by in Response.objects.filter(message=message).exclude(kind="conversion").values_list("kind", "by_class"):
        place = 2 * (KINDS[kind] - 1) + 1
        did |= 1 << place | (by == "human") << place + 1
    return did


def kept(message: Message) -> int:
    message.refresh_from_db()
    return message.did


def test_places_of_bits_are_kept_in_rows_and_never_move():
    assert [str(one) for one in doings.KINDS] == list(KINDS)
    assert doings.bit(ResponseKind.DECLINED, is_human=True) == 1 << 18


@pytest.mark.django_db
def test_every_answer_is_kept_with_its_message_however_often_and_late_it_comes(message):
    draw = random.Random(1)
    to, at = responses.answered_message(message), timezone.now()
    for n in range(40):
        kind = draw.choice(doings.KINDS)
        by = Class(draw.choice(list(ResponseClass)), "drawn")
        responses.write(to, kind, by, at=at - timedelta(days=n), source_id=str(draw.randrange(3)))
        assert kept(message) == read_again(message)
    assert message.did


@pytest.mark.django_db
def test_clicks_that_turn_out_to_be_a_machines_are_no_persons_any_more(message):
    at = timezone.now()
    for n in range(3):
        link = Link.objects.create(variant=message.variant, position=50 + n, url=f"https://shop.example/{n}")
        responses.record_click(
            responses.answered_message(message), link.pk, link.url, user_agent=BROWSER, method="GET", at=at
        )
        assert kept(message) == read_again(message)
    assert set(Response.objects.values_list("by_class", flat=True)) == {"machine"}
    assert message.did == doings.bit(ResponseKind.CLICK, is_human=False)


@pytest.mark.django_db
def test_one_statement_mends_whatever_went_wrong(message):
    responses.record_open(responses.answered_message(message), user_agent=BROWSER, method="GET", at=timezone.now())
    right = kept(message)
    assert doings.recount(Message.objects.all()) == 0
    Message.objects.update(did=77)
    assert doings.recount(Message.objects.all()) == Message.objects.count()
    assert kept(message) == right and set(Message.objects.exclude(pk=message.pk).values_list("did", flat=True)) == {0}


@pytest.mark.django_db(transaction=True)
def test_answers_that_come_at_once_are_all_kept(message):
    """On PostgreSQL the transactions are open at the same time, and a lost bit would stay lost; SQLite lets one in."""
    to, kinds = responses.answered_message(message), [kind for kind in doings.KINDS if kind != "conversion"]
    start = Barrier(len(kinds) if connection.vendor == "postgresql" else 1)

    def answer(kind):
        start.wait()
        responses.write(to, kind, responses.CERTAIN, at=timezone.now(), source_id="at once")
        connections.close_all()

    threads = [Thread(target=answer, args=[kind]) for kind in kinds]
    for one in threads:
        one.start()
        if connection.vendor != "postgresql":
            one.join()
    for one in threads:
        one.join()
    assert kept(message) == read_again(message) and Response.objects.count() == len(kinds)


@pytest.mark.django_db
def test_the_sealing_writes_down_who_is_in_which_segments(new_customer, new_segment, new_campaign):
    people = [new_customer(n) for n in range(6)]
    campaign = new_campaign(people)
    other, third = new_segment("other", people[:4]), new_segment("third", people[2:])
    new_segment("not included", people)
    campaign.include.add(third, other)
    run = launched(campaign)
    Membership.objects.update(left_at=timezone.now(), left_reason="removed")
    included = sorted(campaign.include.values_list("pk", flat=True))
    for one in run.messages.all():
        own = Membership.objects.filter(customer=one.customer, segment__in=included).values_list("segment", flat=True)
        assert one.groups == ",".join(map(str, sorted(own)))


@pytest.mark.django_db
def test_messages_of_before_get_the_same_by_the_migration(message, new_segment):
    message.run.campaign.include.add(new_segment("other", [message.customer]))
    people = list(message.run.messages.order_by("pk").values_list("groups", flat=True))
    responses.record_open(responses.answered_message(message), user_agent=BROWSER, method="GET", at=timezone.now())
    before = list(Message.objects.order_by("pk").values_list("did", flat=True))
    Message.objects.update(groups="", did=0)
    migration = import_module("campaigns.migrations.0015_groups_as_of_the_sealing")
    with connection.cursor() as cursor:
        migration.fill(None, SimpleNamespace(connection=connection, execute=cursor.execute))
    assert list(Message.objects.order_by("pk").values_list("did", flat=True)) == before
    assert list(Message.objects.order_by("pk").values_list("groups", flat=True))[1:] == people[1:]

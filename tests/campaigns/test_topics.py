"""Topics: named in two languages, left and taken up again by customers, and heeded by whoever sends."""

import json

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import override

from campaigns import actions, queries, topics
from campaigns.content import addresses
from campaigns.forgetting import forget_erased
from campaigns.models import Message, Topic, TopicChoice
from chaos.sink import Sink
from crm import access
from crm.actions import erase_customer, merge_customers, unmerge
from crm.models import AuditLine, Customer
from crm.refusals import Refused
from tests.campaigns.conftest import AT, BY, launched, sent

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def news(db):
    return Topic.objects.create(name_en="New in the shop", name_fi="Uutta kaupassa")


@pytest.fixture
def address(new_customer, new_campaign, sink: Sink):
    """The address of the page where one of two customers chooses."""
    first, _second = customers = [new_customer(1), new_customer(2)]
    sent(launched(new_campaign(customers, name="Earlier")))
    message = Message.objects.get(customer=first)
    return f"/p/{addresses.token(message, addresses.PREFERENCES)}/"


def leave(address, *topics_left, **said):
    """Post the page with these topics unticked."""
    shown = list(Topic.objects.values_list("pk", flat=True))
    wanted = [pk for pk in shown if pk not in [one.pk for one in topics_left]]
    answer = Client().post(address, {"wanted": ["marketing:email"], "shown": shown, "topic": wanted, **said})
    assert answer.status_code == 200
    return answer.content.decode()


def test_who_leaves_a_topic_gets_nothing_of_it_and_all_the_rest(address, news, new_campaign, sink: Sink, client, maija):
    other = Topic.objects.create(name_en="Care", name_fi="Hoito")
    everybody = list(Customer.objects.order_by("pk"))
    leave(address, news)
    run = sent(launched(new_campaign(everybody, name="News", topic=news)))
    assert queries.progress(run).states == {"sent": 1, "skipped": 1}
    assert queries.losses(run) == {"topic_refused": 1}
    assert run.reach["consents"] == {"count": 1, "losses": {"topic_refused": 1}}
    client.force_login(maija)
    assert "Does not want this topic" in client.get(reverse("campaign-report", args=[run.campaign_id])).content.decode()
    for name, topic in (("Care", other), ("Whatever", None)):
        assert queries.progress(sent(launched(new_campaign(everybody, name=name, topic=topic)))).states == {"sent": 2}
    leave(address)
    again = sent(launched(new_campaign(everybody, name="More news", topic=news)))
    assert queries.progress(again).states == {"sent": 2}


def test_what_is_owed_is_written_whatever_its_topic(address, news, new_campaign, sink: Sink):
    leave(address, news)
    run = sent(launched(new_campaign(list(Customer.objects.all()), name="Owed", topic=news, purpose="service")))
    assert queries.progress(run).states == {"sent": 2}


def test_leaving_and_coming_back_are_in_the_audit_once_each(address, news):
    for left in ((news,), (news,), (), ()):
        leave(address, *left)
    lines = AuditLine.objects.filter(kind="customer", verb__startswith="topic").order_by("pk")
    assert list(lines.values_list("verb", "changes")) == [
        ("topic left", {"topic": ["New in the shop", None]}),
        ("topic wanted", {"topic": [None, "New in the shop"]}),
    ]
    assert TopicChoice.objects.get().is_wanted


def test_a_page_that_did_not_show_a_topic_leaves_it_alone(address, news):
    Client().post(address, {"wanted": ["marketing:email"]})
    Client().post(address, {"wanted": ["marketing:email"], "shown": ["x", "99999999999999999999"], "topic": ["y"]})
    assert not TopicChoice.objects.exists()


def test_a_topic_that_is_no_longer_offered_is_not_shown_and_still_heeded(address, news, new_campaign, sink: Sink):
    leave(address, news)
    draft = new_campaign(list(Customer.objects.all()), name="Late news", topic=news)
    topics.keep_topic({"is_offered": False}, topic=news, by=BY, at=AT)
    assert "New in the shop" not in Client().get(address).content.decode()
    leave(address)
    assert queries.progress(sent(launched(draft))).states == {"sent": 1, "skipped": 1}


def test_customers_read_topics_in_their_language(address, news):
    assert "New in the shop" in Client().get(address).content.decode()
    Customer.objects.update(language="fi")
    assert "Uutta kaupassa" in leave(address, news)
    with override("fi"):
        assert str(news) == "Uutta kaupassa"


def test_a_marketer_names_topics_and_a_draft_carries_one(client, maija, new_campaign):
    client.force_login(maija)
    given = {"name_en": " New  in the shop", "name_fi": "Uutta kaupassa", "is_offered": "on"}
    assert client.post(reverse("topic-new"), given).status_code == 302
    topic = Topic.objects.get()
    assert topic.name_en == "New in the shop"
    refused = client.post(reverse("topic-new"), {**given, "name_en": "NEW in the shop", "name_fi": "Muuta"})
    assert refused.status_code == 400
    assert "There is a topic of this name already." in refused.content.decode()
    draft = new_campaign([])
    step = reverse("campaign-plan", args=[draft.pk, "goal"])
    goal = {"name": "Autumn", "goal": "conversion", "goal_event": "order", "window_days": 14, "purpose": "marketing"}
    client.post(step, {**goal, "channel": "email", "topic": topic.pk})
    client.post(reverse("topic", args=[topic.pk]), {"name_en": "News", "name_fi": "Uutta"})
    assert Topic.objects.get().is_offered is False
    assert "selected>News</option>" in client.get(step).content.decode()
    client.post(step, {**goal, "channel": "email", "topic": topic.pk, "name": "Winter"})
    draft.refresh_from_db()
    assert (draft.name, draft.topic) == ("Winter", topic)


def test_topics_over_the_api(client, maija, new_campaign):
    client.force_login(maija)

    def call(method, path, body):
        answer = client.generic(method, f"/api/v1/{path}", json.dumps(body), "application/json")
        return answer.status_code, answer.json()

    status, made = call("POST", "topics/", {"name_en": "News", "name_fi": "Uutiset"})
    assert (status, made["is_offered"], made["carried_by"], made["refused_by"]) == (201, True, 0, 0)
    status, fault = call("POST", "topics/", {"name_en": "news", "name_fi": "Muuta"})
    assert (status, "name_en" in json.dumps(fault)) == (400, True)
    draft = new_campaign([])
    assert call("PATCH", f"campaigns/{draft.pk}/", {"topic": made["id"]})[1]["topic"] == made["id"]
    assert call("PATCH", f"topics/{made['id']}/", {"is_offered": False})[1]["carried_by"] == 1
    assert client.get("/api/v1/topics/").json()["results"][0]["name_fi"] == "Uutiset"


def test_a_choice_goes_along_in_a_merge_and_away_with_an_erasure(address, news, adele):
    leave(address, news)
    first, second = Customer.objects.order_by("pk")
    merge_customers(second, first, by=access.of_user(adele), at=timezone.now())
    assert TopicChoice.objects.get().customer == second
    erase_customer(Customer.objects.get(pk=second.pk), by=BY, at=timezone.now())
    forget_erased(at=timezone.now())
    assert not TopicChoice.objects.exists()


@pytest.mark.parametrize("says_more", [False, True])
def test_a_merge_never_loosens_what_either_left_and_taking_it_back_restores_both(address, news, adele, says_more):
    """As with consents: the survivor had come back to a topic that the other record left."""
    first, second = Customer.objects.order_by("pk")
    TopicChoice.objects.create(customer=first, topic=news, is_wanted=True, said_at=AT)
    TopicChoice.objects.create(customer=second, topic=news, is_wanted=False, said_at=AT)
    merge = merge_customers(first, second, by=access.of_user(adele), at=timezone.now())
    assert topics.refusing(news.pk).filter(customer=first).exists()
    if says_more:
        leave(address)
        leave(address, news)
    unmerge(merge, by=access.of_user(adele), at=timezone.now())
    assert dict(TopicChoice.objects.values_list("customer", "is_wanted")) == {first.pk: not says_more, second.pk: False}


def test_a_change_of_the_topic_withdraws_the_approval(news, new_customer, new_campaign):
    draft = new_campaign([new_customer(1)])
    draft.approved_hash = "x"
    draft.save()
    assert actions.change_campaign(draft, changes={"topic": news}, by=BY, at=AT).approved_hash == ""
    with pytest.raises(Refused):
        topics.keep_topic({"name_en": " ", "name_fi": "Uutta"}, by=BY, at=AT)

"""Letters to one customer: they leave under their writer's name, once, and what speaks against them is said."""

from collections.abc import Callable
from datetime import timedelta
from types import SimpleNamespace
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

from campaigns import announcing, correspondence, forgetting, letter_texts, queries
from campaigns.delivery.sweeping import sweep
from campaigns.delivery.worker import send_batch
from campaigns.models import Campaign, LetterText, Message, Response, Run, Variant
from chaos.sink import Sink
from crm import access, timeline
from crm.models import Customer, Hook, HookCall, Suppression
from crm.refusals import NotPossibleNow, Refused

pytestmark = pytest.mark.django_db


@pytest.fixture
def anna(cast: SimpleNamespace) -> Any:
    cast.anna.first_name, cast.anna.last_name, cast.anna.email = "Anna", "Aho", "anna@firm.example"
    cast.anna.save()
    return cast.anna


@pytest.fixture
def mine(new_customer: Callable[..., Customer], anna: Any) -> Customer:
    return new_customer(1, consent=False, team=anna.teams.first(), last_name="Virta")


def written(customer: Customer, by: Any, **more: Any) -> Message:
    given: dict[str, Any] = {"subject": "Your order", "text": "It is on its way.", **more}
    return correspondence.write_letter(customer, by=access.of_user(by), at=timezone.now(), **given)


def text_of(sink: Sink) -> str:
    return next(iter(sink.bodies.values())).decode()


def leave(message: Message) -> Message:
    Message.objects.filter(pk=message.pk).update(next_at=timezone.now() - timedelta(seconds=1))
    send_batch(message.run_id)
    sweep(at=timezone.now())
    message.refresh_from_db()
    return message


def test_a_letter_leaves_once_under_its_writers_name_and_answers_go_there(
    mine: Customer, anna: Any, sink: Sink
) -> None:
    message = leave(written(mine, anna))
    send_batch(message.run_id)
    assert message.state == "sent" and sink.arrived.total() == 1
    mail = text_of(sink)
    assert "From: Anna Aho <" in mail and "Reply-To: anna@firm.example" in mail
    assert "List-Unsubscribe" not in mail and "Auto-Submitted" not in mail and "Unsubscribe" not in mail
    assert Run.objects.get(pk=message.run_id).status == "completed"


def test_an_offer_needs_consent_and_carries_the_way_out(
    mine: Customer, new_customer: Callable[..., Customer], anna: Any, sink: Sink
) -> None:
    with pytest.raises(correspondence.LetterRefused, match="not agreed"):
        written(mine, anna, is_offer=True)
    willing = new_customer(2, team=anna.teams.first())
    leave(written(willing, anna, is_offer=True))
    assert "List-Unsubscribe-Post:" in text_of(sink)


@pytest.mark.parametrize(
    ("values", "words"),
    [
        ({"email": ""}, "no e-mail address"),
        ({"email": "nobody"}, "is not one"),
        ({"restricted_at": timezone.now()}, "frozen"),
    ],
)
def test_what_speaks_against_a_letter_is_said_in_words_and_nothing_is_kept(
    mine: Customer, anna: Any, values: dict[str, Any], words: str
) -> None:
    Customer.objects.filter(pk=mine.pk).update(**values)
    mine.refresh_from_db()
    with pytest.raises(correspondence.LetterRefused, match=words):
        written(mine, anna)
    assert not Campaign.everything.exists()


def test_nothing_is_sent_to_a_suppressed_address_not_even_when_it_became_so_while_waiting(
    mine: Customer, anna: Any, sink: Sink
) -> None:
    message = written(mine, anna)
    Suppression.objects.create(
        channel="email", address_key=message.address_key, reason="complaint", source="test", at=timezone.now()
    )
    with pytest.raises(correspondence.LetterRefused, match="suppression list"):
        written(mine, anna)
    assert leave(message).reason == "suppressed" and not sink.arrived


def test_a_letter_is_no_campaign_anywhere(mine: Customer, anna: Any) -> None:
    written(mine, anna)
    assert not queries.campaigns().exists() and not queries.names().exists()


def test_a_letter_can_be_taken_back_until_it_leaves(mine: Customer, anna: Any, sink: Sink) -> None:
    message = written(mine, anna)
    correspondence.take_back(message, by=access.of_user(anna), at=timezone.now())
    assert leave(message).state == "cancelled" and not sink.arrived
    gone = leave(written(mine, anna))
    with pytest.raises(Exception, match="has left already"):
        correspondence.take_back(gone, by=access.of_user(anna), at=timezone.now())


def test_a_form_sent_twice_writes_one_letter_and_other_words_write_another(mine: Customer, anna: Any) -> None:
    first = written(mine, anna)
    assert written(mine, anna).pk == first.pk
    assert written(mine, anna, text="It came back.").pk != first.pk


def test_what_has_begun_to_leave_cannot_be_taken_back(mine: Customer, anna: Any) -> None:
    message = written(mine, anna)
    Message.objects.filter(pk=message.pk).update(state="handing")
    with pytest.raises(NotPossibleNow):
        correspondence.take_back(message, by=access.of_user(anna), at=timezone.now())
    message.run.refresh_from_db()
    assert message.run.status == "sending"


def test_the_timeline_tells_of_it_with_its_state(mine: Customer, anna: Any, sink: Sink, cast: SimpleNamespace) -> None:
    leave(written(mine, anna))
    now = timezone.now() + timedelta(seconds=1)
    told, _more = timeline.of_customer(access.of_user(anna), mine, before=now, most=5, kind="messages")
    assert [(one.words, one.source) for one in told] == [("E-mail from Anna Aho: “Your order”", "Sent")]
    told, _more = timeline.of_customer(access.of_user(cast.aino), mine, before=now, most=5, kind="messages")
    assert [one.words for one in told] == ["E-mail from us"]


def test_a_letter_that_has_not_left_yet_waits_and_is_not_tried_again(mine: Customer, anna: Any) -> None:
    letter = written(mine, anna)
    assert letter.state_words == "Waiting"
    letter.attempts = 1
    assert letter.state_words == "Will be tried again"


def test_erasure_empties_what_was_written(mine: Customer, anna: Any, sink: Sink) -> None:
    leave(written(mine, anna))
    Customer.objects.filter(pk=mine.pk).update(erased_at=timezone.now())
    forgetting.forget_erased(at=timezone.now())
    assert Variant.objects.get().text == "" and Campaign.everything.get().name == "–"


def test_sales_write_on_the_page_and_see_what_became_of_it(
    mine: Customer, new_customer: Callable[..., Customer], anna: Any, client: Client
) -> None:
    client.force_login(anna)
    page = client.get(f"/customers/{mine.pk}/letter/")
    assert "Hello Name 1," in page.content.decode() and "anna@firm.example" in page.content.decode()
    given = {"subject": "Your {{ order", "text": "Hello", "about": "own"}
    assert client.post(f"/customers/{mine.pk}/letter/", given).status_code == 400
    done = client.post(f"/customers/{mine.pk}/letter/", {**given, "subject": "Your order"}, follow=True)
    assert "leaves in a moment" in done.content.decode() and "“Your order”" in done.content.decode()
    letter = Message.objects.get()
    page = client.post(f"/customers/{mine.pk}/letters/{letter.pk}/take-back/", follow=True)
    assert "not sent" in page.content.decode() and "Cancelled" in page.content.decode()
    foreign = new_customer(3)
    assert client.get(f"/customers/{foreign.pk}/letter/").status_code == 404
    assert client.get(f"/customers/{foreign.pk}/letters/{letter.pk}/").status_code == 404


def test_the_api_writes_reads_and_takes_back(mine: Customer, anna: Any, client: Client) -> None:
    client.force_login(anna)
    given = {"customer": mine.number, "subject": "Your order", "text": "It is on its way."}
    made = client.post("/api/v1/letters/", given, content_type="application/json")
    assert made.status_code == 201, made.content
    told = made.json()
    assert (told["state"], told["purpose"], told["written_by"]) == ("deferred", "service", "anna")
    refused = client.post("/api/v1/letters/", {**given, "is_offer": True}, content_type="application/json")
    assert refused.status_code == 409 and "not agreed" in refused.json()["error"]["message"]
    assert client.get("/api/v1/letters/", {"customer": mine.number}).json()["results"][0]["id"] == told["id"]
    assert client.delete(f"/api/v1/letters/{told['id']}/").status_code == 204
    assert client.delete(f"/api/v1/letters/{told['id']}/").status_code == 409


def test_webhooks_are_told_once_of_what_became_of_messages_and_what_came_back(
    mine: Customer, anna: Any, sink: Sink
) -> None:
    now = timezone.now()
    topics = ["message.sent", "response.click"]
    Hook.objects.create(name="Shop", url="https://shop.example/", topics=topics, created_at=now)
    message = leave(written(mine, anna))
    Response.objects.create(message=message, kind="click", at=now, by_class="human", class_reason="", source_id="1")
    for _n in range(2):
        announcing.tell_ended(at=timezone.now())
        announcing.tell_responses(at=timezone.now())
    told = HookCall.objects.order_by("topic").values_list("topic", "data__customer_number")
    assert list(told) == [("message.sent", "N1"), ("response.click", "N1")]


def test_a_letter_that_left_is_a_contact_and_one_taken_back_is_none(mine: Customer, anna: Any, sink: Sink) -> None:
    actor = access.of_user(anna)
    correspondence.take_back(written(mine, anna), by=actor, at=timezone.now())
    assert timeline.last_contacts(actor, [mine.pk]) == {}
    sent = leave(written(mine, anna, text="Once more."))
    assert timeline.last_contacts(actor, [mine.pk]) == {mine.pk: sent.final_at}
    assert timeline.last_contacts(actor, [mine.pk], since=timezone.now() + timedelta(minutes=1)) == {}


def test_a_kept_text_stands_between_greeting_and_signature(mine: Customer, anna: Any, cast: SimpleNamespace) -> None:
    client = Client()
    client.force_login(anna)
    given = {"name": "Thanks", "subject": "Thank you", "text": "It was good to talk.", "is_shared": ""}
    assert client.post("/settings/letter-texts/new/", given).status_code == 302
    kept = LetterText.objects.get()
    page = client.get(f"/customers/{mine.pk}/letter/?text={kept.pk}")
    form = page.context["form"]
    assert form["subject"].value() == "Thank you"
    assert "\n\nIt was good to talk.\n\n" in form["text"].value() and "Anna Aho" in form["text"].value()


def test_texts_are_one_s_own_until_they_are_shared(anna: Any, cast: SimpleNamespace) -> None:
    given = {"name": "Thanks", "subject": "", "text": "Good.", "is_shared": False}
    row = letter_texts.keep_text(given, by=access.of_user(anna), at=timezone.now())
    theirs = Client()
    theirs.force_login(cast.bertil)
    assert theirs.get(f"/settings/letter-texts/{row.pk}/").status_code == 404
    letter_texts.keep_text({**given, "is_shared": True}, text=row, by=access.of_user(anna), at=timezone.now())
    assert "Thanks" in theirs.get("/settings/letter-texts/").content.decode()
    theirs.post(f"/settings/letter-texts/{row.pk}/", {**given, "text": "Mine now"})
    theirs.post(f"/settings/letter-texts/{row.pk}/delete/")
    row.refresh_from_db()
    assert (row.text, row.deleted_at) == ("Good.", None)
    assert theirs.get(f"/settings/letter-texts/{row.pk}/").status_code == 404, "a form that could not be saved"


def test_whoever_may_delete_a_text_may_bring_it_back_and_nobody_else(anna: Any, cast: SimpleNamespace) -> None:
    given = {"name": "Thanks", "subject": "", "text": "Good.", "is_shared": True}
    row = letter_texts.keep_text(given, by=access.of_user(anna), at=timezone.now())
    theirs, admin = Client(), Client()
    theirs.force_login(cast.bertil)
    admin.force_login(cast.adele)
    admin.post(f"/settings/letter-texts/{row.pk}/delete/")
    assert theirs.post(f"/settings/letter-texts/{row.pk}/restore/").status_code == 404
    row.refresh_from_db()
    assert row.deleted_at
    admin.post(f"/settings/letter-texts/{row.pk}/restore/")
    row.refresh_from_db()
    assert row.deleted_at is None


def test_a_text_of_another_s_own_is_not_put_into_a_letter(mine: Customer, anna: Any, cast: SimpleNamespace) -> None:
    given = {"name": "Theirs", "subject": "Secret", "text": "Nobody else's.", "is_shared": False}
    row = letter_texts.keep_text(given, by=access.of_user(cast.bertil), at=timezone.now())
    client = Client()
    client.force_login(anna)
    page = client.get(f"/customers/{mine.pk}/letter/?text={row.pk}").content.decode()
    assert "Secret" not in page and "Nobody else" not in page and "Theirs" not in page


def test_a_text_that_could_not_be_sent_is_refused(anna: Any) -> None:
    given = {"name": "Bad", "subject": "", "text": "Hello {{ nobody.knows }}", "is_shared": False}
    with pytest.raises(Refused):
        letter_texts.keep_text(given, by=access.of_user(anna), at=timezone.now())

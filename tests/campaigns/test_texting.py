"""Text messages, by a stand-in that speaks the provider's protocol: sent once, believed when signed, ended by STOP."""

from collections.abc import Iterator
from urllib.parse import parse_qs, urlsplit

import pytest
from django.test import Client

from campaigns import queries
from campaigns.content import addresses, text_length
from campaigns.content.composition import Source, compose, faults
from campaigns.delivery import twilio
from campaigns.delivery.worker import send_batch
from campaigns.models import ContactCap, Link, ProviderEvent, Response, RunStatus
from chaos.texts import TOKEN, Texts, answering
from crm.models import ConsentState, Customer, Suppression
from tests.campaigns.conftest import AT, launched, sent

pytestmark = pytest.mark.django_db(transaction=True)
WORDS = {"text": "Hei {{ customer.first_name }}, uutta: https://shop.example/offer?a={{ customer.number }}."}


@pytest.fixture
def provider(settings) -> Iterator[Texts]:
    one = Texts()
    with answering(one) as url:
        settings.SMS_URL = url
        yield one


@pytest.fixture
def people(new_customer) -> list[Customer]:
    found = [new_customer(n, phone=f"040 123 450{n}", consent=False) for n in range(3)]
    for one in found:
        said = {"purpose": "marketing", "is_granted": True, "since_at": AT, "updated_at": AT}
        ConsentState.objects.create(customer=one, channel="sms", **said)
    return found


@pytest.fixture
def text_campaign(new_campaign):
    def make(customers, **values):
        return new_campaign(customers, channel="sms", variants=[{"key": "A", **WORDS}], **values)

    return make


def told(client: Client, form: dict[str, str], query: str = "", secret: str = TOKEN) -> int:
    """A call of the provider, signed over the address and the fields."""
    path = f"/hooks/sms/twilio/{query}"
    word = twilio.signed(secret, f"http://localhost:8000{path}", form)
    return client.post(path, form, headers={"X-Twilio-Signature": word}).status_code


@pytest.fixture(autouse=True)
def base(settings):
    settings.BASE_URL = "http://localhost:8000"


def query_of(form: dict[str, str]) -> str:
    return f"?{urlsplit(form['StatusCallback']).query}"


def test_each_gets_one_text_with_counted_links_and_a_way_to_stop(people, text_campaign, provider: Texts):
    run = sent(launched(text_campaign(people)))
    assert queries.progress(run).states == {"sent": 3} and run.status == RunStatus.COMPLETED
    assert sorted(form["To"] for form in provider.taken) == ["+358401234500", "+358401234501", "+358401234502"]
    body = next(form["Body"] for form in provider.taken if form["To"].endswith("0"))
    link = Link.objects.get()
    assert "Hei Name 0, uutta: http://localhost:8000/c/" in body and f"/{link.pk}/." in body
    assert link.url == "https://shop.example/offer?a={{ customer.number }}"
    assert body.endswith("\nTo stop: reply STOP")


def test_clicks_lead_to_the_stored_address_filled_in(people, text_campaign, provider: Texts, client):
    sent(launched(text_campaign(people[:1])))
    address = next(word for word in provider.taken[0]["Body"].split() if "/c/" in word).rstrip(".")
    assert client.get(urlsplit(address).path)["Location"] == "https://shop.example/offer?a=N0"


def test_a_sender_that_is_a_word_gets_a_link_to_stop(people, text_campaign, provider: Texts, settings):
    settings.SMS_URL = settings.SMS_URL.replace("%2B15005550006", "Kohde")
    sent(launched(text_campaign(people[:1])))
    assert provider.taken[0]["From"] == "Kohde" and "/u/" in provider.taken[0]["Body"]


def test_consent_suppression_and_caps_hold_as_for_mail(people, text_campaign, provider: Texts, new_customer):
    ContactCap.objects.create(channel="sms", at_most=1, period_hours=24)
    nobody = new_customer(9, phone="040 9999999")  # agreed to mail only
    people[1].objected_at = AT
    people[1].save()
    run = sent(launched(text_campaign([*people, nobody])))
    assert queries.progress(run).states == {"sent": 2, "skipped": 2}
    again = sent(launched(text_campaign([*people, nobody], name="Winter")))
    reasons = set(again.messages.values_list("reason", flat=True))
    assert reasons == {"too_soon", "objected", "no_consent"} and len(provider.taken) == 2


@pytest.mark.parametrize(
    ("status", "code", "state", "run_status"),
    [
        (400, 21614, "queued", "paused"),  # the very first answers: not believed of people until something was taken
        (400, 21610, "failed", "sending"),
        (429, 20429, "deferred", "sending"),
        (401, 20003, "queued", "paused"),
        (400, 21606, "queued", "paused"),
        (503, 0, "unknown", "sending"),
    ],
)
def test_what_the_provider_answers_decides(
    people, text_campaign, provider: Texts, status, code, state, run_status, monkeypatch
):
    monkeypatch.setattr("campaigns.delivery.worker.REFUSED_ALIKE", 1)
    provider.errors["+358401234500"] = (status, code)
    run = launched(text_campaign(people[:1]))
    send_batch(run.pk)
    run.refresh_from_db()
    assert (run.messages.get().state, run.status) == (state, run_status)


def test_a_number_that_is_none_is_suppressed_once_others_were_taken(people, text_campaign, provider: Texts):
    provider.errors["+358401234501"] = (400, 21614)
    run = sent(launched(text_campaign(people)))
    assert run.messages.get(customer=people[1]).reason == "no_mailbox"
    assert Suppression.objects.get(channel="sms").reason == "hard_bounce"


def test_a_doubt_is_settled_by_the_report_that_carries_our_token(people, text_campaign, provider: Texts, client):
    provider.breaks_off.add("+358401234500")
    run = sent(launched(text_campaign(people[:1])))
    assert run.messages.get().state == "unknown"
    form = {"MessageSid": "SM1", "MessageStatus": "delivered", "To": "+358401234500"}
    assert told(client, form, query_of(provider.taken[0]), secret="other") == 401
    assert run.messages.get().state == "unknown", "an unsigned report is not believed"
    assert told(client, form, query_of(provider.taken[0])) == 200
    assert run.messages.get().state == "sent" and len(provider.taken) == 1


def test_an_unknown_handset_is_suppressed_once_however_often_it_is_told(people, text_campaign, provider: Texts, client):
    run = sent(launched(text_campaign(people[:1])))
    form = {"MessageSid": "SM1", "MessageStatus": "undelivered", "ErrorCode": "30005"}
    for _ in range(3):
        assert told(client, form, query_of(provider.taken[0])) == 200
    assert Response.objects.filter(kind="bounce").count() == ProviderEvent.objects.count() == 1
    assert Suppression.objects.get().address_key == run.messages.get().address_key


@pytest.mark.parametrize(("words", "stops"), [("Stop", True), (" LOPETA! ", True), ("Kiitos", False)])
def test_a_reply_of_stop_ends_texts_to_the_number(people, text_campaign, provider: Texts, client, words, stops):
    sent(launched(text_campaign(people[:1])))
    assert told(client, {"MessageSid": "SM7", "From": "+358401234500", "Body": words}) == 200
    consent = ConsentState.objects.get(customer=people[0], channel="sms")
    assert consent.is_granted is not stops
    assert Suppression.objects.filter(channel="sms", reason="unsubscribed").exists() is stops
    assert Response.objects.filter(kind="unsubscribe").exists() is stops
    run = sent(launched(text_campaign(people[:1], name="Again")))
    assert run.messages.get().state == ("skipped" if stops else "sent")


def test_a_stop_from_a_number_that_never_got_one_is_kept_as_well(provider: Texts, client):
    assert told(client, {"MessageSid": "SM8", "From": "+358409999999", "Body": "STOP"}) == 200
    assert Suppression.objects.get().channel == "sms"


def test_the_published_example_of_a_signature_comes_out():
    """From twilio-python's tests of its request validator."""
    form = {"CallSid": "CA1234567890ABCDE", "Digits": "1234", "From": "+14158675309", "To": "+18005551212"}
    form["Caller"] = form["From"]
    found = twilio.signed("12345", "https://mycompany.com/myapp.php?foo=1&bar=2", form)
    assert found == "RSOYDt4T1cUTdK1PDd93/VVr8B8="


def test_without_a_provider_it_cannot_be_launched_and_no_hook_answers(people, text_campaign, client, settings):
    settings.SMS_URL = ""
    with pytest.raises(Exception, match="KOHDE_SMS_URL"):
        launched(text_campaign(people))
    assert client.post("/hooks/sms/twilio/", {"MessageSid": "SM1"}).status_code == 404


@pytest.mark.parametrize(
    ("text", "alphabet", "places", "parts"),
    [
        ("a" * 160, "GSM-7", 160, 1),
        ("a" * 161, "GSM-7", 161, 2),
        ("ä" * 306, "GSM-7", 306, 2),
        ("ä" * 307, "GSM-7", 307, 3),
        ("€" * 80, "GSM-7", 160, 1),
        ("€" * 153, "GSM-7", 306, 3),  # 76 to a part: none may lie across two
        ("š" * 70, "UCS-2", 70, 1),
        ("š" * 71, "UCS-2", 71, 2),
        ("😀" * 67, "UCS-2", 134, 3),  # 33 to a part
        ("", "GSM-7", 0, 1),
    ],
)
def test_parts_are_counted_as_the_standard_counts_them(text, alphabet, places, parts):
    found = text_length.length(text)
    assert (found.alphabet, found.places, found.parts) == (alphabet, places, parts)


def test_a_text_needs_no_subject_but_words_that_every_provider_takes():
    assert not faults(Source("", "", "", "Hei", "reply"), ())
    assert [one.part for one in faults(Source("", "", "", "", "reply"), ())] == ["text"]
    assert [one.part for one in faults(Source("", "", "", "a" * 1_601, "reply"), ())] == ["text"]
    host = Source("", "", "", "https://{{ customer.city }}.example/", "reply")
    assert [str(one.part) for one in faults(host, ("customer.city",))] == ["text"]


def test_an_address_written_twice_is_one_link_and_the_stop_is_not_part_of_it():
    found = compose(Source("", "", "", "https://a.example/x. (https://a.example/x) www", "reply"))
    assert found.urls == ("https://a.example/x",)
    assert found.text.startswith("{{ links[0] }}. ({{ links[0] }}) www")


def test_the_token_of_a_report_is_the_message_s_own(people, text_campaign, provider: Texts):
    sent(launched(text_campaign(people)))
    tokens = {parse_qs(urlsplit(form["StatusCallback"]).query)["m"][0] for form in provider.taken}
    assert len(tokens) == 3 and all(addresses.message_of(one, addresses.ID) for one in tokens)

"""The addresses in letters: what they count, what they change, and what a wrong one finds out (nothing)."""

import re
from datetime import timedelta
from email import message_from_bytes, policy
from html import unescape

import pytest
from django.test import Client
from django.utils import timezone
from hypothesis import given
from hypothesis import strategies as st

from campaigns import notes, queries, responses
from campaigns.content import addresses
from campaigns.forgetting import forget_browsers, forget_erased
from campaigns.models import Link, Message, Response
from campaigns.queries import reach
from chaos.sink import Sink
from crm.actions import erase_customer
from crm.models import ConsentEntry, ConsentState, Customer, Event, FieldDefinition, Order, Suppression
from tests.campaigns.conftest import AT, BY, grant, launched, sent

pytestmark = pytest.mark.django_db(transaction=True)
BROWSER = "Mozilla/5.0 (X11; Linux x86_64; rv:132.0) Gecko/20100101 Firefox/132.0"


@pytest.fixture
def run(new_customer, new_campaign, sink: Sink):
    customer = new_customer(1, "ok-a@mail.example")
    grant(customer, "tracking")
    run = sent(launched(new_campaign([customer])))
    long_ago = timezone.now() - timedelta(minutes=5)
    Message.objects.update(final_at=long_ago)
    return run


@pytest.fixture
def hrefs(run, sink: Sink):
    mail = message_from_bytes(sink.bodies["ok-a@mail.example"], policy=policy.default)
    html = mail.get_body(("html",)).get_content()
    return [path.replace("http://localhost:8000", "") for path in re.findall(r'(?:href|src)="([^"]+)"', html)]


def one(hrefs, kind):
    return next(path for path in hrefs if path.startswith(f"/{kind}/"))


def test_a_click_is_counted_and_leads_to_the_stored_address(client: Client, hrefs):
    response = client.get(one(hrefs, "c"), headers={"User-Agent": BROWSER})
    assert response.status_code == 302
    assert response["Location"] == "https://shop.example/offer?from=mail&v=1"
    row = Response.objects.get(kind="click")
    assert (row.by_class, row.link.url) == ("human", "https://shop.example/offer?from=mail&v=1")
    event = Event.objects.get(type="click")
    assert event.customer == row.message.customer and event.properties["by"] == "human"
    assert "sessionid" not in response.cookies


def test_an_open_is_counted_once_per_second(client: Client, hrefs):
    for _ in range(2):
        response = client.get(one(hrefs, "o"), headers={"User-Agent": BROWSER})
        assert response["Content-Type"] == "image/gif"
    assert Response.objects.filter(kind="open").count() in (1, 2)
    assert Response.objects.filter(kind="open", by_class="human").exists()


def test_following_every_link_by_get_changes_no_consent(client: Client, hrefs):
    before = list(ConsentState.objects.values())
    for path in hrefs:
        client.get(path, headers={"User-Agent": "python-requests/2.32"})
        client.head(path)
    assert list(ConsentState.objects.values()) == before
    assert not Suppression.objects.exists()
    assert not Response.objects.exclude(by_class="machine").exists()


@pytest.mark.parametrize(("kind", "said"), [("u", {"List-Unsubscribe": "One-Click"}), ("p", {"wanted": []})])
def test_who_was_merged_since_leaves_as_who_they_are_now(kind, said, client: Client, hrefs, run, new_customer):
    winner = new_customer(2, "ok-b@mail.example")
    gone = run.messages.get().customer
    Customer.objects.filter(pk=gone.pk).update(merged_into=winner)
    assert client.post(one(hrefs, kind), said).status_code == 200
    assert not winner.consents.get(purpose="marketing", channel="email").is_granted
    assert gone.consents.get(purpose="marketing", channel="email").is_granted


def test_one_click_leaves_at_once_without_cookies_or_csrf(hrefs, run):
    strict = Client(enforce_csrf_checks=True)
    for _ in range(3):
        response = strict.post(one(hrefs, "u"), {"List-Unsubscribe": "One-Click"})
        assert response.status_code == 200
    assert ConsentEntry.objects.filter(act="withdrawn", source="one-click").count() == 1
    assert Suppression.objects.get().reason == "unsubscribed"
    assert reach(run.campaign, as_of=timezone.now()).will_get_it == 0


def test_who_left_by_mistake_finds_the_way_to_choose(client: Client, hrefs, run):
    choosing = addresses.preferences_url(Message.objects.get(run=run))
    assert choosing not in client.get(one(hrefs, "u")).content.decode()
    assert choosing in client.post(one(hrefs, "u")).content.decode()


def test_who_came_back_can_leave_again_by_the_same_address(client: Client, hrefs, run):
    message = Message.objects.get(run=run)
    preferences = addresses.preferences_url(message).replace("http://localhost:8000", "")
    for _ in range(2):
        client.post(preferences, {"wanted": ["marketing:email"]})
        assert reach(run.campaign, as_of=timezone.now()).will_get_it == 1
        client.post(one(hrefs, "u"), {"List-Unsubscribe": "One-Click"})
        assert not ConsentState.objects.get(purpose="marketing").is_granted
        assert Suppression.objects.get().reason == "unsubscribed"
        assert reach(run.campaign, as_of=timezone.now()).will_get_it == 0


def test_following_all_links_at_once_is_a_machine(run):
    message = Message.objects.get(run=run)
    links = [
        Link.objects.create(variant=message.variant, position=9 + n, url=f"https://x.example/{n}") for n in range(3)
    ]
    at = timezone.now()
    for n, link in enumerate(links):
        to = responses.answered_message(message)
        responses.record_click(to, link.pk, link.url, user_agent=BROWSER, method="GET", at=at + timedelta(seconds=n))
    assert set(Response.objects.filter(kind="click").values_list("by_class", flat=True)) == {"machine"}


@given(st.integers(0, 60), st.characters(codec="ascii", categories=("L", "N")))
def test_a_changed_address_is_the_same_404(place, letter):
    message = Message(pk=7, token="a" * 32)
    right = addresses.token(message, "u")
    place %= len(right)
    wrong = right[:place] + letter + right[place + 1 :]
    if wrong == right:
        return
    number, _, given_signature = wrong.partition("-")
    other = Message(pk=int(number) if number.isdigit() else 0, token="a" * 32)
    assert addresses.signature(other, "u") != given_signature


def test_an_address_is_good_for_one_purpose_only(client: Client, run, hrefs):
    token = one(hrefs, "o").removeprefix("/o/").removesuffix(".gif")
    answers = [client.get(f"/u/{text}/") for text in (token, "1-x", "999999-" + "0" * 32, "x", "é-é", "1")]
    assert {answer.status_code for answer in answers} == {404}
    assert len({answer.content for answer in answers}) == 1


def test_preferences_show_and_set_what_the_person_wants(client: Client, run):
    message = Message.objects.get(run=run)
    path = addresses.preferences_url(message).replace("http://localhost:8000", "")
    page = client.get(path).content.decode()
    assert "list-autumn" in page and "o…@m….example" in page and "ok-a@mail.example" not in page
    client.post(path, {"wanted": ["marketing:email"]})
    assert not ConsentState.objects.get(purpose="tracking").is_granted
    client.post(path, {})
    assert not ConsentState.objects.get(purpose="marketing").is_granted
    assert Suppression.objects.get().reason == "unsubscribed"
    client.post(path, {"wanted": ["marketing:email"]})
    assert not Suppression.objects.exists()
    assert queries.reach(run.campaign, as_of=timezone.now()).will_get_it == 1


def test_the_letter_in_the_browser_may_run_nothing(client: Client, run):
    message = Message.objects.get(run=run)
    response = client.get(addresses.browser_url(message).replace("http://localhost:8000", ""))
    assert b"Hello Name 1" in response.content
    assert (
        "sandbox" in response["Content-Security-Policy"] and "default-src 'none'" in response["Content-Security-Policy"]
    )


def test_after_erasure_old_addresses_write_nothing_and_show_nothing(client: Client, hrefs, run):
    message = Message.objects.get(run=run)
    client.get(one(hrefs, "o"), headers={"User-Agent": BROWSER})
    erase_customer(message.customer, by=BY, at=timezone.now())
    before = [list(model.objects.values()) for model in (Response, Event, ConsentEntry, ConsentState, Suppression)]
    for path in (*hrefs, addresses.preferences_url(message), addresses.browser_url(message)):
        path = path.replace("http://localhost:8000", "")
        answers = [
            client.get(path, headers={"User-Agent": BROWSER}),
            client.post(path, {"wanted": ["marketing:email"]}),
        ]
        assert not any(b"Name 1" in answer.content for answer in answers)
    assert before == [
        list(model.objects.values()) for model in (Response, Event, ConsentEntry, ConsentState, Suppression)
    ]
    forget_erased(at=timezone.now())
    message.refresh_from_db()
    assert (message.address_key, message.code) == ("", "")
    assert set(Response.objects.values_list("user_agent", flat=True)) == {""}


def test_opens_are_not_counted_once_the_person_takes_that_back(client: Client, hrefs):
    ConsentState.objects.filter(purpose="tracking").update(is_granted=False)
    assert client.get(one(hrefs, "o"), headers={"User-Agent": BROWSER}).status_code == 200
    assert not Response.objects.exists()


def test_browsers_are_forgotten_after_a_month(client: Client, hrefs):
    client.get(one(hrefs, "c"), headers={"User-Agent": BROWSER})
    assert forget_browsers(at=timezone.now() + timedelta(days=29)) == 0
    assert forget_browsers(at=timezone.now() + timedelta(days=31)) == 1
    assert Response.objects.get().user_agent == ""


def preferences(client: Client, hrefs, **said):
    return client.post(one(hrefs, "p"), {"wanted": ["marketing:email"], **said}).content.decode()


def test_who_wants_letters_less_often_gets_them_less_often(client: Client, run, hrefs, new_campaign, sink: Sink):
    customer = Message.objects.get().customer
    preferences(client, hrefs, frequency="168")
    reach_now = reach(new_campaign([customer], name="Next"), as_of=timezone.now())
    assert reach_now.as_json()["within_caps"]["losses"] == {"own_wish": 1}
    Message.objects.update(handed_at=timezone.now() - timedelta(hours=169))
    before = sink.arrived.total()
    sealed = launched(new_campaign([customer], name="Soon"))
    Message.objects.exclude(run=sealed).update(handed_at=timezone.now())
    sent(sealed)
    assert Message.objects.get(run=sealed).reason == "own_wish", "the fresh check hears it, too"
    preferences(client, hrefs, frequency="0")
    sent(launched(new_campaign([customer], name="Again")))
    assert sink.arrived.total() == before + 1


def test_the_page_speaks_the_language_that_is_chosen_on_it(client: Client, hrefs):
    assert "Choose what you get" in client.get(one(hrefs, "p"), headers={"Accept-Language": "en"}).content.decode()
    assert "Valitse" in preferences(client, hrefs, language="fi")
    assert Message.objects.get().customer.language == "fi"
    preferences(client, hrefs, language="tlh")
    assert Message.objects.get().customer.language == "fi"


def test_ones_data_are_shown_to_the_mailbox_only_and_for_a_day(
    client: Client, hrefs, sink: Sink, settings, time_machine
):
    customer = Message.objects.get().customer
    page = preferences(client, hrefs, data="send")
    assert customer.email not in page and "/d/" not in page
    preferences(client, hrefs, data="send")
    assert sink.arrived.total() == 2, "the campaign's letter and one with the way to the data"
    letter = message_from_bytes(sink.bodies[customer.email], policy=policy.default).get_content()
    path = re.search(r"http://localhost:8000(/d/[^\s]+)", letter)[1]
    shown = client.get(path).content.decode()
    assert customer.email in shown and "Autumn" in shown
    assert client.get(f"{path}?as=json").json()["person"]["number"] == "N1"
    assert client.get(path.replace("/d/", "/i/")).status_code == 404, "good for one purpose"
    time_machine.move_to(timezone.now() + timedelta(days=1, minutes=1))
    assert client.get(path).status_code == 404


def test_ones_data_are_told_in_words_of_ones_language(client: Client, hrefs):
    """Codes, columns and Python values are for the file; the page is read by a person."""
    customer = Message.objects.get().customer
    type(customer).objects.filter(pk=customer.pk).update(
        language="fi", birth_date="1990-05-01", attributes={
            "shoe_size": "42", "member_since": "2024-03-05", "is_member": True, "saved": "2500.5", "likes": ["sauna"],
            "diet": "vegan", "gone": "2023-12-24", "nowhere": 7,
        },
    )  # fmt: skip
    for key, label_fi, kind, more in (
        ("shoe_size", "Kengännumero", "text", {}),
        ("member_since", "Jäsen alkaen", "date", {}),
        ("is_member", "Jäsen", "truth", {}),
        ("saved", "Säästetty", "money", {"unit": "EUR"}),
        ("likes", "Pitää", "list", {}),
        ("diet", "Ruokavalio", "choice", {"choices": ["vegan"], "sensitivity": "special"}),
        ("gone", "Viimeksi", "date", {"archived_at": AT}),
    ):
        said = {"entity": "customer", "key": key, "label": key, "label_fi": label_fi, "type": kind, **more}
        FieldDefinition.objects.create(created_at=AT, **said)
    Order.objects.create(
        source="s", number="77", customer=customer, currency="EUR", total_amount="1234.5", ordered_at=AT,
        created_at=AT, updated_at=AT,
    )  # fmt: skip
    client.post(one(hrefs, "u"))
    customer.refresh_from_db()
    page = unescape(
        client.get(notes.url(notes.OWN_DATA, customer).removeprefix("http://localhost:8000")).content.decode()
    )
    for said in ("Etunimi: ", "Kieli: ", "1.5.1990", "Kengännumero: 42", "1\xa0234,50\xa0€", "Lähetetty", "Sähköposti"):
        assert said in page, said
    assert "Perui tilauksen" in page and "Kampanja: autumn" in page and "Tekijä: Ihminen" in page
    own = ("Jäsen alkaen: 5.3.2024", "Jäsen: Kyllä", "Säästetty: 2\xa0500,50\xa0€", "Pitää: sauna", "Ruokavalio: vegan")
    for said in (*own, "Viimeksi: 24.12.2023", "nowhere: 7"):
        assert said in page, said
    for code in ("first name", "first_name", "marketing ·", "· sent", "1234.5000", "{"):
        assert code not in page.replace(customer.email, ""), code


def test_a_consent_asked_for_is_given_by_the_button_alone(client: Client, new_customer, new_segment, sink: Sink, adele):
    customer = new_customer(7, "ok-new@mail.example", consent=False)
    client.force_login(adele)
    asked = client.post("/api/v1/opt-ins/", {"customer": customer.pk}, "application/json")
    assert asked.status_code == 202
    client.logout()
    letter = message_from_bytes(sink.bodies[customer.email], policy=policy.default).get_content()
    path = re.search(r"http://localhost:8000(/i/[^\s]+)", letter)[1]
    for _ in range(3):
        assert client.get(path).status_code == 200
    assert not ConsentEntry.objects.filter(customer=customer).exists(), "a GET is no consent"
    assert client.post(path).status_code == 200
    entry = ConsentEntry.objects.get(customer=customer)
    assert (entry.act, entry.purpose, entry.source) == ("granted", "marketing", "double opt-in")
    assert {"asked_at", "confirmed_at", "wording", "address"} == set(entry.evidence)
    assert client.post(f"{path[:-3]}x/").status_code == 404


def test_who_objected_is_not_asked(client: Client, new_customer, adele, sink: Sink):
    customer = new_customer(8, consent=False, objected_at=timezone.now())
    client.force_login(adele)
    assert client.post("/api/v1/opt-ins/", {"customer": customer.pk}, "application/json").status_code == 409
    assert not sink.arrived


def test_the_next_letter_is_in_the_language_chosen(client: Client, hrefs, new_campaign, sink: Sink):
    preferences(client, hrefs, language="fi")
    finnish = {"language": "fi", "subject": "Hei", "html": "<p>Hei</p>"}
    version = {"key": "A", "subject": "Hello", "html": "<p>Hello</p>", "texts": [finnish]}
    sent(launched(new_campaign([Message.objects.get().customer], name="Next", variants=[version])))
    assert message_from_bytes(sink.bodies["ok-a@mail.example"], policy=policy.default)["Subject"] == "Hei"


def test_whoever_left_and_was_erased_is_never_written_to_again_though_a_file_brings_them_back(
    hrefs, run, new_customer, new_campaign, sink: Sink
):
    Client().post(one(hrefs, "u"), {"List-Unsubscribe": "One-Click"})
    erase_customer(Message.objects.get().customer, by=BY, at=timezone.now())
    forget_erased(at=timezone.now())
    again = sent(launched(new_campaign([new_customer(2, "OK-a@Mail.example")], name="Again")))
    assert queries.losses(again) == {"suppressed": 1}
    assert sink.arrived.total() == 1


def test_a_doubt_and_what_waits_keep_no_mailbox_of_the_erased(run):
    message = Message.objects.get(run=run)
    erase_customer(message.customer, by=BY, at=timezone.now())
    for state, is_kept in (("unknown", False), ("deferred", False), ("handing", True)):
        Message.objects.filter(pk=message.pk).update(state=state, address_key="x", code="no <a@b.fi>")
        forget_erased(at=timezone.now())
        message.refresh_from_db()
        assert bool(message.address_key) is is_kept, state


def test_a_consent_asked_of_somebody_merged_since_is_given_as_who_they_are_now(client: Client, new_customer):
    """Records of one mailbox are the very ones that are merged; another mailbox has not been asked."""
    asked, same = new_customer(7, "ok-x@mail.example", consent=False), new_customer(8, "ok-y@mail.example")
    path = notes.url(notes.OPT_IN, asked, purpose="marketing", asked_at=AT.isoformat())[len("http://localhost:8000") :]
    Customer.objects.filter(pk=asked.pk).update(merged_into=same)
    assert client.post(path).status_code == 404, "asked was another mailbox"
    Customer.objects.filter(pk=same.pk).update(email="OK-x@mail.example")
    assert client.get(path).status_code == 200
    assert client.post(path).status_code == 200
    assert ConsentEntry.objects.get(source="double opt-in").customer_id == same.pk
    own = notes.url(notes.OWN_DATA, asked)[len("http://localhost:8000") :]
    assert client.get(own).status_code == 200


@pytest.mark.parametrize("language", ["sv", "", "pt-br"])
def test_a_language_the_page_does_not_speak_stays_as_long_as_no_other_is_chosen(client: Client, hrefs, language: str):
    """A browser sends what stands selected: the first of the list where nothing is."""
    Customer.objects.update(language=language)
    page = client.get(one(hrefs, "p")).content.decode()
    languages = re.search(r'<select name="language">(.*?)</select>', page, re.DOTALL)[1]
    [selected] = re.findall(r'<option value="([^"]*)"[^>]* selected>', languages)
    assert selected == language
    preferences(client, hrefs, language=selected)
    assert Message.objects.get().customer.language == language
    preferences(client, hrefs, language="fi")
    assert Message.objects.get().customer.language == "fi"


def test_a_page_says_the_language_it_is_in(client: Client, hrefs):
    Customer.objects.update(language="fi")
    for kind in "pu":
        assert client.get(one(hrefs, kind))["Content-Language"] == "fi"


def test_a_consent_that_has_lapsed_is_not_shown_as_one_and_can_be_given_again(client: Client, run, hrefs):
    lapsed = ConsentState.objects.filter(purpose="marketing")
    lapsed.update(expires_at=timezone.now() - timedelta(days=1))
    assert 'value="marketing:email">' in client.get(one(hrefs, "p")).content.decode(), "not ticked"
    preferences(client, hrefs, wanted=["marketing:email"])
    assert (lapsed.get().is_granted, lapsed.get().expires_at) == (True, None)

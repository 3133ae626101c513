"""Letters made of blocks, the matrix they stand in, and what they may say of a person."""

import re
from datetime import timedelta
from email import message_from_bytes, policy
from html import unescape

import pytest
from django.urls import reverse
from django.utils.translation import override

from campaigns import queries
from campaigns.content import blocks, facts, fields, merge
from campaigns.content.composition import Source, compose, faults
from campaigns.forms_texts import BlockForm
from campaigns.models import VariantText
from crm.models import Customer, Order, OrderLine, Product
from segments.models import Segment
from tests.campaigns.conftest import AT, launched, sent

TEXT = {"kind": "text", "text": "Hello"}


def shown(block, **known):
    composed = compose(Source("s", "", blocks.html_of("calm", [block]), ""))
    return merge.filled(composed.html, known, escape=True)


@pytest.mark.parametrize(
    ("condition", "known", "is_shown"),
    [
        ({"segment": "regulars"}, {"segments": ["regulars", "x"]}, True),
        ({"segment": "regulars"}, {"segments": ["regulars-old"]}, False),
        ({"segment": "regulars"}, {}, False),
        ({"field": "customer.city", "operator": "==", "value": "Turku"}, {"customer": {"city": "Turku"}}, True),
        ({"field": "customer.city", "operator": "!=", "value": "Turku"}, {"customer": {"city": "Turku"}}, False),
        ({"field": "feature.orders", "operator": ">", "value": "3"}, {"feature": {"orders": 4}}, True),
        ({"field": "feature.orders", "operator": ">", "value": "3"}, {"feature": {"orders": 3}}, False),
        (
            {"segment": "a", "field": "feature.vip", "value": "true"},
            {"segments": ["a"], "feature": {"vip": False}},
            False,
        ),
        (
            {"segment": "a", "field": "feature.vip", "value": "true"},
            {"segments": ["a"], "feature": {"vip": True}},
            True,
        ),
    ],
)
def test_a_block_is_shown_to_whom_its_conditions_say(condition, known, is_shown):
    assert ("Hello" in shown({**TEXT, **condition}, **known)) is is_shown


@pytest.mark.parametrize("text", ["<script>alert(1)</script>", 'x" onload="y', "a & b < c", "{{ customer.x }} <b>"])
def test_words_stay_words_and_merge_fields_stay_fields(text):
    for kind in ("heading", "text", "button", "image"):
        html = blocks.html_of("warm", [{"kind": kind, "text": text, "url": "https://shop.example/?a=1&b=2"}])
        assert "<script" not in html and 'onload="' not in html
        assert ("{{ customer.x }}" in html) == ("{{" in text)


def test_a_condition_cannot_break_out_of_its_tag():
    html = blocks.html_of("calm", [{**TEXT, "field": "customer.city", "value": '" %}{{ firm.name }}{% if "'}])
    assert "{{ firm.name }}" not in html


@pytest.mark.django_db
@pytest.mark.parametrize("language", ["en", "fi"])
@pytest.mark.parametrize("key", list(blocks.STARTERS))
def test_every_starter_is_a_letter_without_faults_in_each_language(key, language):
    one = blocks.STARTERS[key]
    with override(language):
        made = blocks.html_of(one.look, [{name: str(value) for name, value in block.items()} for block in one.blocks])
    assert faults(Source("Subject", "", made, ""), fields.names()) == []
    composed = compose(Source("Subject", "", made, ""))
    assert "<style" not in composed.html and "style=" in composed.html and composed.text


def luminance(colour):
    parts = [int(colour[n : n + 2], 16) / 255 for n in (1, 3, 5)]
    linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in parts]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


@pytest.mark.parametrize("look", blocks.LOOKS.values(), ids=lambda look: look.key)
def test_every_look_can_be_read(look):
    for ink, ground in ((look.ink, look.paper), (look.accent, look.paper), (look.on_accent, look.accent)):
        light, dark = sorted((luminance(ink), luminance(ground)), reverse=True)
        assert (light + 0.05) / (dark + 0.05) >= 4.5


@pytest.fixture
def shop(new_customer):
    """Products of two kinds, and who bought what."""
    skus = ("tent-1", "tent-2", "boat-1", "boat-2", "boat-3")
    own = {"price_amount": "9.90", "currency": "EUR", "created_at": AT}
    made = {sku: Product.objects.create(sku=sku, name=sku, category=sku[:4], **own) for sku in skus}
    people = [new_customer(n) for n in range(8)]
    buys = {0: ["boat-1", "tent-1"], 1: ["boat-1"], 2: ["boat-1", "boat-2"], 3: ["boat-2", "boat-3"], 4: ["boat-3"],
            5: ["boat-1", "tent-2"], 6: ["tent-1"]}  # fmt: skip
    for n, skus in buys.items():
        order = Order.objects.create(source="s", number=str(n), customer=people[n], currency="EUR", total_amount="1",
                                     ordered_at=AT - timedelta(days=9), created_at=AT, updated_at=AT)  # fmt: skip
        for place, sku in enumerate(skus, start=1):
            OrderLine.objects.create(
                order=order,
                position=place,
                product=made[sku],
                quantity=1,
                unit_amount="1",
                amount="1",
                at=order.ordered_at,
            )
    return people


def test_what_is_recommended_sells_well_is_liked_and_not_had_already(shop):
    told = facts.recommended([one.pk for one in shop], AT)
    names = {n: [product.name for product in told[one.pk]] for n, one in enumerate(shop)}
    assert names[7] == ["boat-1", "tent-1", "boat-2"]  # bought nothing: the commonest (4, 2 and 2 people)
    assert names[6][0] == "tent-2"  # a buyer of tents sees the other tent first, not the one they have
    assert "tent-1" not in names[6] and names[4][:2] == ["boat-1", "boat-2"]
    known = facts.Facts(products=told)
    prices = [known.of(shop[7].pk, (), language)["products"][0]["price"] for language in ("en", "fi", "xx")]
    assert prices == ["€9.90", "9,90\xa0€", "€9.90"]


def test_a_batch_takes_as_many_queries_as_one(shop, django_assert_num_queries):
    for people in (shop[:1], shop):
        with django_assert_num_queries(3):
            facts.recommended([one.pk for one in people], AT)


def test_a_sent_letter_holds_what_its_reader_may_see(shop, new_campaign, new_segment, sink):
    regulars = new_segment("regulars", shop[:3])
    html = blocks.html_of("calm", [{"kind": "text", "text": "For regulars", "segment": "regulars"},
                                   {"kind": "products", "text": "Look"}])  # fmt: skip
    campaign = new_campaign(shop, variants=[{"key": "A", "subject": "Hi", "html": html}])
    assert regulars not in campaign.include.all()
    sent(launched(campaign))
    bodies = {to: body.decode() for to, body in sink.bodies.items()}
    told = {n: next(body for to, body in bodies.items() if f"ok-{n}@" in to) for n in (0, 6)}
    assert "For regulars" in told[0] and "For regulars" not in told[6]
    assert "tent-2" in told[6]
    plain = message_from_bytes(next(body for to, body in sink.bodies.items() if "ok-6@" in to), policy=policy.default)
    lines = plain.get_body(("plain",)).get_content().splitlines()
    assert lines[lines.index("Look") + 2 :][:3] == ["tent-2 €9.90", "boat-1 €9.90", "boat-2 €9.90"]
    shown_before = queries.preview(campaign, "A", Customer.objects.get(number="N6"), as_of=AT + timedelta(days=1))
    assert "tent-2" in shown_before.html and "For regulars" not in shown_before.html


# --- the editor ---------------------------------------------------------------------------------


def posted(*parts, **changes):
    given = {"subject": "Hello", "preheader": "", "look": "calm", "b-TOTAL_FORMS": str(len(parts)),
             "b-INITIAL_FORMS": "0"}  # fmt: skip
    for n, part in enumerate(parts):
        given |= {f"b-{n}-{name}": value for name, value in {"kind": "text", "ORDER": str(n + 1), **part}.items()}
    return {**given, **changes}


@pytest.fixture
def editor(client, maija, new_customer, new_campaign):
    client.force_login(maija)
    campaign = new_campaign([new_customer(n, language="fi") for n in range(5)])
    return client, campaign, reverse("campaign-text", args=[campaign.pk, "A"])


def test_a_text_for_one_segment_and_language_is_written_read_first_and_removed(editor):
    client, campaign, url = editor
    segment = campaign.include.get()
    place = f"{url}?segment={segment.pk}&language=fi"
    wrong_order = posted({"text": "Toinen", "ORDER": "2"}, {"text": "Hei {{ customer.first_name }}", "ORDER": "1"})
    assert client.post(place, wrong_order).status_code == 302
    stored = VariantText.objects.get()
    assert (stored.segment, stored.language, stored.blocks["look"]) == (segment, "fi", "calm")
    assert stored.html.index("Hei") < stored.html.index("Toinen")
    reader = Customer.objects.first()
    assert "Hei Name" in queries.preview(campaign, "A", reader, as_of=AT + timedelta(days=30)).html
    page = client.get(reverse("campaign-texts", args=[campaign.pk])).content.decode()
    assert "Write one" in page and "Hello" in page
    again = client.get(place).content.decode()
    assert "Toinen" in again
    client.post(place, {**wrong_order, "remove": "yes"})
    assert not VariantText.objects.exists()


def test_words_and_addresses_are_called_optional_only_where_they_are(editor):
    client, _campaign, url = editor
    page = client.get(f"{url}?starter=news").content.decode()
    parts = re.findall(r'<div class="block__text">.*?<label[^>]*>(.*?)</label>', page, re.DOTALL)
    assert ["optional" in one for one in parts] == [False, False, False, True, True]  # a line has no words
    for kind, are_needed in (("button", (True, True)), ("heading", (True, False)), ("products", (False, False))):
        form = BlockForm(initial={"kind": kind})
        assert (form.fields["text"].required, form.fields["url"].required) == are_needed


def test_what_is_missing_or_wrong_is_said_at_its_place_and_nothing_is_kept(editor):
    client, campaign, url = editor
    before = campaign.variants.get(key="A").html
    for parts, said in (
        ([{"kind": "button", "text": "Go", "url": ""}], "This block needs it."),
        ([{"kind": "button", "text": "Go", "url": "javascript:alert(1)"}], "Begin it with https://"),
        ([{"text": "{{ customer.shoe_size }}"}], "shoe_size"),
        ([{"text": "{% if %}"}], "inside a field or tag something is missing."),
    ):
        page = client.post(url, posted(*parts))
        assert page.status_code == 400 and said in page.content.decode()
    assert campaign.variants.get(key="A").html == before


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"text": "Dear {{ customer.first_nam }}"}, "the nearest are: customer.first_name"),
        ({"text": "One\n\nTwo\n- three\n\n{{ customer.shoe_size }}"}, "shoe_size"),
        ({"text": "{% if customer.city %}Hi"}, "the tag “endif” is missing"),
        ({"text": "Hi {{ customer.city"}, "the end of a field or tag is missing"),
        ({"kind": "button", "text": "Go", "url": "https://{{ customer.city }}.fi/"}, "part of a link's host"),
    ],
)
@pytest.mark.parametrize("place", [0, 1, 2])
def test_a_fault_is_told_by_the_block_it_stands_in_and_shown_there(editor, wrong, said, place):
    """Lines of the HTML that blocks become were written by nobody."""
    client, campaign, url = editor
    parts: list[dict] = [{"text": "Well\n\nwritten"}, {"text": "{{ customer.first_name }}"}, {"kind": "divider"}]
    parts[place] = wrong
    page = client.post(url, posted(*parts)).content.decode()
    cards = page.split("Block ")[1:4]
    assert [said in unescape(card) for card in cards] == [n == place for n in range(3)]
    made = {"look": "calm", "blocks": [{"kind": "text", **part} for part in parts]}
    html = blocks.html_of("calm", made["blocks"])
    campaign.variants.filter(key="A").update(html=html, blocks=made)
    (fault,) = queries.faults(campaign)["A"]
    assert fault.block == place + 1 and str(fault).startswith(f"Block {place + 1}: ") and said in str(fault)


def test_what_one_block_opens_another_may_close(editor):
    client, _campaign, url = editor
    assert client.post(url, posted({"text": "{% if customer.city %}"}, {"text": "{% endif %}"})).status_code == 302


def test_another_block_and_a_starter_can_be_had_without_losing_anything(editor):
    client, _campaign, url = editor
    page = client.post(url, posted({"text": "Kept words"}, add="yes", **{"add-kind": "button"}))
    assert page.status_code == 200 and "Kept words" in page.content.decode() and "Block 2" in page.content.decode()
    assert "An offer for you" in client.get(f"{url}?starter=offer").content.decode()


def test_a_block_is_moved_up_without_losing_anything(editor):
    client, _campaign, url = editor
    body = posted({"text": "First"}, {"text": "Second", "segment": "", "value": "x"}, {"kind": "divider"}, up="1")
    page = client.post(url, body)
    parts = page.context["parts"]
    assert page.status_code == 200
    assert page.content.decode().count('type="hidden" name="b-1-ORDER"') == 1
    assert [(part["kind"].value(), part["text"].value()) for part in parts] == [
        ("text", "Second"), ("text", "First"), ("divider", None)
    ]  # fmt: skip
    assert [part["ORDER"].value() for part in parts] == ["1", "2", "3"] and parts[0]["value"].value() == "x"
    assert client.post(url, {**body, "up": "0"}).context["parts"][0]["text"].value() == "First"


@pytest.mark.parametrize("key", list(blocks.STARTERS))
def test_the_library_shows_each_letter_as_its_reader_would_see_it(client, maija, key):
    client.force_login(maija)
    page = client.get(reverse("campaign-starter", args=[key]))
    assert "{{" not in page.content.decode() and "style=" in page.content.decode()
    assert "script-src" not in page["Content-Security-Policy"] and "sandbox" in page["Content-Security-Policy"]
    assert client.get(reverse("campaign-starter", args=["none"])).status_code == 404


def test_html_written_by_hand_is_kept_and_ends_the_blocks(editor):
    client, campaign, url = editor
    client.post(url, posted({"text": "By blocks"}))
    client.post(f"{url}?as=html", {"subject": "Hi", "html": "<p>By hand</p>"})
    variant = campaign.variants.get(key="A")
    assert (variant.html, variant.blocks) == ("<p>By hand</p>", {})
    assert "was written as HTML" in client.get(url).content.decode()


def test_a_preview_can_be_had_in_each_language(editor):
    client, campaign, url = editor
    client.post(f"{url}?segment=&language=fi", posted({"text": "Suomeksi"}))
    for language, is_finnish in (("", True), ("fi", True), ("en", False)):
        page = client.get(reverse("campaign-preview", args=[campaign.pk]) + f"?variant=A&language={language}")
        assert ("Suomeksi" in page.content.decode()) is is_finnish


def test_languages_of_the_audience_are_counted_only_where_a_version_has_more_than_one(editor, monkeypatch):
    client, campaign, url = editor
    asked = []
    counted = queries.languages
    monkeypatch.setattr(queries, "languages", lambda *args: asked.append(1) or counted(*args))
    Customer.objects.update(language="sv")
    texts = reverse("campaign-texts", args=[campaign.pk])
    assert "has no text in" not in client.get(texts).content.decode() and not asked
    client.post(f"{url}?segment=&language=fi", posted({"text": "Suomeksi"}))
    assert "has no text in “sv”" in client.get(texts).content.decode() and asked
    monkeypatch.setattr("crm.answers.MANY", 1)
    Segment.objects.update(size=5, ledger_version=9)
    page = client.get(texts).content.decode()
    assert "The figures are being worked out" in page and "has no text in" not in page
    assert "has no text in “sv”" in client.get(texts + "?figures=now").content.decode()


def test_the_matrix_asks_as_much_for_many_texts_as_for_few(editor, django_assert_max_num_queries):
    client, campaign, _url = editor
    for language in ("", "fi", "sv", "en"):
        VariantText.objects.create(
            variant=campaign.variants.get(key="A"), segment=campaign.include.get(), language=language, subject="s"
        )
    with django_assert_max_num_queries(30):
        client.get(reverse("campaign-texts", args=[campaign.pk]))

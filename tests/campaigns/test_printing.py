"""Letters for the printer: a page for each who may still get one, in letters that Finnish needs."""

import re

import pytest
from django.test import Client
from reportlab.pdfbase import pdfmetrics

from campaigns.delivery import printing
from crm.models import ConsentState
from tests.campaigns.conftest import AT, launched, sent

pytestmark = pytest.mark.django_db
WORDS = {"key": "A", "subject": "Hyvä {{ customer.first_name }}", "text": "Tervetuloa.\n\n" + "Äyskäri " * 40}


@pytest.fixture
def run(new_customer, new_campaign):
    people = [
        new_customer(n, consent=False, street=f"Öljykatu {n}", postal_code="00100", city="Hyvinkää") for n in range(3)
    ]
    for one in people:
        said = {"purpose": "marketing", "is_granted": True, "since_at": AT, "updated_at": AT}
        ConsentState.objects.create(customer=one, channel="post", **said)
    return sent(launched(new_campaign(people, channel="post", variants=[WORDS])))


def pages(file: bytes) -> int:
    return len(re.findall(rb"/Type /Page\b(?!s)", file))


def fetched(run, person, query: str = "") -> tuple[int, bytes]:
    client = Client()
    client.force_login(person)
    answer = client.get(f"/campaigns/{run.campaign_id}/letters.pdf{query}")
    return answer.status_code, answer.content


def test_each_member_has_a_page_and_who_objects_has_none_the_next_time(run, maija):
    status, file = fetched(run, maija)
    assert status == 200 and file.startswith(b"%PDF-") and pages(file) == 3
    customer = run.messages.first().customer
    customer.objected_at = AT
    customer.save()
    assert pages(fetched(run, maija)[1]) == 2


def test_long_lists_come_in_parts(run, maija, monkeypatch):
    monkeypatch.setattr(printing, "PER_FILE", 2)
    assert [pages(fetched(run, maija, f"?part={part}")[1]) for part in (1, 2)] == [2, 1]
    assert fetched(run, maija, "?part=3")[0] == fetched(run, maija, "?part=x")[0] == 404
    client = Client()
    client.force_login(maija)
    assert "part=2" in client.get(f"/campaigns/{run.campaign_id}/").content.decode()


def test_a_text_longer_than_a_page_goes_on(run):
    text = "\n".join(f"Rivi {n}" for n in range(60))
    canvas = printing.Canvas("unused.pdf")
    printing.write_letter(canvas, ["Aada"], "Hei", text)
    assert canvas.getPageNumber() - 1 == 2


def test_the_font_knows_the_letters_of_finland_and_lines_keep_their_width():
    face = pdfmetrics.getFont(printing.font()).face
    assert not [one for one in "åäöÅÄÖšžŠŽéü€–”" if ord(one) not in face.charToGlyph]
    lines = printing.wrapped("sana " * 100 + "x" * 300, 200)
    assert all(printing.width_of(line) <= 200 for line in lines)
    assert "".join(lines).replace(" ", "") == "sana" * 100 + "x" * 300


@pytest.mark.parametrize("letter", ["W", "i", "\u0301"])
def test_a_word_as_long_as_a_book_is_broken_at_once(letter, monkeypatch):
    measured = []
    measure = printing.width_of
    monkeypatch.setattr(printing, "width_of", lambda text: measured.append(len(text)) or measure(text))
    word = letter * 20_000
    lines = list(printing.wrapped(f"Hei {word} loppu", 400))
    assert "".join(lines).replace(" ", "") == f"Hei{word}loppu"
    assert max(map(measure, lines)) <= 400 and max(map(len, lines)) <= printing.MOST_ON_LINE
    assert sum(measured) < 60 * len(word)


def test_words_are_broken_where_one_letter_more_would_not_fit():
    word, lines = "Wi" * 300, [""]
    for letter in word:
        if printing.width_of(lines[-1] + letter) > 100:
            lines.append("")
        lines[-1] += letter
    assert printing.broken(word, 100) == lines

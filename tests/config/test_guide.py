"""The guides inside the house: each whole, in the reader's language, with nothing of Markdown left in it."""

import re
from html.parser import HTMLParser

import pytest
from django.contrib.staticfiles import finders
from django.urls import reverse

from config import finding, guide, prose
from crm import access

pytestmark = pytest.mark.django_db
MARKS = re.compile(r"\*\*|`|\]\(|!\[|^#|^[-*>|] |^\d+\. ", re.M)
GUIDES = sorted(path.name for path in (guide.DOCS / "guide").glob("*.md"))


class Reader(HTMLParser):
    def __init__(self):
        super().__init__()
        self.leads, self.words = [], []

    def handle_starttag(self, tag, attrs):
        given = dict(attrs)
        self.leads += [given[name] for name in ("href", "src") if given.get(name)]

    def handle_data(self, data):
        self.words.append(data)


def shown(client, user, name, language="en"):
    user.language = language
    user.save()
    client.force_login(user)
    return client.get(reverse("guide-about", args=[name]))


def test_each_reader_begins_with_the_guide_of_what_they_do(client, anna, maija, adele):
    for user, name in ((anna, "selling"), (maija, "marketing"), (adele, "marketing")):
        client.force_login(user)
        assert client.get(reverse("guide")).url == reverse("guide-about", args=[name])
    assert client.get(reverse("guide-about", args=["cooking"])).status_code == 404


@pytest.mark.parametrize("language", ["en", "fi"])
@pytest.mark.parametrize("name", ["selling", "marketing"])
def test_every_word_of_the_file_stands_on_the_page(client, anna, name, language):
    """Read by another road: the file without its marks, the page without its tags."""
    response = shown(client, anna, name, language)
    reader = Reader()
    reader.feed(response.content.decode())
    title, text = (guide.DOCS / "guide" / guide.FILES[name].format(language)).read_text(encoding="utf-8").split("\n", 1)
    words = re.sub(r"!\[.*?\]\(.*?\)|[*`]|^## ", "", text, flags=re.M)
    words = re.sub(r"\[([^\]]+)\]\([^)]+\)", r"\1", words)
    page = "".join("".join(reader.words).split())
    assert "".join(title.removeprefix("# ").split()) in page and "".join(words.split()) in page


@pytest.mark.parametrize("file", GUIDES)
def test_no_mark_is_left_and_every_file_it_leads_to_is_there(file):
    text = (guide.DOCS / "guide" / file).read_text(encoding="utf-8")
    for block in prose.blocks(text, guide.address):
        reader = Reader()
        reader.feed(block.html)
        words = " ".join("".join(reader.words).split())  # a line may begin with a number that is no list
        assert not MARKS.search(words) or block.kind == "heading"
        for lead in [*reader.leads, *([guide.address(block.source)] if block.source else [])]:
            assert finders.find(lead.removeprefix("/static/")), lead


def test_what_is_written_is_shown_not_run():
    text = 'A <b>bold</b> **<i>** [x"y](a.csv) [z](javascript:alert(1)) `<u>`\n\n![<s>](../images/a.png)'
    words, picture = prose.blocks(text, lambda link: "/safe")
    assert not {"<b>", "<i>", "<u>"} & set(re.findall(r"<\w>", words.html)) and picture.html == "&lt;s&gt;"
    assert re.findall('href="(.*?)"', words.html) == ["/safe"]


def test_the_palette_finds_it(anna):
    found = finding.pages(access.of_user(anna), "guide", 5)
    assert [one.url for one in found] == [reverse("guide")]

"""What people read is collected from code and templates alike, and Finnish is there for the frame."""

from babel.messages.catalog import Catalog
from django.utils.translation import gettext, ngettext, override, pgettext

from config import translations


def test_the_frame_is_complete_in_finnish():
    templates = translations.ROOT / "templates"
    frame = [
        *templates.glob("*.html"),
        *(p for part in ("frame", "components", "charts") for p in (templates / part).rglob("*.html")),
    ]
    finnish = translations._read(translations._catalogue(translations.ROOT))
    found = translations._found([*frame, translations.ROOT / "config" / "navigation.py"])
    assert [m for m, context, _source in found if not translations._is_translated(finnish, m, context)] == []


def test_strings_of_templates_and_code_are_found(tmp_path):
    page, code = tmp_path / "page.html", tmp_path / "code.py"
    page.write_text(
        '{% load i18n %}<p>{% translate "One (two)" %}</p>\n   {% blocktranslate count n=n %}{{ n }} row{% plural %}'
        '{{ n }} rows{% endblocktranslate %}{% translate "May" context "month" %}'
    )
    code.write_text('_("Saved.")\nngettext("%d day", "%d days", n)\ngettext(variable)\n')
    found = {(message, context) for message, context, _source in translations._found([page, code])}
    rows = ("%(n)s row", "%(n)s rows")
    assert found == {
        ("One (two)", None),
        (rows, None),
        ("May", "month"),
        ("Saved.", None),
        (("%d day", "%d days"), None),
    }


def test_a_plural_counts_as_translated_only_with_all_its_forms():
    catalogue = Catalog(locale="fi")
    catalogue.add(("%d day", "%d days"), ("%d päivä", ""))
    assert not translations._is_translated(catalogue, ("%d day", "%d days"), None)


def test_django_reads_what_was_compiled():
    with override("fi"):
        assert gettext("Sign out") == "Kirjaudu ulos"
        assert (
            ngettext("Too many attempts. Try again in %d minute.", "Too many attempts. Try again in %d minutes.", 2) % 2
        )
        assert "minuutin" in ngettext("Too many attempts. Try again in %d minute.", "…", 1)


def test_two_floors_may_not_translate_the_same_words_in_two_ways(tmp_path, monkeypatch):
    for floor, word in (("low", "Säilytetty"), ("high", "Pitää")):
        catalogue = Catalog(locale="fi")
        catalogue.add("Kept", word)
        catalogue.add("Kept", "Pitää", context="guardrail")
        catalogue.add("Save", "Tallenna")
        translations._write(translations._catalogue(tmp_path / floor), catalogue)
    paths = {translations._catalogue(tmp_path / floor): [] for floor in ("low", "high")}
    monkeypatch.setattr(translations, "catalogues", lambda: paths)
    assert translations.contradictory() == ["Kept: Pitää / Säilytetty"]


def test_readers_see_our_words_where_django_has_others():
    ours = [one for path in translations.catalogues() for one in translations._read(path)]
    with override("fi"):
        seen = {
            (one.context, one.id, one.string): pgettext(one.context, one.id) if one.context else gettext(one.id)
            for one in ours
            if one.string and isinstance(one.id, str) and one.id
        }
    assert {key: told for key, told in seen.items() if told != key[2]} == {}

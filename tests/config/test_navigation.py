"""The left navigation shows each role its places and marks the current one."""

from django.utils import translation

from config import navigation
from config.navigation import Place


def links(monkeypatch, role, path):
    groups = ((Place("sign-in", "In", "home"), Place("me", "Me", "home", "keys.change")),)
    monkeypatch.setattr(navigation, "GROUPS", groups)
    return [link for group in navigation.links(role, path) for link in group]


def test_a_role_sees_only_its_places(monkeypatch):
    assert [link.url for link in links(monkeypatch, "sales", "/")] == ["/sign-in/"]


def test_a_page_below_a_place_marks_it(monkeypatch):
    shown = links(monkeypatch, "admin", "/settings/me/password/")
    assert [link.is_current for link in shown] == [False, True]


def test_a_place_without_an_address_is_left_out(monkeypatch):
    monkeypatch.setattr(navigation, "GROUPS", ((Place("nowhere", "Nowhere", "home"),),))
    assert navigation.links("admin", "/") == []


def test_a_phone_shows_five_places_that_each_role_works_in():
    for role, second in (("sales", "/worklist/"), ("marketer", "/customers/"), ("analyst", "/customers/")):
        shown = [link.url for group in navigation.links(role, "/") for link in group if link.is_on_phone]
        assert len(shown) == 5 and shown[0] == "/" and second in shown
    assert set(navigation.ON_PHONE) | set(navigation.ON_PHONE_OF["sales"]) <= {
        place.url_name for group in navigation.GROUPS for place in group
    }


def test_labels_of_the_bar_fit_into_a_fifth_of_a_phone_in_every_language():
    """A fifth of 360 px holds about 12 letters of 12 px; a longer label needs a short one."""
    for language in ("en", "fi"):
        with translation.override(language):
            for role in ("sales", "marketer", "analyst", "admin"):
                on_phone = [link.place for group in navigation.links(role, "/") for link in group if link.is_on_phone]
                assert max(len(str(place.short or place.label)) for place in on_phone) <= 12

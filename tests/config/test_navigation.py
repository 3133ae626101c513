"""The left navigation shows each role its places and marks the current one."""

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

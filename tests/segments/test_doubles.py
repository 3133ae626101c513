"""Of two who save the same name at the same time, the second is told at the field."""

from types import SimpleNamespace
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

from crm import access
from crm import actions as crm_actions
from crm.models import Team, User
from crm.refusals import Refused
from profiles.surveys import drafting
from segments import actions
from segments.models import Segment, SegmentKind


def test_a_second_save_of_one_name_is_refused_at_its_field(cast: SimpleNamespace, monkeypatch: Any) -> None:
    """Each look for a free name is answered as if the first had not been saved yet."""
    adele, now = access.of_user(cast.adele), timezone.now()
    monkeypatch.setattr(actions, "_free_slug", lambda wanted, exact: wanted)
    monkeypatch.setattr(drafting, "free_slug", lambda title: "one")
    monkeypatch.setattr(User.objects, "filter", lambda **_asked: User.objects.none())
    saves = {
        "slug": lambda: actions.create_segment(name="A", slug="a", kind=SegmentKind.STATIC, by=adele, at=now),
        "name": lambda: actions.create_segment(name="B", kind=SegmentKind.STATIC, by=adele, at=now),
        "title": lambda: drafting.create_survey(values={"title": "One"}, by=adele, at=now),
        "username": lambda: crm_actions.create_user(username="twin", role="sales", by=adele, at=now),
    }
    for path, save in saves.items():
        save()
        with pytest.raises(Refused) as refused:
            save()
        assert (refused.value.path, refused.value.code) == (path, "taken")
    team = crm_actions.create_team(name="Third", slug="third", by=adele, at=now)
    with pytest.raises(Refused) as refused:
        crm_actions.rename_team(team, name=Team.objects.exclude(pk=team.pk)[0].name, by=adele, at=now)
    assert refused.value.path == "name"


def test_the_page_and_the_api_tell_it(cast: SimpleNamespace, monkeypatch: Any) -> None:
    monkeypatch.setattr(actions, "_free_slug", lambda wanted, exact: wanted)
    client = Client()
    client.force_login(cast.adele)
    sent = {"name": "Twins", "description": "", "numbers": ""}
    assert client.post("/segments/new-list/", sent).status_code == 302
    again = client.post("/segments/new-list/", sent)
    assert again.status_code == 400 and "name" in again.context["form"].errors
    rule = {"version": 1, "where": {"feature": "city", "is": "known"}}
    asked = {"name": "x", "slug": "twins", "rule": rule}
    told = client.post("/api/v1/segments/", asked, content_type="application/json")
    assert told.status_code in (400, 409) and Segment.objects.count() == 1, told.content

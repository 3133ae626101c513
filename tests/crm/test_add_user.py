"""A user added from the command line can sign in with what was printed."""

import json
from io import StringIO

import pytest
from django.core.management import CommandError, call_command

from crm.models import Team, User

pytestmark = pytest.mark.django_db


def add(*arguments: str) -> dict:
    out = StringIO()
    call_command("add_user", *arguments, "--json", stdout=out)
    return json.loads(out.getvalue())


def test_the_printed_password_signs_in(client) -> None:
    added = add("adele", "--role", "admin")
    assert client.login(username="adele", password=added["password"])
    assert User.objects.get().role == "admin"


def test_teams_are_given_by_slug_and_unknown_ones_refused() -> None:
    Team.objects.create(name="Turku", slug="turku")
    add("anna", "--team", "turku")
    assert [team.slug for team in User.objects.get().teams.all()] == ["turku"]
    with pytest.raises(CommandError, match="no team oulu"):
        add("bertil", "--team", "oulu")
    with pytest.raises(CommandError, match="taken"):
        add("anna")

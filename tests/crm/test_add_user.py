"""A user added from the command line can sign in with what was printed."""

import json
from io import StringIO

import pytest
from django.core.management import CommandError, call_command
from django.db import OperationalError

from crm.management.commands import add_user
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


def test_it_waits_while_the_house_is_being_prepared_and_says_so(monkeypatch) -> None:
    faults = [OperationalError("database is locked"), OperationalError("no such table: crm_user")]
    really, slept, told = add_user.add, [], StringIO()

    def add_later(*arguments: object) -> None:
        if faults:
            raise faults.pop(0)
        really(*arguments)

    monkeypatch.setattr(add_user, "add", add_later)
    monkeypatch.setattr(add_user.time, "sleep", slept.append)
    call_command("add_user", "anna", stdout=StringIO(), stderr=told)
    assert User.objects.get().username == "anna" and len(slept) == 2
    assert told.getvalue().count("Waiting") == 1


def test_after_a_minute_one_line_says_what_to_do(monkeypatch) -> None:
    def never(*arguments: object) -> None:
        raise OperationalError("no such table: crm_user")

    monkeypatch.setattr(add_user, "add", never)
    monkeypatch.setattr(add_user, "PATIENCE_SECONDS", -1)
    with pytest.raises(CommandError, match=r"not ready \(no such table: crm_user\).*manage.py prepare"):
        call_command("add_user", "anna")

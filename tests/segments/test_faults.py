"""The reasons for refusing a rule: each that the code can give is said in Finnish too, and so are the API's answers."""

import ast
import string
from pathlib import Path

import pytest

from profiles.catalogue import Feature
from segments.rules import reading
from segments.rules.errors import RuleError
from segments.rules.faults import FINNISH

PURE = sorted((Path(__file__).parents[2] / "segments").rglob("*.py"))
KNOWN = reading.Known({"age": Feature("age", "Age", "Ikä", "number", "demographic")}, segments=())


def reasons():
    """The literal reasons in calls of RuleError and Place.refuse, and those put into a name first."""
    for path in PURE:
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Call):
                called = getattr(node.func, "id", getattr(node.func, "attr", ""))
                place = {"RuleError": 1, "refuse": 0}.get(called)
                if place is not None and len(node.args) > place and isinstance(node.args[place], ast.Constant):
                    yield node.args[place].value


def places(text):
    return {name for _, name, _, _ in string.Formatter().parse(text) if name}


def test_every_reason_has_its_finnish():
    found = set(reasons())
    assert len(found) > 30
    assert found <= set(FINNISH)


def test_finnish_reasons_fill_the_same_places():
    for english, finnish in FINNISH.items():
        assert places(finnish) - {"of"} <= places(english)
        assert places(english) - {"what"} <= places(finnish)


@pytest.mark.parametrize(
    ("where", "english", "finnish"),
    [
        (
            {"feature": "age", "op": "is_about", "value": 3},
            "where.op: unknown operator 'is_about'; choose one of: is",
            "where.op: tuntematon vertailu 'is_about'; valitse jokin näistä: is",
        ),
        ({"feature": "age", "op": "is", "value": "x"}, "where.value: must be a number", "pitää olla luku"),
        ({"all": []}, "must be a list of 1 to 500 parts", "where.all: tässä pitää olla luettelo, jossa on 1–500 osaa"),
        ({"consent": "", "channel": "email"}, "must be the name of a purpose", "tässä pitää olla tarkoituksen nimi"),
        ([], "where: must be an object", "where: tässä pitää olla olio {…}"),
    ],
)
def test_reasons_read_in_both_languages(where, english, finnish):
    with pytest.raises(RuleError) as refused:
        reading.read_rule({"version": 1, "where": where}, KNOWN)
    assert english in refused.value.sentence() and english in str(refused.value)
    assert finnish in refused.value.sentence("fi")


@pytest.mark.django_db
def test_api_refuses_in_the_language_asked_for_or_the_callers_own(client, maija):
    asked = {"rule": {"version": 1, "where": {"all": []}}}
    client.force_login(maija)
    send = {"path": "/api/v1/segments/preview/", "data": asked, "content_type": "application/json"}
    assert "must be a list" in client.post(**send).content.decode()
    maija.language = "fi"
    maija.save()
    assert "luettelo" in client.post(**send).content.decode()

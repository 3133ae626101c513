"""Customers, companies and fields: created, changed, scoped, audited."""

from collections.abc import Callable
from decimal import Decimal
from types import SimpleNamespace
from typing import Any
from unittest import mock

import pytest
from hypothesis import given
from hypothesis import strategies as some

from crm import access, actions, fields, rights
from crm.models import AuditLine, Customer, FieldDefinition, Tag
from crm.refusals import ManyRefused, Refused
from crm.rights import NotAllowed
from tests.crm.conftest import NOW

MACHINE = rights.machine("test")


def create(number: str = "1", by: rights.Actor = MACHINE, **values: Any) -> Customer:
    return actions.create_customer(values={"number": number, **values}, by=by, at=NOW)


def define(key: str, type: str, **more: Any) -> FieldDefinition:
    values = {"key": key, "label": key, "type": type, "dimension": "economic", **more}
    return actions.define_field(values=values, by=MACHINE, at=NOW)


def lines(row: Any, kind: str = "customer") -> list[AuditLine]:
    return list(AuditLine.objects.filter(kind=kind, object_id=row.pk).order_by("id"))


def test_a_new_customer_is_read_into_its_normal_form_and_audited(db: None) -> None:
    row = create(email=" Aada@Ääni.FI ", phone="040 123 4567", birth_date="1980-02-29", time_zone="Europe/Helsinki")
    row.refresh_from_db()
    assert (row.email, row.phone, row.birth_date.isoformat()) == ("aada@xn--ni-uiaa.fi", "+358401234567", "1980-02-29")
    (line,) = lines(row)
    assert line.verb == "created" and line.source == "test" and line.by is None
    assert line.changes["phone"] == [None, "+358401234567"]


def test_a_number_kept_from_before_does_not_stop_other_changes(db: None) -> None:
    row = create(phone="040 123 4567")
    Customer.objects.filter(pk=row.pk).update(phone="+35804099")
    changed = actions.change_customer(row, values={"phone": "+35804099", "city": "Oulu"}, by=MACHINE, at=NOW)
    assert (changed.phone, changed.city) == ("+35804099", "Oulu")


@pytest.mark.parametrize(
    ("values", "path"),
    [
        ({"email": "nonsense"}, "email"),
        ({"email": "a@b@c.fi, d@e.fi"}, "email"),
        ({"email": "a\nb@c.fi"}, "email"),
        ({"phone": "12"}, "phone"),
        ({"phone": "040 99"}, "phone"),
        ({"phone": "soita"}, "phone"),
        ({"time_zone": "Europe/../etc"}, "time_zone"),
        ({"stage": "king"}, "stage"),
        ({"birth_date": "2020-02-30"}, "birth_date"),
        ({"first_name": "x" * 121}, "first_name"),
        ({"first_name": None}, "first_name"),
        ({"nickname": "x"}, "nickname"),
        ({"id": 7}, "id"),
        ({"erased_at": None}, "erased_at"),
        ({"merged_into": None}, "merged_into"),
        ({"attributes": []}, "attributes"),
        ({"attributes": {"shoe_size": 44}}, "attributes.shoe_size"),
        ({"number": ""}, "number"),
    ],
)
def test_what_does_not_fit_is_refused_at_its_place_and_nothing_stays(values: dict, path: str, db: None) -> None:
    with pytest.raises(Refused) as refusal:
        create(**values)
    assert refusal.value.path == path
    assert not Customer.objects.exists() and not AuditLine.objects.exists()


def test_all_faults_are_told_at_once(db: None) -> None:
    with pytest.raises(ManyRefused) as refusal:
        create(stage="king", nickname="x", birth_date="no")
    assert {fault.path for fault in refusal.value.faults} == {"stage", "nickname", "birth_date"}


def test_a_number_is_taken_once(db: None) -> None:
    create("7")
    with pytest.raises(actions.NumberTaken):
        create("7")


def test_a_change_writes_only_the_difference(db: None) -> None:
    define("income", "number")
    define("pets", "list")
    row = create(city="Oulu", attributes={"income": "1200.50", "pets": ["cat"]})
    changed = actions.change_customer(row, values={"city": "Oulu", "attributes": {"income": 1300}}, by=MACHINE, at=NOW)
    assert changed.attributes == {"income": "1300", "pets": ["cat"]}
    assert lines(row)[-1].changes == {"attributes.income": ["1200.50", "1300"]}
    actions.change_customer(row, values={"city": "Oulu", "attributes": {"income": "1300"}}, by=MACHINE, at=NOW)
    assert len(lines(row)) == 2
    actions.change_customer(row, values={"attributes": {"pets": None}}, by=MACHINE, at=NOW)
    row.refresh_from_db()
    assert row.attributes == {"income": "1300"}


def test_sales_create_in_their_own_team_and_cannot_assign(cast: SimpleNamespace) -> None:
    anna = access.of_user(cast.anna)
    row = create("1", by=anna)
    assert row.team == cast.north and lines(row)[0].by == cast.anna
    with pytest.raises(NotAllowed):
        create("2", by=anna, team=cast.south)
    with pytest.raises(NotAllowed):
        actions.change_customer(row, values={"team": cast.south}, by=anna, at=NOW)
    cast.anna.teams.add(cast.south)
    with pytest.raises(NotAllowed, match="Name a team"):
        create("3", by=access.of_user(cast.anna))


def test_marketers_and_analysts_change_no_customer(cast: SimpleNamespace, make_customer: Callable) -> None:
    row = make_customer("1")
    for user in (cast.maija, cast.aino):
        with pytest.raises(NotAllowed):
            actions.change_customer(row, values={"city": "x"}, by=access.of_user(user), at=NOW)


def test_restricted_erased_and_merged_customers_are_not_changed(cast: SimpleNamespace, make_customer: Callable) -> None:
    kept = make_customer("1", cast.north)
    anna = access.of_user(cast.anna)
    frozen = [make_customer("2", merged_into=kept), make_customer("3", erased_at=NOW)]
    frozen.append(make_customer("4", cast.north, restricted_at=NOW))
    for row in frozen:
        with pytest.raises(actions.CustomerFrozen):
            actions.change_customer(row, values={"city": "x"}, by=anna, at=NOW)


def test_companies_follow_the_same_rules(db: None) -> None:
    firm = actions.create_company(values={"number": "C1", "name": "Oy Ab"}, by=MACHINE, at=NOW)
    actions.change_company(firm, values={"employees": 12, "website": "https://oy.example"}, by=MACHINE, at=NOW)
    assert lines(firm, "company")[-1].changes["employees"] == [None, 12]
    with pytest.raises(Refused) as refusal:
        actions.create_company(values={"number": "C2"}, by=MACHINE, at=NOW)
    assert refusal.value.path == "name"


@pytest.mark.parametrize(
    ("type", "value", "kept"),
    [
        ("text", "Väinö", "Väinö"),
        ("number", 0.1, "0.1"),
        ("number", "1e3", "1000"),
        ("money", "12.3400", "12.3400"),
        ("date", "2026-02-28", "2026-02-28"),
        ("datetime", "2026-02-28T12:00:00+02:00", "2026-02-28T10:00:00+00:00"),
        ("truth", False, False),
        ("list", ["a", "b"], ["a", "b"]),
    ],
)
def test_each_type_is_kept_in_one_form(type: str, value: Any, kept: Any) -> None:
    assert fields.stored(FieldDefinition(key="x", type=type), value) == kept


@pytest.mark.parametrize(
    ("type", "value"),
    [
        ("text", 1),
        ("text", "x\0"),
        ("text", "x" * 2001),
        ("number", True),
        ("number", "NaN"),
        ("number", float("inf")),
        ("number", "1e999999"),
        ("number", "twelve"),
        ("number", []),
        ("number", "1e-99999999"),
        ("number", "0e-99999999"),
        ("money", "0.00001"),
        ("money", "0e-99999999"),
        ("date", "2026-13-01"),
        ("date", 20260101),
        ("datetime", "2026-02-28T12:00:00"),
        ("truth", "yes"),
        ("truth", 1),
        ("choice", "c"),
        ("choice", ["a"]),
        ("choice", {}),
        ("list", "ab"),
        ("list", [1]),
        ("list", ["x"] * 101),
    ],
)
def test_what_is_not_of_the_type_is_refused(type: str, value: Any) -> None:
    with pytest.raises(fields.FieldRefused):
        fields.stored(FieldDefinition(key="x", type=type, choices=["a", "b"]), value)


@given(some.decimals(min_value=-(10**14), max_value=10**14, places=fields.MOST_DECIMALS))
def test_numbers_keep_their_value_to_the_last_digit(number: Decimal) -> None:
    assert Decimal(fields.stored(FieldDefinition(key="x", type="number"), str(number))) == number


@pytest.mark.parametrize(
    ("values", "path"),
    [
        ({"key": "1abc", "type": "text"}, "key"),
        ({"key": "Abc", "type": "text"}, "key"),
        ({"key": "a", "type": "colour"}, "type"),
        ({"key": "a", "type": "choice"}, "choices"),
        ({"key": "a", "type": "text", "choices": ["x"]}, "choices"),
        ({"key": "a", "type": "choice", "choices": ["x", "x"]}, "choices"),
        ({"key": "a", "type": "choice", "choices": {"x": 1}}, "choices"),
        ({"key": "a", "type": "text", "dimension": "magic"}, "dimension"),
    ],
)
def test_a_field_is_defined_properly_or_not_at_all(values: dict, path: str, db: None) -> None:
    with pytest.raises(Refused) as refusal:
        define(**values)
    assert refusal.value.path == path and not FieldDefinition.objects.exists()


def test_field_keys_are_unique_and_archiving_keeps_values(db: None) -> None:
    definition = define("income", "number")
    with pytest.raises(actions.KeyTaken):
        define("income", "text")
    row = create(attributes={"income": 1})
    actions.archive_field(definition, by=MACHINE, at=NOW)
    row.refresh_from_db()
    assert row.attributes == {"income": "1"}
    with pytest.raises(Refused):
        actions.change_customer(row, values={"attributes": {"income": 2}}, by=MACHINE, at=NOW)


def test_keys_are_issued_by_admins_with_known_scopes_only(cast: SimpleNamespace) -> None:
    with pytest.raises(NotAllowed):
        actions.issue_key(name="x", scopes=["orders:read"], by=access.of_user(cast.maija), at=NOW)
    with pytest.raises(Refused) as refusal:
        actions.issue_key(name="x", scopes=["everything"], by=access.of_user(cast.adele), at=NOW)
    assert "orders:read" in refusal.value.choices


def test_of_two_who_name_a_tag_alike_at_once_the_second_is_told(cast: SimpleNamespace) -> None:
    by = access.of_user(cast.adele)
    actions.create_tag(name="Left-handed", by=by, at=NOW)
    unseen = mock.patch("crm.actions.tags.Tag.objects.select_for_update", return_value=Tag.objects.none())
    with unseen, pytest.raises(actions.TagTaken, match="Left-handed"):
        actions.create_tag(name="Left-handed", by=by, at=NOW)

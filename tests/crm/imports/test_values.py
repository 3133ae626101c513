"""Cells become values, and values come back: checked on what people write and on what Hypothesis makes up."""

from datetime import UTC, date, datetime
from decimal import Decimal
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from crm.imports.values import PARSERS, Style, ValueProblem, day, moment, number, plain_decimal

FINNISH, ENGLISH = Style(decimal=","), Style(decimal=".")
amounts = st.decimals(min_value=-(10**9), max_value=10**9, places=2)


@given(amounts)
def test_numbers_survive_being_written_the_finnish_way(amount):
    written = f"{amount:,}".replace(",", "\u00a0").replace(".", ",")
    assert number(written, FINNISH) == amount


@given(amounts)
def test_numbers_survive_being_written_the_english_way(amount):
    assert number(f"{amount:,}", ENGLISH) == amount
    assert number(f"€{amount:,}" if amount >= 0 else str(amount), ENGLISH) == amount


@given(st.decimals(allow_nan=False, allow_infinity=False, min_value=-(10**15), max_value=10**15))
def test_a_stored_decimal_reads_back_the_same(amount):
    assert Decimal(plain_decimal(amount)) == amount
    assert "e" not in plain_decimal(amount).lower()


@given(st.dates(min_value=date(1900, 1, 1)))
def test_dates_survive_in_every_way_of_writing(one):
    assert {
        day(one.isoformat()),
        day(f"{one.day}.{one.month}.{one.year}"),
        day(one.strftime("%Y/%m/%d")),
        day(one.strftime("%d/%m/%Y"), Style(dates="dmy")),
        day(one.strftime("%m/%d/%Y"), Style(dates="mdy")),
    } == {one}


@given(st.integers(0, 2**31).map(lambda seconds: datetime.fromtimestamp(seconds, UTC)))
def test_local_times_name_the_same_moment(at):
    local = at.astimezone(ZoneInfo("Europe/Helsinki"))
    if local.fold or local.astimezone(UTC) != at:
        return
    assert moment(local.strftime("%Y-%m-%d %H:%M:%S"), Style(zone="Europe/Helsinki")) == at
    assert moment(at.isoformat()) == at


@pytest.mark.parametrize(
    ("kind", "text", "code"),
    [
        ("number", "1,234", "ambiguous_number"),
        ("number", "nan", "not_a_number"),
        ("number", "1e999", "not_a_number"),
        ("number", "--1", "not_a_number"),
        ("number", "", "not_a_number"),
        ("number", "1 2 3", "not_a_number"),
        ("date", "30.2.2025", "not_a_date"),
        ("date", "3/4/2025", "ambiguous_date"),
        ("date", "2025-13-01", "not_a_date"),
        ("date", "yesterday", "not_a_date"),
        ("truth", "maybe", "not_a_truth"),
        ("email", "a@b", "invalid_email"),
        ("email", "a@b.fi, c@d.fi", "invalid_email"),
        ("phone", "call me", "invalid_phone"),
        ("phone", "040 99", "invalid_phone"),
        ("phone", "112", "invalid_phone"),
    ],
)
def test_what_cannot_be_read_has_a_code(kind, text, code):
    with pytest.raises(ValueProblem) as caught:
        PARSERS[kind](text, Style())
    assert caught.value.code == code


@given(st.sampled_from(sorted(PARSERS)), st.text(max_size=60))
def test_no_text_does_anything_but_become_a_value_or_a_problem(kind, text):
    try:
        PARSERS[kind](text, Style())
    except ValueProblem as problem:
        assert problem.code


@pytest.mark.parametrize(
    ("text", "zone"),
    [
        ("0001-01-01", "Europe/Helsinki"),
        ("31.12.9999 klo 23.59", "America/New_York"),
        ("9999-12-31T23:59:59-05:00", "UTC"),
    ],
)
def test_an_end_of_the_calendar_that_no_other_zone_can_tell_is_refused(text, zone):
    with pytest.raises(ValueProblem, match="end of the calendar"):
        moment(text, Style(zone=zone))

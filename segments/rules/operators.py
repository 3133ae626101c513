"""The comparisons of the rule language: one row each, with the kinds it fits, its wording and its expression.

A row compares in one of three ways. `compare` takes a column and literals. `days` turns the value into a half-open
range of the firm's days, which fits dates and times alike. `rank` compares a customer with all customers.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any, Final

import ibis
from ibis.expr.types import BooleanValue, IntegerValue, Value

from segments.rules.moments import DayRange, Moment, offsets

TEXT: Final = ("text",)
WORDS: Final = ("text", "choice")
NUMERIC: Final = ("number", "money")
DAYS: Final = ("date", "datetime")
ALL_KINDS: Final = ("text", "number", "money", "date", "datetime", "truth", "choice", "list")


@dataclass(frozen=True)
class Rank:
    """A customer's place among all who have the value: how many are strictly above and below, and how many in all."""

    above: IntegerValue
    below: IntegerValue
    count: IntegerValue


@dataclass(frozen=True)
class Operator:
    key: str
    kinds: tuple[str, ...]
    operand: str
    label: str
    label_fi: str
    en: str
    fi: str
    compare: Callable[[Any, Any], BooleanValue] | None = None
    days: Callable[[Any, date], DayRange] | None = None
    rank: Callable[[Rank, Any], BooleanValue] | None = None
    clock: Callable[[Any, Any], BooleanValue] | None = None


def _day(count: int) -> timedelta:
    return timedelta(days=count)


def _years_before(day: date, years: int) -> date:
    """The same day so many years before; 29 February becomes 28 February."""
    try:
        return day.replace(year=day.year - years)
    except ValueError:
        return day.replace(year=day.year - years, day=28)


def _any_of(column: Any, values: Any) -> BooleanValue:
    return ibis.or_(*(column.contains(value) for value in values))


def _all_of(column: Any, values: Any) -> BooleanValue:
    return ibis.and_(*(column.contains(value) for value in values))


def _lower(value: Any) -> Any:
    """By the engine, as the column: no two tables of letters have the same small ones ("İ", the last "Σ" of a word)."""
    return ibis.literal(value).lower()


def month_day_range(today: date, days: int) -> tuple[int, int]:
    """First and last anniversary as month × 100 + day; 29 February counts on the 28th in short years."""
    last = today + _day(days)
    first_key, last_key = today.month * 100 + today.day, last.month * 100 + last.day
    is_short = (last + _day(1)).month == 3 and last.month == 2
    return first_key, 229 if is_short else last_key


def _anniversary(column: Any, span: tuple[int, int]) -> BooleanValue:
    key = column.month() * 100 + column.day()
    first, last = span
    return key.between(first, last) if first <= last else (key >= first) | (key <= last)


OPERATORS: Final = (
    # --- one value ---------------------------------------------------------------------------------------------------
    Operator("is", (*WORDS, *NUMERIC, "truth"), "value", "is", "on", "{label} is {value}", "{label} on {value}",
             compare=lambda column, value: column == value),
    Operator("is_not", (*WORDS, *NUMERIC), "value", "is not", "ei ole", "{label} is not {value}",
             "{label} ei ole {value}", compare=lambda column, value: column != value),
    Operator("one_of", (*WORDS, *NUMERIC), "values", "is one of", "on jokin näistä", "{label} is {value}",
             "{label} on {value}", compare=lambda column, values: column.isin(values)),
    Operator("none_of", (*WORDS, *NUMERIC), "values", "is none of", "ei ole mikään näistä",
             "{label} is not any of {value}", "{label} ei ole mikään näistä: {value}",
             compare=lambda column, values: column.notin(values)),
    # --- text --------------------------------------------------------------------------------------------------------
    Operator("contains", TEXT, "fragment", "contains", "sisältää", "{label} contains {value}",
             "{label} sisältää tekstin {value}", compare=lambda column, value: column.lower().contains(_lower(value))),
    Operator("starts_with", TEXT, "fragment", "starts with", "alkaa", "{label} starts with {value}",
             "{label} alkaa tekstillä {value}", compare=lambda column, value: column.lower().startswith(_lower(value))),
    Operator("ends_with", TEXT, "fragment", "ends with", "päättyy", "{label} ends with {value}",
             "{label} päättyy tekstiin {value}", compare=lambda column, value: column.lower().endswith(_lower(value))),
    Operator("matches", TEXT, "pattern", "matches the pattern", "vastaa mallia", "{label} matches the pattern {value}",
             "{label} vastaa mallia {value}", compare=lambda column, value: column.re_search(value)),
    # --- numbers and money -------------------------------------------------------------------------------------------
    Operator("at_least", NUMERIC, "value", "is at least", "on vähintään", "{label} is at least {value}",
             "{label} on vähintään {value}", compare=lambda column, value: column >= value),
    Operator("at_most", NUMERIC, "value", "is at most", "on enintään", "{label} is at most {value}",
             "{label} on enintään {value}", compare=lambda column, value: column <= value),
    Operator("more_than", NUMERIC, "value", "is more than", "on enemmän kuin", "{label} is more than {value}",
             "{label} on enemmän kuin {value}", compare=lambda column, value: column > value),
    Operator("less_than", NUMERIC, "value", "is less than", "on vähemmän kuin", "{label} is less than {value}",
             "{label} on vähemmän kuin {value}", compare=lambda column, value: column < value),
    Operator("between", NUMERIC, "pair", "is between", "on välillä", "{label} is between {first} and {last}",
             "{label} on välillä {first}–{last}",
             compare=lambda column, pair: (column >= pair[0]) & (column <= pair[1])),
    Operator("top_percent", NUMERIC, "percent", "is in the top %", "kuuluu ylimpään prosenttiin",
             "{label} is in the top {value}%", "{label}: kuuluu ylimpään {value} prosenttiin",
             rank=lambda place, percent: place.above * 100 < percent * place.count),
    Operator("bottom_percent", NUMERIC, "percent", "is in the bottom %", "kuuluu alimpaan prosenttiin",
             "{label} is in the bottom {value}%", "{label}: kuuluu alimpaan {value} prosenttiin",
             rank=lambda place, percent: place.below * 100 < percent * place.count),
    Operator("top", NUMERIC, "count", "is among the highest", "on suurimpien joukossa",
             "{label} is among the {value} highest", "{label}: {value} suurimman joukossa",
             rank=lambda place, count: place.above < count),
    Operator("bottom", NUMERIC, "count", "is among the lowest", "on pienimpien joukossa",
             "{label} is among the {value} lowest", "{label}: {value} pienimmän joukossa",
             rank=lambda place, count: place.below < count),
    Operator("quintile", NUMERIC, "quintile", "is in the fifth (1 lowest, 5 highest)",
             "kuuluu viidennekseen (1 alin, 5 ylin)", "{label} is in fifth {value} of 5",
             "{label}: kuuluu viidennekseen {value}/5",
             rank=lambda place, fifth: ((fifth - 1) * place.count <= place.below * 5)
             & (place.below * 5 < fifth * place.count)),
    # --- dates and times: the firm's calendar days -------------------------------------------------------------------
    Operator("on", DAYS, "date", "is on", "on päivänä", "{label} is on {value}", "{label} on {value}",
             days=lambda day, today: (day, day + _day(1))),
    Operator("before", DAYS, "date", "is before", "on ennen", "{label} is before {value}",
             "{label} on ennen päivää {value}", days=lambda day, today: (None, day)),
    Operator("after", DAYS, "date", "is after", "on jälkeen", "{label} is after {value}",
             "{label} on päivän {value} jälkeen", days=lambda day, today: (day + _day(1), None)),
    Operator("from", DAYS, "date", "is on or after", "on alkaen", "{label} is on or after {value}",
             "{label} on {value} tai sen jälkeen", days=lambda day, today: (day, None)),
    Operator("until", DAYS, "date", "is on or before", "on viimeistään", "{label} is on or before {value}",
             "{label} on viimeistään {value}", days=lambda day, today: (None, day + _day(1))),
    Operator("between_dates", DAYS, "date_pair", "is between", "on välillä", "{label} is between {first} and {last}",
             "{label} on välillä {first}–{last}", days=lambda pair, today: (pair[0], pair[1] + _day(1))),
    Operator("in_last_days", DAYS, "days", "is in the last days", "on viime päivinä",
             "{label} is in the last {value} days", "{label} on viimeisten {value} päivän aikana",
             days=lambda days, today: (today - _day(days), today + _day(1))),
    Operator("in_next_days", DAYS, "days", "is in the next days", "on lähipäivinä",
             "{label} is in the next {value} days", "{label} on seuraavien {value} päivän aikana",
             days=lambda days, today: (today, today + _day(days + 1))),
    Operator("more_than_days_ago", DAYS, "days", "is more than days ago", "on yli päivien takana",
             "{label} is more than {value} days ago", "{label} on yli {value} päivän takana",
             days=lambda days, today: (None, today - _day(days))),
    Operator("at_least_years_ago", DAYS, "years", "is at least years ago", "on vähintään vuosien takana",
             "{label} is at least {value} years ago", "{label} on vähintään {value} vuoden takana",
             days=lambda years, today: (None, _years_before(today, years) + _day(1))),
    Operator("less_than_years_ago", DAYS, "years", "is less than years ago", "on alle vuosien takana",
             "{label} is less than {value} years ago", "{label} on alle {value} vuoden takana",
             days=lambda years, today: (_years_before(today, years) + _day(1), None)),
    Operator("anniversary_in_days", DAYS, "anniversary", "has its anniversary within days", "vuosipäivä on lähipäivinä",
             "{label} has its anniversary within {value} days", "{label}: vuosipäivä on {value} päivän sisällä",
             clock=_anniversary),
    Operator("weekday", DAYS, "weekdays", "is on a weekday", "on viikonpäivänä", "{label} is on {value}",
             "{label}: viikonpäivä on {value}",
             clock=lambda column, days: column.day_of_week.index().isin([day - 1 for day in days])),
    Operator("month", DAYS, "months", "is in a month", "on kuukautena", "{label} is in {value}",
             "{label}: kuukausi on {value}", clock=lambda column, months: column.month().isin(months)),
    Operator("hour", ("datetime",), "hours", "is in an hour of the day", "on kellonaikana", "{label} is at {value}",
             "{label}: kellonaika on {value}", clock=lambda column, hours: column.hour().isin(hours)),
    # --- lists -------------------------------------------------------------------------------------------------------
    Operator("includes", ("list",), "value", "includes", "sisältää", "{label} includes {value}",
             "{label}: mukana {value}", compare=lambda column, value: column.contains(value)),
    Operator("excludes", ("list",), "value", "does not include", "ei sisällä", "{label} does not include {value}",
             "{label}: ei mukana {value}", compare=lambda column, value: ~column.contains(value)),
    Operator("includes_any", ("list",), "values", "includes any of", "sisältää jonkin näistä",
             "{label} includes any of {value}", "{label}: mukana jokin näistä: {value}", compare=_any_of),
    Operator("includes_all", ("list",), "every", "includes all of", "sisältää kaikki nämä",
             "{label} includes all of {value}", "{label}: mukana kaikki nämä: {value}", compare=_all_of),
    # --- every kind --------------------------------------------------------------------------------------------------
    Operator("is_missing", ALL_KINDS, "nothing", "is missing", "puuttuu", "{label} is missing", "{label} puuttuu",
             compare=lambda column, _: column.isnull()),
    Operator("is_present", ALL_KINDS, "nothing", "is present", "on tiedossa", "{label} is known", "{label} on tiedossa",
             compare=lambda column, _: column.notnull()),
)  # fmt: skip

BY_KEY: Final = {operator.key: operator for operator in OPERATORS}


def fitting(kind: str, *, is_ranked: bool = True) -> tuple[str, ...]:
    """Keys of the operators that fit a kind; ranks compare whole customers, so events have none."""
    return tuple(row.key for row in OPERATORS if kind in row.kinds and (is_ranked or row.rank is None))


def in_days(column: Any, kind: str, days: DayRange, moment: Moment) -> BooleanValue:
    """A date or UTC time column inside a half-open range of the firm's days."""
    first, after = days if kind == "date" else moment.borders(days)
    tests = [column >= ibis.literal(first)] if first else []
    tests += [column < ibis.literal(after)] if after else []
    return ibis.and_(*tests)


def local(column: Any, moment: Moment) -> Value:
    """A UTC time column on the firm's clock. Written out as cases, since engines disagree about zones."""
    return _shifted(column, offsets(moment.zone, moment.as_of.year))


def _shifted(column: Any, changes: Sequence[tuple[datetime, int]]) -> Value:
    """Halved again and again: a row passes seven comparisons instead of a hundred."""
    middle = len(changes) // 2
    if not middle:
        return column + ibis.interval(seconds=changes[0][1])
    is_before = column < ibis.literal(changes[middle][0])
    return ibis.ifelse(is_before, _shifted(column, changes[:middle]), _shifted(column, changes[middle:]))

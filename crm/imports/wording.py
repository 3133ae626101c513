"""What imports say of rows, files and mappings, in the reader's language: kept in English, told by templates."""

import re
from functools import cache

from django.utils.translation import get_language, gettext, gettext_noop

LANGUAGE = "en"  # in which messages are kept
NESTED = "problem"
TEMPLATES = (
    gettext_noop("withdrawn on %(day)s; the file does not say that it was granted later"),
    gettext_noop("customer %(number)s was merged into %(other)s"),
    gettext_noop("this customer was erased"),
    gettext_noop("this customer was erased; kept as a guest's order"),
    gettext_noop("a person of this row was erased"),
    gettext_noop("processing of customer %(number)s is restricted"),
    gettext_noop("there is no customer %(name)s"),
    gettext_noop("the row names nobody"),
    gettext_noop("the row has %(cells)s cells, the header %(width)s"),
    gettext_noop("the row has %(cells)s cells, the header %(width)s; the whole order is left out"),
    gettext_noop("%(problem)s; the whole order is left out"),
    gettext_noop("%(problem)s; no consent recorded"),
    gettext_noop("the row has no customer number"),
    gettext_noop("the row has no order number"),
    gettext_noop("a number has at most %(n)s characters"),
    gettext_noop("an id has at most %(n)s characters"),
    gettext_noop("customer %(number)s stands in row %(row)s already; that row counts"),
    gettext_noop("%(key)s stands in row %(row)s already; that row counts"),
    gettext_noop("equal to row %(row)s in everything but its number; kept"),
    gettext_noop("the value is missing"),
    gettext_noop("longer than %(n)s characters; left out"),
    gettext_noop("“%(value)s” is not a stage; choose from %(choices)s"),
    gettext_noop("%(value)s looks like a filler; kept"),
    gettext_noop("%(value)s is outside %(range)s; kept"),
    gettext_noop("“%(value)s” is not among the choices; kept"),
    gettext_noop("“%(columns)s” is empty"),
    gettext_noop("an event needs a type other than “order”; orders have their own import"),
    gettext_noop("%(value)s is too large for a value"),
    gettext_noop("%(value)s is too large for an order"),
    gettext_noop("a quantity has at most 3 decimals, a price at most 4"),
    gettext_noop("an order has at most %(n)s lines"),
    gettext_noop("order %(number)s has lines at %(n)s times"),
    gettext_noop("order %(number)s names %(n)s customers; the first counts"),
    gettext_noop("customer %(number)s has sales to %(n)s countries"),
    gettext_noop("the price is %(amount)s; kept"),
    gettext_noop("an exact copy of row %(row)s of order %(number)s; kept"),
    gettext_noop("holds %(value)s in every row; it tells nothing"),
    gettext_noop("a quotation mark opens in line %(line)s and is not closed; read up to the end of the line"),
    gettext_noop("not written in UTF-8 like other rows; read as Windows-1252"),
    gettext_noop("order %(number)s was changed since; kept"),
    gettext_noop("customer %(number)s was changed or used since; kept"),
    gettext_noop("%(number)s: %(name)s was changed since, from “%(before)s” to “%(after)s”; kept"),
    gettext_noop("the field %(key)s is in use by now; kept"),
    # values
    gettext_noop("“%(text)s” is not a number"),
    gettext_noop("“%(text)s” means different numbers; say “decimal”"),
    gettext_noop("“%(text)s” is not a number with the decimal sign “%(sign)s”"),
    gettext_noop("“%(text)s” is at the end of the calendar, where no zone can tell it"),
    gettext_noop("“%(text)s” is not a day of the calendar"),
    gettext_noop("“%(text)s” is not a date; write 2025-12-24 or 24.12.2025"),
    gettext_noop("“%(text)s” could be day/month or month/day; say “dates”: “dmy” or “mdy”"),
    gettext_noop("“%(text)s” is neither yes nor no"),
    gettext_noop("“%(text)s” is not one e-mail address"),
    gettext_noop("“%(text)s” is not a phone number"),
    # files
    gettext_noop("there is no file %(name)s"),
    gettext_noop("%(name)s is empty"),
    gettext_noop("%(name)s has no header line"),
    gettext_noop("%(name)s has %(n)s columns; at most %(most)s can be read"),
    gettext_noop("%(name)s has two columns named “%(column)s”; give one of them another name"),
    gettext_noop("%(name)s is not a text table; give a CSV or Excel file"),
    gettext_noop("%(name)s is not a text table; give a CSV or Excel (.xlsx) file"),
    gettext_noop("%(name)s is a broken gzip file"),
    gettext_noop("%(name)s is neither UTF-8 nor Western European text; say “encoding” in the mapping"),
    gettext_noop("%(name)s is not written in %(encoding)s; leave “encoding” out of the mapping or correct it"),
    gettext_noop("%(name)s is larger than %(n)s GB"),
    gettext_noop("%(name)s unpacks to more than %(n)s GB"),
    gettext_noop("%(name)s would unpack to more than %(n)s MB"),
    gettext_noop("%(name)s unpacks to more than %(n)s times its size"),
    gettext_noop("%(name)s is not a CSV file: %(why)s"),
    gettext_noop("%(name)s has a line or a whole longer than is allowed"),
    gettext_noop("%(name)s is not an Excel file that can be read"),
    gettext_noop("%(name)s has cells beyond column %(column)s in row %(row)s; no more can be read"),
    gettext_noop("%(name)s is a zip archive, not an Excel file"),
    gettext_noop("%(name)s has no sheet “%(sheet)s”; it has %(sheets)s"),
    gettext_noop("%(name)s has no sheet with rows"),
    gettext_noop("%(name)s is a broken Excel file"),
    gettext_noop("%(name)s holds more texts than can be read; save it as CSV"),
    gettext_noop("%(name)s has more rows than Excel knows"),
    gettext_noop("%(name)s is not below the data folder"),
    gettext_noop("the stored copy %(name)s is gone; start the import again"),
    # what can be done with an import
    gettext_noop("only an import that has not run can be started"),
    gettext_noop("only an import that has not run can be checked"),
    gettext_noop("only an import that has run can be undone, and only once"),
    gettext_noop("import %(n)s is %(state)s; it cannot be undone now"),
    gettext_noop("the import is not waiting, or another worker has it"),
    gettext_noop("another worker has taken over this import"),
    gettext_noop("stopped by a fault of the program: %(fault)s"),
    # mappings
    gettext_noop("the file has no column “%(column)s”; it has %(columns)s"),
    gettext_noop("the field “%(name)s” holds %(type)s, not %(other)s"),
    gettext_noop("is needed"),
    gettext_noop("is needed for the format “fixed”: a list of whole numbers above 0"),
    gettext_noop("is needed when the file has no header"),
    gettext_noop("is needed: the column that tells rows apart"),
    gettext_noop("is needed, or “amount”"),
    gettext_noop("is needed, or “anonymous_id”"),
    gettext_noop("is needed: a column, or {“value”: …}"),
    gettext_noop("is “%(found)s”, but %(kind)s are to be imported"),
    gettext_noop("is not known here; choose from %(choices)s"),
    gettext_noop("is not a column of a customer; choose from %(choices)s"),
    gettext_noop("“%(value)s” is not a choice; choose from %(choices)s"),
    gettext_noop("“%(value)s” is not an encoding; utf-8, utf-16 and cp1252 are the usual ones"),
    gettext_noop("“%(value)s” is not a time zone; write it like Europe/Helsinki"),
    gettext_noop("“%(value)s” is not an ISO 4217 code such as EUR"),
    gettext_noop("“%(key)s” cannot be a key: a-z, 0-9 and _, beginning with a letter, not a column"),
    gettext_noop("“%(name)s” is filled by the column “%(column)s” already"),
    gettext_noop("must name at least one column"),
    gettext_noop("must name its “columns” and where they go: “to” or “field”"),
    gettext_noop("must be an object { … }"),
    gettext_noop("must be a list [ … ]"),
    gettext_noop("must be a text of at most %(n)s characters"),
    gettext_noop("must be true or false"),
    gettext_noop("must be a number"),
)
HOLE = re.compile(r"%\((\w+)\)s")


def told(message: str) -> str:
    """The message in the reader's language; one of a mapping keeps its place in front. Unknown ones stay English.

    >>> told("the row has 3 cells, the header 4")
    'the row has 3 cells, the header 4'
    """
    if get_language() in (None, LANGUAGE):
        return message
    if (said := _told(message)) is not None:
        return said
    place, colon, rest = message.partition(": ")
    said = _told(rest) if colon else None
    return message if said is None else f"{place}: {said}"


def _told(message: str) -> str | None:
    for template, pattern in _patterns():
        if match := pattern.fullmatch(message):
            values = match.groupdict()
            if NESTED in values:
                values[NESTED] = told(values[NESTED])
            return gettext(template) % values if values else gettext(template)
    return None


@cache
def _patterns() -> list[tuple[str, re.Pattern[str]]]:
    """The templates as patterns; those with the most words of their own first."""
    ordered = sorted(TEMPLATES, key=lambda one: -len(HOLE.sub("", one)))
    return [(one, re.compile(HOLE.sub(r"(?P<\1>.+?)", _escaped(one)), re.DOTALL)) for one in ordered]


def _escaped(template: str) -> str:
    """Signs of patterns as themselves, the holes left as they are."""
    parts = re.split(r"(%\(\w+\)s)", template)
    return "".join(part if HOLE.fullmatch(part) else re.escape(part) for part in parts)

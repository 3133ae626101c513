"""
A mapping suggested from the headings and a sample of a file, for people to correct.

Headings are known by their usual names in English and Finnish; what is not known becomes a custom field whose type
is the narrowest that reads nearly every sample.
"""

import re
import unicodedata
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any

from crm.imports.mapping import BUILT_INS, FULL_NAME
from crm.imports.reading import FileForm, Table, open_table
from crm.imports.values import PARSERS, Style, ValueProblem

SAMPLE_ROWS = 200
MOST_CHOICES = 12

NUMBERS = (
    "customerid customernumber customerno asiakasnumero asiakasnro asiakastunnus asiakasid clientid userid memberid"
    " jasennumero"
)
# Headings as people write them, compared without case, accents, blanks and signs; the surest first.
HEADINGS: dict[str, str] = {
    "number": NUMBERS + " id customer number tunnus numero",
    FULL_NAME: "name fullname customername nimi kokonimi asiakas asiakkaannimi",
    "first_name": "firstname givenname forename first etunimi etunimet kutsumanimi",
    "last_name": "lastname surname familyname last sukunimi",
    "email": "email emailaddress mail eposti sahkoposti sahkopostiosoite spostiosoite sposti",
    "phone": "phone phonenumber mobile mobilephone tel telephone gsm puhelin puhelinnumero puh matkapuhelin kannykka",
    "language": "language lang locale kieli aidinkieli asiointikieli",
    "time_zone": "timezone aikavyohyke",
    "birth_date": "birthdate dateofbirth dob birthday born syntymaaika syntymapaiva syntynyt",
    "gender": "gender sex sukupuoli",
    "street": "street address streetaddress address1 osoite katuosoite lahiosoite",
    "postal_code": "postalcode postcode zip zipcode postinumero postinro",
    "city": "city town kaupunki postitoimipaikka paikkakunta kotikunta kunta",
    "country": "country countrycode maa",
    "created_at": "createdat created customersince since signupdate registered joined enrolled liittynyt"
    " rekisteroitynyt asiakkuusalkoi asiakasalkaen asiakkaanaalkaen luotu luontipaiva",
}
CONSENT = re.compile(
    r"newsletter|optin|consent|marketing(ok|permission|allowed)|uutiskirje|markkinointi|suostumus|lupa"
)
# What a heading says of the channel; the surest first, e-mail where it says nothing.
CHANNELS = (
    ("email", re.compile(r"email|sahkoposti|sposti|uutiskirje|newsletter")),
    ("sms", re.compile(r"sms|tekstiviesti|textmessage")),
    ("phone", re.compile(r"phone|puheli[nm]|soitt|calls?$")),
    ("post", re.compile(r"post|directmail|kirje")),
)
ORDER_HEADINGS = {
    "number": "orderid ordernumber orderno tilausnumero tilausnro invoiceno invoicenumber laskunumero order invoice"
    " tilaus lasku kuitti",
    "customer": NUMBERS + " customer asiakas id number tunnus numero",
    "ordered_at": "orderdate orderedat invoicedate tilauspaiva tilauspvm ostopaiva date at time paiva paivamaara pvm"
    " aika",
    "sku": "sku stockcode productid productcode itemcode tuotekoodi tuotenumero tuotenro product item tuote",
    "description": "description productname itemname title kuvaus tuotenimi selite product item tuote",
    "category": "category productcategory productgroup kategoria tuoteryhma tuotekategoria tuoteluokka",
    "quantity": "quantity qty pieces pcs count maara kpl lukumaara amount",
    "unit_amount": "price unitprice unitamount hinta yksikkohinta kappalehinta ahinta",
    "amount": "linetotal rivisumma total sum value revenue summa yhteensa loppusumma",
    "country": HEADINGS["country"],
    "channel": "channel kanava",
}
EVENT_HEADINGS = {
    "customer": NUMBERS + " customer asiakas id number tunnus numero",
    "type": "type event eventtype eventname tyyppi tapahtuma",
    "occurred_at": "at time timestamp date datetime occurredat happenedat aika aikaleima paiva pvm",
    "id": "eventid messageid tapahtumaid tapahtumatunnus",
    "value": "value amount score arvo summa",
    "channel": "channel kanava",
    "category": "category kategoria luokka",
}
# Beginnings of the words of a heading.
DIMENSIONS = (
    ("economic", re.compile(r"(^|_)(income|salary|credit|budget|tulo|palkka|luotto|limit)")),
    ("geographic", re.compile(r"(^|_)(region|area|county|district|alue|maakunta)")),
    ("technographic", re.compile(r"(^|_)(device|browser|web|selain|laite|verkko)")),
    ("life_situation", re.compile(r"(^|_)(kid|child|teen|marital|family|house|lapsi|lapsia|perhe|siviili|talous)")),
    ("cultural", re.compile(r"(^|_)(language|religion|culture|kieli|kulttuuri)")),
    ("psychographic", re.compile(r"(^|_)(interest|hobby|value|attitude|nps|harrastus|kiinnost|asenne)")),
    ("social", re.compile(r"(^|_)(education|friend|follow|koulutus|seuraaj)")),
    ("market_position", re.compile(r"(^|_)(industry|employees|toimiala|henkilosto|liikevaihto)")),
    ("demographic", re.compile(r"(^|_)(age|year|birth|ika|vuosi|syntyma)")),
)


@dataclass(frozen=True)
class Preview:
    """The start of a file: columns, a few rows, and what was found out about its form."""

    columns: tuple[str, ...]
    rows: list[list[str]]
    form: FileForm


def preview(path: Path, name: str = "", rows: int = SAMPLE_ROWS) -> Preview:
    """Read the first rows of a file; a first line that looks like data makes column names of our own."""
    with open_table(path, FileForm(), name) as table:
        if not looks_like_data(table.columns):
            return _preview(table, rows)
        columns = tuple(f"column_{place}" for place in range(1, len(table.columns) + 1))
    with open_table(path, FileForm(has_header=False, columns=columns), name) as table:
        return _preview(table, rows)


def _preview(table: Table, rows: int) -> Preview:
    sample = [row for row in islice(table.rows, rows) if any(row)]
    return Preview(table.columns, sample, table.form)


def looks_like_data(cells: Sequence[str]) -> bool:
    """
    Whether a first line holds values rather than names of columns.

    >>> looks_like_data(["17", "anna@x.fi"]), looks_like_data(["id", "e-mail"])
    (True, False)
    """
    return any(_reads(kind, [cell], Style()) for cell in cells if cell for kind in ("number", "date", "email"))


def plain(heading: str) -> str:
    """
    A heading without case, accents, blanks and signs.

    >>> plain("Sähköposti-osoite"), plain("E-mail")
    ('sahkopostiosoite', 'email')
    """
    bare = unicodedata.normalize("NFKD", heading.lower()).encode("ascii", "ignore").decode()
    return re.sub(r"[^a-z0-9]", "", bare)


def suggested(kind: str, preview: Preview, zone: str, currency: str) -> dict[str, Any]:
    """A mapping document for the file; what a person must still say is left out."""
    samples = {
        column: [row[place].strip() for row in preview.rows if place < len(row) and row[place].strip()]
        for place, column in enumerate(preview.columns)
    }
    style = _style(samples, preview.form, zone)
    document = {"kind": kind, "source": "import", "file": _file(preview), "style": _style_document(style)}
    return document | SUGGESTERS[kind](samples, style, currency)


def _file(preview: Preview) -> dict[str, Any]:
    form = preview.form
    said = {"format": form.format, "delimiter": form.delimiter, "encoding": form.encoding}
    document: dict[str, Any] = {name: value for name, value in said.items() if value}
    return document if form.has_header else {**document, "header": False, "columns": list(preview.columns)}


# A number with each decimal sign, and no date: “1.4.1990” has two points, and a file has more birth dates than sums.
FRACTIONS = {
    ",": re.compile(r"[-+]?(\d+|\d{1,3}([ .'\u00a0]\d{3})+),\d+"),
    ".": re.compile(r"[-+]?(\d+|\d{1,3}([ ,'\u00a0]\d{3})+)\.\d+"),
}


def _style(samples: dict[str, list[str]], form: FileForm, zone: str) -> Style:
    """Tell the decimal sign: the one that reads more of the cells that hold digits and a sign."""
    cells = [cell for column in samples.values() for cell in column]
    commas, points = (sum(bool(fraction.fullmatch(cell)) for cell in cells) for fraction in FRACTIONS.values())
    decimal = "," if commas >= points else "."
    return Style(decimal=decimal if commas or points else "", zone=zone)


def _style_document(style: Style) -> dict[str, str]:
    return {name: value for name, value in {"decimal": style.decimal, "time_zone": style.zone}.items() if value}


def _reads(kind: str, cells: Sequence[str], style: Style) -> bool:
    try:
        for cell in cells:
            PARSERS[kind](cell, style)
    except ValueProblem:
        return False
    return bool(cells)


def _mostly_truths(cells: Sequence[str], style: Style) -> bool:
    """Whether four in five cells say yes or no: a stray “maybe” must not make a consent a mere field."""
    return _share_read("truth", cells, style) >= 0.8


def _nearly_all(kind: str, cells: Sequence[str], style: Style) -> bool:
    """Whether nineteen in twenty are read: one “?” must not make all sums text; the import warns of that cell."""
    return _share_read(kind, cells, style) >= 0.95


def _share_read(kind: str, cells: Sequence[str], style: Style) -> float:
    return sum(_reads(kind, [cell], style) for cell in cells) / len(cells) if cells else 0


# --- customers -------------------------------------------------------------------------------------


def _customers(samples: dict[str, list[str]], style: Style, currency: str) -> dict[str, Any]:
    columns: dict[str, Any] = {}
    consents: list[dict[str, Any]] = []
    found = _found(samples, _split(HEADINGS))
    taken = {column: target for target, column in found.items()}
    for column, cells in samples.items():
        target = taken.get(column)
        if target == "number":
            continue
        if target:
            columns[column] = target
        elif CONSENT.search(plain(column)) and _mostly_truths(cells, style):
            consents.append({"column": column, "purpose": "marketing", "channel": channel_of(column)})
        else:
            columns[column] = field_of(column, cells, style, currency)
    document: dict[str, Any] = {"number": _number(found), "columns": columns}
    return document | ({"consents": consents} if consents else {})


def channel_of(column: str) -> str:
    """
    The channel that a column of consents speaks of.

    >>> channel_of("SMS-lupa"), channel_of("Markkinointilupa"), channel_of("Sähköpostisuostumus")
    ('sms', 'email', 'email')
    """
    heading = plain(column)
    return next((channel for channel, words in CHANNELS if words.search(heading)), "email")


def _split(headings: dict[str, str]) -> dict[str, list[str]]:
    return {target: words.split() for target, words in headings.items()}


def _found(samples: dict[str, list[str]], names: dict[str, list[str]]) -> dict[str, str]:
    """Which column is which target, the surest heading winning; addresses are told by their look as well."""
    found: dict[str, str] = {}
    for target, headings in names.items():
        likely = [column for column in samples if plain(column) in headings and column not in found.values()]
        if likely:
            found[target] = min(likely, key=lambda column: headings.index(plain(column)))
    if "email" in names and "email" not in found:
        looks = (column for column, cells in samples.items() if _reads("email", cells, Style()))
        if first := next(looks, None):
            found["email"] = first
    return found


def _number(found: dict[str, str]) -> Any:
    """The column that tells customers apart; without a number of its own, the e-mail address."""
    if "number" in found:
        return found["number"]
    fallback = found.get("email") or found.get("phone")
    return {"column": fallback, "lower": True} if fallback else None


def field_of(column: str, cells: Sequence[str], style: Style, currency: str = "EUR") -> dict[str, Any]:
    """The custom field that fits a column: the narrowest type that reads nearly every sample."""
    kind = _type_of(column, cells, style)
    field: dict[str, Any] = {
        "field": key_of(column),
        "label": column[:120],
        "type": kind,
        "dimension": dimension_of(column),
    }
    if kind == "choice":
        field["choices"] = sorted(set(cells))
    if kind == "money":
        field["unit"] = currency
    return field


MONEY = re.compile(r"income|price|spen[dt]|sum|revenue|salary|eur|euro|amount|tulo|hinta|summa|palkka|ostot|arvo|limit")


def _type_of(column: str, cells: Sequence[str], style: Style) -> str:
    if not cells:
        return "text"
    if _reads("truth", cells, style) and len(set(cells)) <= 2:
        return "truth"
    if _nearly_all("number", cells, style):
        return "money" if MONEY.search(plain(column)) else "number"
    if _nearly_all("date", cells, style):
        return "datetime" if any(":" in cell for cell in cells) else "date"
    distinct = set(cells)
    is_choice = len(distinct) <= MOST_CHOICES and len(cells) >= 3 * len(distinct)
    return "choice" if is_choice else "text"


def key_of(column: str) -> str:
    """
    A field key from a heading.

    >>> key_of("Kanta-asiakas vuodesta"), key_of("2nd visit"), key_of("Stage")
    ('kanta_asiakas_vuodesta', 'f_2nd_visit', 'stage_given')
    """
    bare = unicodedata.normalize("NFKD", column.lower()).encode("ascii", "ignore").decode()
    key = re.sub(r"[^a-z0-9]+", "_", bare).strip("_")[:50] or "field"
    key = key if key[0].isalpha() else f"f_{key}"
    return f"{key}_given" if key in BUILT_INS or key in ("number", FULL_NAME) else key


def dimension_of(column: str) -> str:
    """
    The dimension a heading speaks of; behavioural when nothing tells.

    >>> dimension_of("Household income"), dimension_of("Visits")
    ('economic', 'behavioural')
    """
    words = key_of(column)
    return next((name for name, pattern in DIMENSIONS if pattern.search(words)), "behavioural")


# --- orders and events -----------------------------------------------------------------------------


def _orders(samples: dict[str, list[str]], style: Style, currency: str) -> dict[str, Any]:
    found = _found(samples, _split(ORDER_HEADINGS))
    line = ("sku", "description", "category", "quantity", "unit_amount", "amount")
    return {
        "currency": currency,
        **{name: found[name] for name in ("number", "ordered_at", "country", "channel") if name in found},
        **({"customer": {"number": found["customer"], "unknown": "create"}} if "customer" in found else {}),
        "line": {name: found[name] for name in line if name in found},
    }


def _events(samples: dict[str, list[str]], style: Style, currency: str) -> dict[str, Any]:
    found = _found(samples, _split(EVENT_HEADINGS))
    rest = [column for column in samples if column not in found.values()]
    customer = {"customer": {"number": found.pop("customer"), "unknown": "refuse"}} if "customer" in found else {}
    return {**found, **customer, **({"properties": {key_of(column): column for column in rest}} if rest else {})}


SUGGESTERS: dict[str, Callable[[dict[str, list[str]], Style, str], dict[str, Any]]] = {
    "customers": _customers,
    "orders": _orders,
    "events": _events,
}

"""The given features: what the rows of customers and companies say themselves, one row each."""

from dataclasses import dataclass
from typing import Final

from profiles.catalogue import Feature


@dataclass(frozen=True)
class Given:
    """`value` is the engine's expression over the customer `c`, the company `k` and the day `today` of the moment.

    `field` is the column of the customer whose recorded history gives the feature's past; empty when it has none.
    """

    feature: Feature
    value: str
    field: str = ""


def _text(key: str, label: str, label_fi: str, dimension: str, kind: str = "text") -> Given:
    feature = Feature(key, label, label_fi, kind, dimension, source="customer")
    return Given(feature, f"nullif(c.{key}, '')", field=key)


def _own(key: str, label: str, label_fi: str, kind: str, dimension: str, value: str, unit: str = "") -> Given:
    return Given(Feature(key, label, label_fi, kind, dimension, unit=unit, source="customer"), value)


def _company(key: str, label: str, label_fi: str, kind: str, value: str, unit: str = "") -> Given:
    return Given(Feature(key, label, label_fi, kind, "market_position", unit=unit, source="company"), value)


STAGES: Final = (
    ("prospect", "Prospect", "Mahdollinen asiakas"),
    ("occasional", "Occasional", "Satunnainen"),
    ("regular", "Regular", "Kanta-asiakas"),
    ("lapsed", "Lapsed", "Hiipunut"),
)

GIVEN: Final[tuple[Given, ...]] = (
    Given(
        Feature("birth_date", "Birth date", "Syntymäpäivä", "date", "demographic", source="customer"),
        "c.birth_date",
        field="birth_date",
    ),
    _own("age", "Age", "Ikä", "number", "demographic", "date_sub('year', c.birth_date, today)", unit="years"),
    _text("gender", "Gender", "Sukupuoli", "demographic"),
    _text("city", "City", "Kaupunki", "geographic"),
    _text("postal_code", "Postal code", "Postinumero", "geographic"),
    _text("country", "Country", "Maa", "geographic"),
    _text("time_zone", "Time zone", "Aikavyöhyke", "geographic"),
    _text("language", "Language", "Kieli", "cultural"),
    Given(
        Feature("stage", "Stage given by staff", "Henkilöstön antama vaihe", "choice", "behavioural",
                choices=tuple(key for key, *_words in STAGES), source="customer", words=STAGES),
        "nullif(c.stage, '')",
        field="stage",
    ),
    _own("tags", "Tags", "Tunnisteet", "list", "behavioural",
         "list_sort(coalesce(string_split(c.tags, ' '), []))"),
    _own("created_at", "Customer since", "Asiakkuus alkoi", "datetime", "behavioural", "c.created_at"),
    _text("source", "Source of the record", "Tiedon lähde", "behavioural"),
    _own("email_domain", "E-mail domain", "Sähköpostin verkkotunnus", "text", "technographic",
         "nullif(lower(split_part(c.email, '@', 2)), '')"),
    _own("has_email", "Has an e-mail address", "Sähköpostiosoite on", "truth", "technographic",
         "coalesce(c.email, '') <> ''"),
    _own("has_phone", "Has a phone number", "Puhelinnumero on", "truth", "technographic",
         "coalesce(c.phone, '') <> ''"),
    _own("is_business", "Works for a customer company", "Yritysasiakkaan edustaja", "truth", "market_position",
         "c.company_id is not null"),
    _company("company_industry", "Industry", "Toimiala", "text", "nullif(k.industry, '')"),
    _company("company_employees", "Employees", "Henkilöstömäärä", "number", "k.employees", unit="persons"),
    _company("company_city", "City of the company", "Yrityksen kaupunki", "text", "nullif(k.city, '')"),
    _company("company_country", "Country of the company", "Yrityksen maa", "text", "nullif(k.country, '')"),
    _own("is_test", "Test record", "Testitietue", "truth", "technographic", "c.is_test"),
    _own("is_restricted", "Processing restricted", "Käsittely rajoitettu", "truth", "social",
         "c.restricted_at is not null"),
    _own("has_objected", "Objects to marketing", "Vastustaa markkinointia", "truth", "social",
         "c.objected_at is not null"),
)  # fmt: skip

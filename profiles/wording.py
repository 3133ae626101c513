"""Features in words: their names, and their values as people of each language write them."""

from collections.abc import Callable
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any, Final

from django.utils.translation import get_language, gettext
from django.utils.translation import gettext_lazy as _

from crm import figures
from crm.models import Dimension, FieldType, Sensitivity
from profiles.catalogue import Feature

PLACES: Final = 1  # decimals shown of a number that is not whole
SOURCES: Final = {"customer": _("Customer record"), "company": _("Company record"), "computed": _("Computed")}


def label(feature: Feature) -> str:
    return feature.label_fi if is_finnish() else feature.label


def is_finnish() -> bool:
    return (get_language() or "en").startswith("fi")


def dimension(feature: Feature) -> str:
    return str(Dimension(feature.dimension).label)


def sensitivity(feature: Feature) -> str:
    """Empty for what may be used freely."""
    return "" if feature.sensitivity == Sensitivity.NORMAL else str(Sensitivity(feature.sensitivity).label)


KIND_CHOICES: Final = FieldType.choices
DIMENSION_CHOICES: Final = Dimension.choices
SENSITIVITY_CHOICES: Final = Sensitivity.choices
USERS: Final = {
    "normal": _("everyone who draws segments"),
    "not_for_marketing": _("segments for service and analysis, not for marketing"),
    "special": _("those with an administrator's grant; in marketing with every member's consent"),
}


def kind(feature: Feature) -> str:
    return str(FieldType(feature.kind).label)


def users(feature: Feature) -> str:
    """Who may use the feature in rules."""
    return str(USERS[feature.sensitivity])


def source(feature: Feature) -> str:
    return str(SOURCES.get(feature.source, feature.source))


def written(value: Any, feature: Feature) -> str:
    """The value in words; a dash when it is missing."""
    return figures.MISSING if value is None else WRITERS[feature.kind](value, feature)


def _number(value: float, feature: Feature) -> str:
    if feature.unit == "share":
        return figures.share(value)
    number = figures.number(Decimal(str(value)), 0 if float(value).is_integer() else PLACES)
    return f"{number} {gettext(feature.unit)}".strip() if feature.unit in UNITS else number


def _choice(value: str, feature: Feature) -> str:
    return feature.named(value, is_finnish=is_finnish())


def _moment(value: datetime, _feature: Feature) -> str:
    return figures.moment(value.replace(tzinfo=UTC))


UNITS: Final = {"days": _("days"), "years": _("years"), "persons": _("persons")}
WRITERS: Final[dict[str, Callable[[Any, Feature], str]]] = {
    "text": lambda value, _: value,
    "choice": _choice,
    "number": _number,
    "money": lambda value, feature: figures.money(value, feature.unit or None),
    "date": lambda value, _: figures.day(value),
    "datetime": _moment,
    "truth": lambda value, _: gettext("Yes") if value else gettext("No"),
    "list": lambda value, feature: ", ".join(_choice(one, feature) for one in value) or figures.MISSING,
}

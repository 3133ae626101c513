"""The list of customers: its columns, what it may be filtered by, and how it is ordered."""

from collections.abc import Iterator
from datetime import date, datetime, time, timedelta
from decimal import Decimal, InvalidOperation
from functools import partial
from typing import Any

from django.db.models import Q
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import get_language, gettext_lazy
from django.utils.translation import gettext as _

from crm import queries
from crm.lists.columns import ListColumn, cell
from crm.lists.conditions import Condition, Source, Subject, register
from crm.models import Customer, FieldDefinition, Sensitivity
from crm.rights import Actor, may

NAME = "customers"
WHO, WHERE, HOW = gettext_lazy("Who"), gettext_lazy("Where"), gettext_lazy("Relationship")
USUAL = ("number", "stage", "city", "company", "team", "tags", "updated_at")
USUAL_ORDER = "-updated_at"


def tags_of(row: Any) -> list[Any]:
    """The tags of a row that the list has read with it."""
    return [link.tag for link in row.links]


def company_url(row: Any) -> str:
    return reverse("company", args=[row.company_id])


def attribute(name: str) -> Any:
    return lambda row: getattr(row, name)


def column(key: str, label: Any, group: Any, kind: str = "text", **more: Any) -> ListColumn:
    return ListColumn(key, label, group, kind, read=more.pop("read", attribute(key)), **more)


OWN: tuple[ListColumn, ...] = (
    column("number", gettext_lazy("Number"), WHO, sort="number"),
    column("email", gettext_lazy("E-mail"), WHO, is_personal=True),
    column("phone", gettext_lazy("Phone"), WHO, is_personal=True),
    column("birth_date", gettext_lazy("Birth date"), WHO, "date", is_personal=True),
    column("gender", gettext_lazy("Gender"), WHO),
    column("language", gettext_lazy("Language"), WHO),
    column("company", gettext_lazy("Company"), WHO, needs=("company",), url=company_url),
    column("street", gettext_lazy("Street address"), WHERE, is_personal=True),
    column("postal_code", gettext_lazy("Postal code"), WHERE, is_personal=True),
    column("city", gettext_lazy("City"), WHERE, sort="city"),
    column("country", gettext_lazy("Country"), WHERE),
    column("stage", gettext_lazy("Stage"), HOW, read=lambda row: row.get_stage_display()),
    column("tags", gettext_lazy("Tags"), HOW, "tags", read=tags_of),
    column("owner", gettext_lazy("Owner"), HOW, needs=("owner",)),
    column("team", gettext_lazy("Team"), HOW, needs=("team",)),
    column("source", gettext_lazy("Source"), HOW),
    column("created_at", gettext_lazy("Customer since"), HOW, "date", sort="created_at"),
    column("updated_at", gettext_lazy("Changed"), HOW, "when", sort="updated_at"),
)  # fmt: skip


def columns(actor: Actor) -> list[ListColumn]:
    """This floor's columns that the actor may see: its own, and custom fields. Special categories stand in no list."""
    is_named = may(actor, "customers.identify")
    own = [one for one in OWN if is_named or not one.is_personal]
    return own + [field_column(one) for one in plain_fields(actor, "customer")]


def plain_fields(actor: Actor, entity: str) -> list[FieldDefinition]:
    return list(queries.fields(actor, entity).exclude(sensitivity=Sensitivity.SPECIAL))


def field_column(field: FieldDefinition) -> ListColumn:
    read = partial(field_value, field.key, NUMERIC.get(field.type))
    return ListColumn(
        f"field.{field.key}", label_of(field), field.get_dimension_display(), field.type, read=read, unit=field.unit
    )


NUMERIC = {"number": Decimal, "money": Decimal, "date": datetime.fromisoformat, "datetime": datetime.fromisoformat}


def field_value(key: str, typed: Any, row: Any) -> Any:
    return as_type(typed, row.attributes.get(key))


def as_type(typed: Any, value: Any) -> Any:
    """What is stored, as a value of its type; None when it is none."""
    try:
        return typed(value) if typed and value is not None else value
    except (InvalidOperation, ValueError, TypeError):
        return None


def field_words(field: FieldDefinition, value: Any) -> str:
    """The value of a custom field as a cell of the list writes it; one that is not of its type stands as it is."""
    known = as_type(NUMERIC.get(field.type), value)
    return str(value) if known is None else cell(field_column(field), None, known).text


def label_of(field: FieldDefinition) -> str:
    return field.label_fi if (get_language() or "").startswith("fi") and field.label_fi else field.label


# --- filters -------------------------------------------------------------------------------------

ASKED: tuple[tuple[str, Any, Any, str], ...] = (
    ("city", gettext_lazy("City"), WHERE, "text"),
    ("country", gettext_lazy("Country"), WHERE, "text"),
    ("language", gettext_lazy("Language"), WHO, "text"),
    ("gender", gettext_lazy("Gender"), WHO, "text"),
    ("company", gettext_lazy("Company number"), WHO, "text"),
    ("owner", gettext_lazy("Has an owner"), HOW, "truth"),
    ("team", gettext_lazy("Has a team"), HOW, "truth"),
    ("source", gettext_lazy("Source"), HOW, "text"),
    ("created_at", gettext_lazy("Customer since"), HOW, "datetime"),
    ("updated_at", gettext_lazy("Changed"), HOW, "datetime"),
    ("restricted_at", gettext_lazy("Processing is restricted"), HOW, "truth"),
    ("objected_at", gettext_lazy("Objects to marketing"), HOW, "truth"),
    ("is_test", gettext_lazy("Test record"), HOW, "truth"),
)
PATHS = {"company": "company__number"}
ALWAYS_KNOWN = {"created_at", "updated_at"}


def subjects(actor: Actor) -> Iterator[Subject]:
    for key, label, group, kind in ASKED:
        yield Subject(f"customer.{key}", str(label), str(group), kind)


def narrowed(actor: Actor, asked: Condition) -> Q:
    key = asked.subject.key.partition(".")[2]
    return in_columns(PATHS.get(key, key), asked, is_nullable=key in ("owner", "team", "restricted_at", "objected_at"))


def in_columns(path: str, asked: Condition, *, is_nullable: bool = False) -> Q:
    """The condition on a column of the row; an empty text is not known."""
    if asked.subject.kind == "truth" and is_nullable:
        return Q(**{f"{path}__isnull": not asked.value})
    return COMPARED[asked.operator](path, asked)


def _known(path: str, asked: Condition) -> Q:
    missing = Q(**{f"{path}__isnull": True})
    return ~(missing | Q(**{path: ""})) if asked.subject.kind in ("text", "choice") else ~missing


FIRST_DAY, LAST_DAY = date(1, 1, 3), date(9000, 1, 1)
COMPARED: dict[str, Any] = {
    "is": lambda path, asked: Q(**{path: asked.value}),
    "not": lambda path, asked: ~Q(**{path: asked.value}),
    "least": lambda path, asked: Q(**{f"{path}__gte": asked.value}),
    "most": lambda path, asked: Q(**{f"{path}__lte": asked.value}),
    "from": lambda path, asked: Q(**{f"{path}__gte": midnight(asked.value)}),
    "until": lambda path, asked: Q(**{f"{path}__lt": midnight(min(asked.value, LAST_DAY) + timedelta(days=1))}),
    "known": _known,
    "unknown": lambda path, asked: ~_known(path, asked),
}


def midnight(day: Any) -> datetime:
    """The beginning of a day where the visitor is; the ends of the calendar have none in every zone."""
    return timezone.make_aware(datetime.combine(min(max(day, FIRST_DAY), LAST_DAY), time()))


register(Source("customer", NAME, "customers.view", subjects, narrowed))


def display(row: Customer, actor: Actor) -> str:
    return str(row) if may(actor, "customers.identify") else _("Customer %(number)s") % {"number": row.number}

"""The list of companies: its columns, what it may be filtered by, and how it is ordered."""

from collections.abc import Iterator
from typing import Any

from django.db.models import Q
from django.utils.translation import gettext_lazy

from crm.lists.columns import ListColumn
from crm.lists.conditions import Condition, Source, Subject, register
from crm.lists.customers import HOW, WHERE, WHO, column, field_column, in_columns, label_of, plain_fields, tags_of
from crm.models import FieldDefinition
from crm.rights import Actor

NAME = "companies"
USUAL = ("number", "industry", "employees", "city", "owner", "team", "tags", "updated_at")
USUAL_ORDER = "name"

OWN: tuple[ListColumn, ...] = (
    column("number", gettext_lazy("Number"), WHO, sort="number"),
    column("business_id", gettext_lazy("Business id"), WHO),
    column("industry", gettext_lazy("Industry"), WHO),
    column("employees", gettext_lazy("Employees"), WHO, "number"),
    column("website", gettext_lazy("Website"), WHO),
    column("city", gettext_lazy("City"), WHERE),
    column("country", gettext_lazy("Country"), WHERE),
    column("tags", gettext_lazy("Tags"), HOW, "tags", read=tags_of),
    column("owner", gettext_lazy("Owner"), HOW, needs=("owner",)),
    column("team", gettext_lazy("Team"), HOW, needs=("team",)),
    column("created_at", gettext_lazy("Since"), HOW, "date"),
    column("updated_at", gettext_lazy("Changed"), HOW, "when", sort="updated_at"),
)

ASKED: tuple[tuple[str, Any, Any, str], ...] = (
    ("industry", gettext_lazy("Industry"), WHO, "text"),
    ("employees", gettext_lazy("Employees"), WHO, "number"),
    ("city", gettext_lazy("City"), WHERE, "text"),
    ("country", gettext_lazy("Country"), WHERE, "text"),
    ("owner", gettext_lazy("Has an owner"), HOW, "truth"),
    ("team", gettext_lazy("Has a team"), HOW, "truth"),
    ("created_at", gettext_lazy("Since"), HOW, "datetime"),
    ("updated_at", gettext_lazy("Changed"), HOW, "datetime"),
)
EXACT = ("text", "choice", "truth")  # kinds of custom fields that JSON compares as they are written


def columns(actor: Actor) -> list[ListColumn]:
    return [*OWN, *(field_column(one) for one in plain_fields(actor, "company"))]


def subjects(actor: Actor) -> Iterator[Subject]:
    for key, label, group, kind in ASKED:
        yield Subject(f"company.{key}", str(label), str(group), kind)


def narrowed(actor: Actor, asked: Condition) -> Q:
    key = asked.subject.key.partition(".")[2]
    return in_columns(key, asked, is_nullable=key in ("owner", "team"))


def field_subjects(actor: Actor) -> Iterator[Subject]:
    """Custom fields whose values are compared as they are written; rules of segments ask the others."""
    for field in plain_fields(actor, "company"):
        if field.type in EXACT:
            choices = tuple((choice, choice) for choice in field.choices)
            yield Subject(f"field.{field.key}", label_of(field), group_of(field), field.type, choices)


def group_of(field: FieldDefinition) -> str:
    return field.get_dimension_display()


def field_narrowed(actor: Actor, asked: Condition) -> Q:
    path = f"attributes__{asked.subject.key.partition('.')[2]}"
    match asked.operator:
        case "is":
            return Q(**{path: asked.value})
        case "not":
            return ~Q(**{path: asked.value}) | Q(**{f"{path}__isnull": True})
        case "known":
            return Q(**{f"{path}__isnull": False})
    return Q(**{f"{path}__isnull": True})


register(Source("company", NAME, "customers.view", subjects, narrowed))
register(Source("field", NAME, "customers.view", field_subjects, field_narrowed))

"""What the lines of the audit say, in words for people: what happened, through which door, and to which field."""

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any

from django.db import models
from django.utils.text import capfirst
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, pgettext_lazy

from crm import figures
from crm.lists.customers import field_words, label_of
from crm.models import AuditLine, FieldDefinition
from crm.queries import HIDDEN

VERBS: dict[str, Any] = {
    "created": pgettext_lazy("audit", "Created"),
    "changed": pgettext_lazy("audit", "Changed"),
    "assigned": pgettext_lazy("audit", "Given to somebody"),
    "tagged": pgettext_lazy("audit", "Tag added"),
    "untagged": pgettext_lazy("audit", "Tag taken off"),
    "call logged": pgettext_lazy("audit", "Call written down"),
    "meeting logged": pgettext_lazy("audit", "Meeting written down"),
    "call taken back": pgettext_lazy("audit", "Call taken back"),
    "meeting taken back": pgettext_lazy("audit", "Meeting taken back"),
    "answer expired": pgettext_lazy("audit", "An answer no longer holds"),
    "consent granted": pgettext_lazy("audit", "Consent given"),
    "consent withdrawn": pgettext_lazy("audit", "Consent withdrawn"),
    "asked for consent": pgettext_lazy("audit", "Asked for consent"),
    "topic left": pgettext_lazy("audit", "Topic left"),
    "topic wanted": pgettext_lazy("audit", "Topic wanted again"),
    "asked for own data": pgettext_lazy("audit", "Asked for their data"),
    "wrote": pgettext_lazy("audit", "E-mail written"),
    "took back": pgettext_lazy("audit", "E-mail taken back"),
    "exported": pgettext_lazy("audit", "Data given out"),
    "special seen": pgettext_lazy("audit", "Sensitive data looked at"),
    "restricted": pgettext_lazy("audit", "Processing restricted"),
    "restriction lifted": pgettext_lazy("audit", "Restriction lifted"),
    "objected": pgettext_lazy("audit", "Objected"),
    "erased": pgettext_lazy("audit", "Erased"),
    "merged": pgettext_lazy("audit", "Merged"),
    "unmerged": pgettext_lazy("audit", "Merge undone"),
    "not the same": pgettext_lazy("audit", "Not the same person"),
    "perhaps the same": pgettext_lazy("audit", "Perhaps the same person"),
}
DOORS: dict[str, Any] = {
    "page": pgettext_lazy("audit", "On a page"),
    "api": pgettext_lazy("audit", "Over the API"),
    "import": pgettext_lazy("audit", "By an import"),
    "task": pgettext_lazy("audit", "By itself"),
    "recipient": pgettext_lazy("audit", "The customer"),
}
FIELDS: dict[str, Any] = {
    "tags": gettext_lazy("Tags"),
    "topic": gettext_lazy("Topic"),
    "subject": gettext_lazy("Subject"),
    "letter": gettext_lazy("E-mail"),
}


def verb(line: AuditLine) -> Any:
    """What happened; a verb that has no words yet stands as it is."""
    return VERBS.get(line.verb, line.verb)


def door(line: AuditLine) -> Any:
    """Through which door; other systems stand by their own names."""
    return DOORS.get(line.source, line.source)


Changes = list[tuple[str, Any, Any]]  # name of the column, before, after


def in_words(model: type[models.Model], lines: Iterable[Changes]) -> list[list[tuple[Any, str, str]]]:
    """The changes of many lines as label, before and after, as people write them: names of others, days, choices."""
    known, given = list(lines), {one.key: one for one in FieldDefinition.objects.filter(entity=model._meta.model_name)}
    columns = {one.name: one for one in model._meta.fields}
    names = _names(columns, known)
    return [
        [
            (_label(columns, given, name), *(_value(columns, given, names, name, value) for value in pair))
            for name, *pair in line
        ]
        for line in known
    ]


def _names(columns: Mapping[str, Any], lines: list[Changes]) -> dict[str, dict[str, str]]:
    """What the rows are called that keys lead to, by column and key: one question per column."""
    found = {}
    for name, column in columns.items():
        ids = {value for line in lines for one, *pair in line for value in pair if one == name and value}
        if ids and column.remote_field:
            rows = column.related_model._default_manager.filter(pk__in=[one for one in ids if str(one).isdigit()])
            found[name] = {str(row.pk): str(row) for row in rows}
    return found


def _label(columns: Mapping[str, Any], given: Mapping[str, FieldDefinition], name: str) -> Any:
    """The label of a column or custom field; what is neither stands by its own name."""
    if field := given.get(name.removeprefix("attributes.")):
        return label_of(field)
    return FIELDS.get(name) or (capfirst(columns[name].verbose_name) if name in columns else name)


def _value(
    columns: Mapping[str, Any], given: Mapping[str, FieldDefinition], names: Mapping[str, Any], name: str, value: Any
) -> str:
    if value in (None, "", [], {}):
        return figures.MISSING
    if value == HIDDEN:
        return HIDDEN
    if field := given.get(name.removeprefix("attributes.")):
        return field_words(field, value)
    column = columns.get(name)
    if name in names:
        return str(names[name].get(str(value), value))
    if isinstance(column, models.DateField) and (day := _moment(value)):
        return figures.moment(day) if isinstance(column, models.DateTimeField) else figures.day(day)
    if isinstance(value, bool):
        return _("Yes") if value else _("No")
    return str(dict(column.flatchoices).get(value, value) if column else value)


def _moment(value: Any) -> datetime | None:
    try:
        return datetime.fromisoformat(value)
    except (TypeError, ValueError):
        return None

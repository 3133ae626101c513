"""Uploading a file and saying what its columns mean."""

from typing import Any
from zoneinfo import available_timezones

from django import forms
from django.conf import settings
from django.utils.translation import gettext_lazy as _

from crm.imports.editing import CONSENT, FIELD, LEFT_OUT, PARTS, Choice, ColumnRow, edited_part, part_of
from crm.imports.mapping import FULL_NAME
from crm.models.customer import Dimension, FieldType
from crm.models.imports import ImportKind
from crm.rest.parsing import BadJSON, parsed

TARGETS: list[tuple[Any, list[tuple[str, Any]]]] = [
    ("", [(LEFT_OUT, _("Leave out")), (FIELD, _("A field of its own"))]),
    (
        _("Customer"),
        [
            (FULL_NAME, _("First and last name")),
            ("first_name", _("First name")),
            ("last_name", _("Last name")),
            ("email", _("E-mail")),
            ("phone", _("Phone")),
            ("language", _("Language")),
            ("birth_date", _("Birth date")),
            ("gender", _("Gender")),
            ("street", _("Street address")),
            ("postal_code", _("Postal code")),
            ("city", _("City")),
            ("country", _("Country")),
            ("stage", _("Stage")),
            ("time_zone", _("Time zone")),
            ("created_at", _("Customer since")),
        ],
    ),
    (
        _("Consent to marketing"),
        [
            (CONSENT + "email", _("by e-mail")),
            (CONSENT + "sms", _("by SMS")),
            (CONSENT + "phone", _("by phone")),
            (CONSENT + "post", _("by post")),
            (CONSENT + "any", _("by any channel")),
        ],
    ),
]
LABELS = {
    "id": _("Id of the event"),
    "number": _("Number"),
    "customer": _("Customer number"),
    "ordered_at": _("Date of the order"),
    "sku": _("Stock code"),
    "description": _("Description"),
    "quantity": _("Quantity"),
    "unit_amount": _("Price per piece"),
    "amount": _("Total of the line"),
    "channel": _("Channel"),
    "country": _("Country"),
    "anonymous_id": _("Visitor id"),
    "type": _("Type"),
    "occurred_at": _("Time"),
    "value": _("Value"),
    "category": _("Category"),
}
DECIMALS = [("", _("Tell from the values")), (",", _("comma: 1 204,50")), (".", _("point: 1,204.50"))]
DATES = [("", _("Tell from the values")), ("dmy", _("day first: 24/12/2025")), ("mdy", _("month first: 12/24/2025"))]


class UploadForm(forms.Form):
    """A file and what its rows are; a saved mapping may come along."""

    kind = forms.ChoiceField(label=_("The rows are"), choices=ImportKind.choices)
    file = forms.FileField(
        label=_("File"), help_text=_("CSV (gzipped too), Excel (.xlsx) or text in columns, up to 2 GB.")
    )
    mapping = forms.FileField(
        label=_("Saved mapping"), required=False, help_text=_("A JSON file. Without one, the columns are recognised.")
    )

    def clean_mapping(self) -> Any:
        """The document in the file, or None."""
        file = self.cleaned_data["mapping"]
        return read_json(file.read(1_000_000)) if file else None


class DocumentForm(forms.Form):
    """The whole mapping as JSON, for what the page has no field for."""

    document = forms.CharField(
        label=_("Mapping as JSON"), widget=forms.Textarea(attrs={"rows": 14, "spellcheck": "false"})
    )

    def clean_document(self) -> Any:
        return read_json(self.cleaned_data["document"].encode())


def read_json(body: bytes) -> Any:
    """The value, or a sentence about where it is not JSON that can be kept."""
    try:
        return parsed(body)
    except BadJSON as fault:
        where = f"{fault.path}: {fault.message}" if fault.path else fault.message
        raise forms.ValidationError(_("The mapping is not JSON: %(why)s") % {"why": where}) from fault


class PartsForm(forms.Form):
    """Which column is which part of an order or event, how values are written, and for orders the currency."""

    decimal = forms.ChoiceField(label=_("Decimal sign"), choices=DECIMALS, required=False)
    dates = forms.ChoiceField(label=_("Order of dates with /"), choices=DATES, required=False)
    time_zone = forms.ChoiceField(label=_("Time zone of local times"), required=False)

    def __init__(self, data: Any = None, *, kind: str, document: dict[str, Any], columns: tuple[str, ...]) -> None:
        self.kind, self.document = kind, document
        style = document.get("style") or {}
        initial = {"decimal": style.get("decimal", ""), "dates": style.get("dates", "")}
        initial["time_zone"] = style.get("time_zone", settings.FIRM_TIME_ZONE)
        initial |= {name: part_of(document, path) for name, path in PARTS[kind].items()}
        initial["currency"] = document.get("currency", settings.FIRM_CURRENCY)
        super().__init__(data, initial=initial)
        self._add_parts(columns)

    def _add_parts(self, columns: tuple[str, ...]) -> None:
        choices = [("", _("—")), *((column, column) for column in columns)]
        own: dict[str, forms.Field] = {
            name: forms.ChoiceField(label=LABELS[name], choices=choices, required=False) for name in PARTS[self.kind]
        }
        if self.kind == "customers":
            own["number"].label = _("Customers are told apart by")
        if self.kind == "orders":
            own["currency"] = forms.RegexField(r"^[A-Z]{3}$", label=_("Currency"), help_text=_("Three letters: EUR."))
        zones = [(zone, zone) for zone in sorted(available_timezones())]
        self.fields["time_zone"].choices = zones  # type: ignore[attr-defined]
        self.fields = {**own, **self.fields}

    def edited(self) -> dict[str, Any]:
        """The mapping with what was chosen."""
        document = dict(self.document)
        for name, path in PARTS[self.kind].items():
            if self.cleaned_data[name] or part_of(document, path):
                document = edited_part(document, path, self.cleaned_data[name])
        style = {**(document.get("style") or {}), **{name: self.cleaned_data[name] for name in STYLE}}
        document["style"] = {name: value for name, value in style.items() if value}
        if self.kind == "orders":
            document["currency"] = self.cleaned_data["currency"]
        return document


STYLE = ("decimal", "dates", "time_zone")


def choices_from(posted: Any, rows: list[ColumnRow]) -> list[Choice]:
    """What was chosen for each column; a value that is none of the choices counts as left out."""
    targets = {value for _group, pairs in TARGETS for value, _label in pairs}
    return [
        Choice(
            row.column,
            _among(posted.get(f"to_{row.place}"), targets, LEFT_OUT),
            _among(posted.get(f"type_{row.place}"), FieldType.values, row.type),
            _among(posted.get(f"dimension_{row.place}"), Dimension.values, row.dimension),
        )
        for row in rows
    ]


def _among(value: str | None, choices: Any, otherwise: str) -> str:
    return value if value and value in choices else otherwise

"""Everything held about one person, from every floor, to take along: JSON, a CSV per table, the logic that applied."""

import json
import tempfile
import zipfile
from collections.abc import Iterator
from typing import IO, Any

from django.core.serializers.json import DjangoJSONEncoder
from django.db.models import Q

from crm import holdings, note_files, spreadsheets
from crm.addresses import keys_of
from crm.models import Customer, NoteFile, Suppression

NO_DATA = {"id", "merged_into"}


def everything(customer: Customer, *, language: str) -> dict[str, list[dict[str, Any]]]:
    """Plain rows by table: the person, every table of `holdings`, suppressed addresses, the logic that applied."""
    ids = holdings.in_line(customer)
    names = [one.attname for one in Customer._meta.concrete_fields if one.name not in NO_DATA]
    found = {"person": list(Customer.objects.filter(pk__in=ids).order_by("pk").values(*names))}
    for holding in holdings.every():
        if holding.columns:
            found[_name(holding)] = list(holding.rows(ids).values(*holding.columns))
    found["suppressed_addresses"] = list(
        Suppression.objects.filter(_suppressed(customer)).values("channel", "reason", "at")
    )
    found["logic"] = [row for logic in holdings.LOGIC for row in logic(ids, language=language)]
    return found


def _name(holding: holdings.Holding) -> str:
    app, _dot, model = holding.model.lower().partition(".")
    direct = holding.path in ("customer", "object_id") or "__" in holding.path
    return f"{app}_{model}" if direct else f"{app}_{model}_{holding.path}"


def _suppressed(customer: Customer) -> Q:
    return Q(address_key__in=keys_of(customer).values())


def as_json(found: dict[str, list[dict[str, Any]]]) -> str:
    return json.dumps(found, cls=DjangoJSONEncoder, ensure_ascii=False, indent=1)


def archive(customer: Customer, *, language: str) -> IO[bytes]:
    """A zip file, open at its beginning: everything.json, a CSV per table that has rows, and the files of notes."""
    found = everything(customer, language=language)
    file: IO[bytes] = tempfile.TemporaryFile()  # noqa: SIM115 - the caller reads and closes it
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as folder:
        folder.writestr("everything.json", as_json(found))
        for name, rows in found.items():
            if rows:
                folder.writestr(f"{name}.csv", "".join(_lines(rows)))
        for kept in NoteFile.objects.filter(note__customer__in=holdings.in_line(customer), note__deleted_at=None):
            if note_files.is_there(kept):  # what a restore did not bring back is named in everything.json all the same
                folder.write(note_files.path_of(kept), f"files/{kept.pk}-{kept.name}")
    file.seek(0)
    return file


def _lines(rows: list[dict[str, Any]]) -> Iterator[str]:
    cells = ([_cell(value) for value in row.values()] for row in rows)
    return spreadsheets.csv_lines(list(rows[0]), cells)


def _cell(value: Any) -> str:
    if isinstance(value, dict | list):
        return json.dumps(value, cls=DjangoJSONEncoder, ensure_ascii=False)
    return "" if value is None else str(value)

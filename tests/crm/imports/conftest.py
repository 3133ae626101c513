"""What the tests of imports share: a folder of their own, the public data, a way to run a file through."""

import io
import json
from pathlib import Path

import pytest
from django.conf import settings as django_settings
from django.utils import timezone

from crm.imports.runs import check_import, queue_import, run_import, start_import

ROOT = Path(__file__).resolve().parents[3]
MAPPINGS = ROOT / "docs" / "mappings"


@pytest.fixture(autouse=True)
def _own_folder(settings, tmp_path):
    settings.DATA_DIR = tmp_path
    assert tmp_path == django_settings.DATA_DIR


@pytest.fixture
def saved_mapping():
    return lambda name: json.loads((MAPPINGS / f"{name}.json").read_text(encoding="utf-8"))


@pytest.fixture
def begin():
    """Start an import of bytes or of a file, not yet run."""

    def begin(kind, content, mapping, name="file.csv"):
        source = content.open("rb") if isinstance(content, Path) else io.BytesIO(content)
        with source:
            return start_import(kind=kind, file=source, name=name, mapping=mapping, by=None, at=timezone.now())

    return begin


@pytest.fixture
def load(begin):
    """Run bytes or a file through and give the finished import."""

    def load(kind, content, mapping, name="file.csv"):
        run = begin(kind, content, mapping, name)
        queue_import(import_id=run.pk, at=timezone.now())
        return run_import(import_id=run.pk, clock=timezone.now)

    return load


@pytest.fixture
def rehearse(begin):
    """Say what bytes or a file would do."""

    def rehearse(kind, content, mapping, name="file.csv"):
        run = begin(kind, content, mapping, name)
        return check_import(import_id=run.pk, at=timezone.now())

    return rehearse

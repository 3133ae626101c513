"""An import whose process is killed again and again ends like one that was left in peace (reliability: F14)."""

import os
import random
import signal
import sqlite3
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests import houses

ROOT = Path(__file__).resolve().parents[3]
STEP = """
import sys, datetime, django
django.setup()
from django.utils import timezone
from crm.imports import runs
from crm.models import Import
kind, file, mapping, hours = sys.argv[1:]
runs.CHUNK = 150
if not Import.objects.exists():
    import json
    document, now = json.load(open(mapping)), timezone.now()
    with open(file, "rb") as source:
        run = runs.start_import(kind=kind, file=source, name="f.csv", mapping=document, by=None, at=now)
    runs.queue_import(import_id=run.pk, at=now)
late = datetime.timedelta(hours=int(hours))
print("ready", flush=True)
runs.run_import(import_id=1, clock=lambda: timezone.now() + late)
"""
MAPPING = """{"kind": "orders", "number": "order", "currency": "EUR", "customer": "customer", "ordered_at": "at",
"line": {"sku": "sku", "quantity": "pieces", "unit_amount": "price"}}"""
TABLES = {
    "crm_customer": "number, country, created_at, source",
    "crm_product": "sku, name",
    "crm_order": "number, kind, total_amount, ordered_at",
    "crm_orderline": "position, sku, quantity, amount",
    "crm_importproblem": "row, code, message",
    "crm_import": "status, cursor, rows_total, counts",
}


def step(house, files, hours):
    command = [sys.executable, "-c", STEP, "orders", *map(str, files), str(hours)]
    return subprocess.Popen(command, cwd=ROOT, env=house.environment, stdout=subprocess.PIPE, text=True)


def content(house):
    with sqlite3.connect(house.folder / "kohde.sqlite3") as database:
        return {
            table: sorted(database.execute(f"SELECT {columns} FROM {table}"), key=str)
            for table, columns in TABLES.items()
        }


def is_finished(house):
    with sqlite3.connect(house.folder / "kohde.sqlite3") as database:
        return database.execute("SELECT status FROM crm_import").fetchall() == [("finished",)]


@pytest.fixture
def files(tmp_path):
    rng = random.Random(7)
    rows = [
        f"{rng.randrange(1500)},{rng.randrange(300)},2025-0{rng.randrange(1, 10)}-11,S{rng.randrange(80)},"
        f"{rng.randrange(-2, 9)},{rng.randrange(0, 900) / 100}"
        for _ in range(6000)
    ]
    (tmp_path / "orders.csv").write_text("order,customer,at,sku,pieces,price\n" + "\n".join(rows))
    (tmp_path / "mapping.json").write_text(MAPPING)
    return tmp_path / "orders.csv", tmp_path / "mapping.json"


@pytest.mark.slow(40)
def test_an_import_killed_at_random_ends_like_one_left_in_peace(tmp_path, files):
    peaceful, killed = (houses.copy("prepared", tmp_path / name) for name in ("peaceful", "killed"))
    assert step(peaceful, files, 0).wait() == 0
    rng, kills = random.Random(time.time_ns()), 0
    for hours in range(1, 10):
        process = step(killed, files, hours)
        process.stdout.readline()
        if kills < 3:
            time.sleep(rng.uniform(0.02, 0.3))
            os.kill(process.pid, signal.SIGKILL)
        process.wait()
        if is_finished(killed):
            break
        kills += 1
    assert kills, "nothing was killed in the middle"
    assert content(killed) == content(peaceful)

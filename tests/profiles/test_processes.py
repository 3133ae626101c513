"""Real processes and real databases: a killed builder, rows that others write, the same on SQLite and PostgreSQL."""

import json
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests import houses
from tests.conftest import ROOT, TEST_POSTGRES_URL

pytestmark = pytest.mark.slow(40)
FILL = """
from datetime import UTC, datetime, timedelta
from crm.models import AuditLine, Company, ConsentState, Customer, Event, FieldDefinition, Order, OrderLine, Product
at = datetime(2026, 10, 1, 9, 30, tzinfo=UTC)
FieldDefinition.objects.create(key="income", label="Income", type="money", dimension="economic", created_at=at)
FieldDefinition.objects.create(key="hobbies", label="Hobbies", type="list", dimension="social", created_at=at)
firm = Company.objects.create(number="k", name="Firm", industry="retail", created_at=at, updated_at=at)
thing = Product.objects.create(sku="s", name="Thing", category="things", created_at=at)
made = Customer.objects.bulk_create(Customer(
    number=str(n), email=f"c{n}@example.com", city="Äänekoski", birth_date=at.date().replace(year=1960 + n % 40),
    attributes={"income": f"{n}.25", "hobbies": ["a", "b,\\"c\\""]}, company=firm if n % 3 == 0 else None,
    created_at=at - timedelta(days=n), updated_at=at) for n in range(COUNT))
orders = Order.objects.bulk_create(Order(
    source="shop", number=str(n), kind="return" if n % 9 == 0 else "sale", customer=one if n % 5 else None,
    ordered_at=at - timedelta(days=n % 300, seconds=n), channel="web", currency="EUR", total_amount=n,
    created_at=at, updated_at=at) for n, one in enumerate(made))
OrderLine.objects.bulk_create(OrderLine(
    order=one, position=1, product=thing if n % 2 else None, quantity=1 if n % 7 else -2, unit_amount="0.1234",
    amount="0.1234") for n, one in enumerate(orders))
Event.objects.bulk_create(Event(
    source="web", source_id=str(n), type="page" if n % 2 else "cart", customer=one, value=n if n % 3 else None,
    occurred_at=at - timedelta(hours=n), received_at=at, properties={"n": n}) for n, one in enumerate(made))
ConsentState.objects.bulk_create(ConsentState(customer=one, purpose="marketing", channel="email", is_granted=True,
    since_at=at, updated_at=at) for one in made)
AuditLine.objects.create(kind="customer", object_id=made[0].pk, verb="changed", at=at, source="page",
    changes={"city": ["Oulu", "Äänekoski"]})
"""
TABLES = {
    "profile": "*",
    "event": "* exclude (properties), cast(json_extract(properties, '$.n') as int) as n",
    "order_line": "*",
    "consent": "*",
    "reach": "*",
    "field_history": "*",
}
READ = f"""
import hashlib, json
from profiles import queries
def contents():
    answer = {{}}
    for table, columns in {TABLES!r}.items():
        rows = queries.select(f"select {{columns}} from {{table}}").to_pylist()
        answer[table] = [len(rows), hashlib.sha256("\\n".join(sorted(map(repr, rows))).encode()).hexdigest()]
    return answer
"""
TELL = READ + "print(json.dumps(contents()))"
REFRESH = """
from datetime import UTC, datetime, timedelta
from profiles import actions
now = datetime(2026, 11, 1, 12, tzinfo=UTC)
actions.refresh(at=now, full=True)
"""
# Prints the contents, and for few rows and for many: whether a child read them, whether what changed was enough, and
# whether that gave what every row read again gives.
CHANGE = """
from profiles.warehouse import extraction
children, by_child = [], extraction.by_child
extraction.by_child = lambda asked: children.append(asked) or by_child(asked)
told = [contents()]
for room in (10_000, 3):
    extraction.FEW = room
    first, second, *others = Customer.objects.filter(merged_into=None).order_by("id")[:20]
    Event.objects.bulk_create(Event(source=f"later {room}", source_id=str(one.pk), type="page", customer=one,
        occurred_at=now - timedelta(hours=3), received_at=now, properties={"n": 1}) for one in others)
    Customer.objects.filter(pk=second.pk).update(city="Pori", updated_at=now)
    Customer.objects.filter(pk=first.pk).update(merged_into=second, updated_at=now)
    children.clear()
    taken, found, used = actions.refresh(at=now), contents(), len(children)
    actions.refresh(at=now, full=True)
    told.append([used, taken.is_full, found == contents(), found != told[0]])
print(json.dumps(told))
"""
# Somebody writes an event and is slow to commit; meanwhile another one with a higher id is written and taken in.
SLOW = """
import psycopg
slow = psycopg.connect(URL)
slow.execute("insert into crm_event (source, source_id, type, customer_id, anonymous_id, occurred_at, received_at,"
    " channel, category, properties) select 'slow', '1', 'page', min(id), '', %s, %s, '', '', '{}' from crm_customer",
    [now - timedelta(days=9), now - timedelta(days=9)])
Event.objects.create(source="quick", source_id="1", type="page", customer=made[0], occurred_at=now, received_at=now)
def seen():
    rows = queries.select("select source from event where source in ('slow', 'quick') order by 1").to_pylist()
    return [row["source"] for row in rows]
taken = actions.refresh(at=now)
told = [[taken.is_full, seen()]]
slow.commit()
slow.close()
for _ in range(3):
    taken = actions.refresh(at=now)
    told.append([taken.is_full, taken.is_new, seen()])
print(json.dumps(told))
"""


class House:
    """An installation of its own: a data folder, a database, and processes that run code in it."""

    def __init__(self, folder: Path, server: str = "") -> None:
        made = houses.copy("prepared", folder, server)
        self.folder, self.url, self.env = folder, made.url, made.environment

    def start(self, *arguments: str) -> subprocess.Popen:
        command = [sys.executable, "manage.py", *arguments]
        return subprocess.Popen(command, cwd=ROOT, env=self.env, stdout=subprocess.PIPE, text=True)

    def run(self, code: str) -> str:
        process = self.start("shell", "-v0", "-c", code)
        out, _ = process.communicate(timeout=300)
        assert process.returncode == 0
        return out


@pytest.mark.postgres
def test_sqlite_and_postgresql_give_the_same_tables(tmp_path):
    answers = []
    for name, server in (("lite", ""), ("post", TEST_POSTGRES_URL)):
        house = House(tmp_path / name, server)
        told = house.run(FILL.replace("COUNT", "300") + REFRESH + READ + CHANGE)
        answers.append(json.loads(told))
    assert answers[0] == answers[1]
    contents, few, many = answers[0]
    assert contents["profile"][0] == 300
    assert few == [0, False, True, True]
    assert many == [1, False, True, True]


@pytest.mark.postgres
def test_rows_that_somebody_was_slow_to_commit_are_taken_in(tmp_path):
    house = House(tmp_path, TEST_POSTGRES_URL)
    while_open, *after = json.loads(house.run(
        f"URL = {house.url!r}" + FILL.replace("COUNT", "30") + REFRESH + READ + SLOW))  # fmt: skip
    assert while_open == [False, ["quick"]]
    assert after == [[False, True, ["quick", "slow"]], [False, False, ["quick", "slow"]],
                     [False, False, ["quick", "slow"]]]  # fmt: skip


def test_a_killed_builder_leaves_the_last_snapshot_and_the_next_one_sweeps_up(tmp_path):
    house = House(tmp_path)
    before = json.loads(house.run(FILL.replace("COUNT", "1000") + REFRESH + TELL))
    builder = house.start("refresh_profiles", "--full")
    until_building(house.folder / "warehouse")
    builder.send_signal(signal.SIGKILL)
    builder.wait()
    assert list((house.folder / "warehouse").glob("*.building"))
    assert json.loads(house.run(TELL)) == before
    assert json.loads(house.run(REFRESH + TELL)) == before
    assert not list((house.folder / "warehouse").glob("*.building*"))


def until_building(folder: Path) -> None:
    deadline = time.monotonic() + 240
    while not list(folder.glob("*.building")):
        assert time.monotonic() < deadline
        time.sleep(0.01)

"""The periodic part for real: orders come in over the API, worker and timetable bring the ledger in line with them."""

import json
import subprocess
import sys
import time
import urllib.request
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from tests import houses
from tests.config.test_children import wait_for
from tests.config.test_serve import ROOT, free_port, is_live

pytestmark = pytest.mark.slow(120)
SET_UP = """
from datetime import timedelta
from django.utils import timezone
from crm import access, actions, rights
from segments import actions as segment_actions
at, machine = timezone.now(), rights.machine("test")
admin = access.of_user(actions.create_user(username="adele", password="secret-adele", role="admin", by=machine, at=at))
for number in ("1", "2"):
    actions.create_customer(values={"number": number}, by=machine, at=at)
two = {"version": 1, "where": {"event": "order", "op": "at_least", "value": 2}}
segment_actions.create_segment(name="Repeat buyers", rule=two, by=admin, at=at)
scopes = ["orders:write", "segments:read", "segments:write", "customers:read"]
print(actions.issue_key(name="test", scopes=scopes, by=admin, at=at)[1])
"""


class House:
    """A served Kohde of its own, and one key to its API."""

    def __init__(self, folder: Path) -> None:
        self.port = free_port()
        made = houses.copy("prepared", folder)
        self.manage = made.manage
        self.environment = made.environment | {
            "PORT": str(self.port),
            "KOHDE_SEGMENT_REFRESH_MINUTES": "1",
            "KOHDE_MAIL_CATCHER_PORT": str(free_port()),
        }
        self.key = self.manage("shell", "-v0", "-c", SET_UP).strip().splitlines()[-1]

    def serve(self) -> subprocess.Popen[bytes]:
        return subprocess.Popen([sys.executable, str(ROOT / "manage.py"), "serve"], env=self.environment)

    def call(self, path: str, body: Any = None, method: str | None = None) -> Any:
        request = urllib.request.Request(
            f"http://127.0.0.1:{self.port}/api/v1/{path}",
            data=None if body is None else json.dumps(body).encode(),
            headers={"Authorization": f"Bearer {self.key}", "Content-Type": "application/json"},
            method=method,
        )
        with urllib.request.urlopen(request, timeout=60) as answer:
            return json.load(answer)

    def order(self, number: str, customer: str) -> None:
        line = {"sku": "A", "quantity": "1", "unit_amount": "10.00"}
        at = (datetime.now(UTC) - timedelta(minutes=1)).isoformat()
        order = {"source": "shop", "number": number, "customer": customer, "ordered_at": at, "currency": "EUR"}
        self.call("orders/", {**order, "lines": [line]})

    def members(self) -> list[str]:
        segment = self.call("segments/?slug=repeat-buyers")["results"][0]
        return [row["number"] for row in self.call(f"segments/{segment['id']}/members/")["results"]]


@pytest.fixture
def served(tmp_path: Path) -> Any:
    made = House(tmp_path)
    process = made.serve()
    try:
        wait_for(lambda: is_live(made.port), seconds=120)
        yield made
    finally:
        process.terminate()
        process.wait(60)


def test_orders_over_the_api_bring_customers_into_the_segment_within_a_period(served: House) -> None:
    assert served.members() == []
    served.order("1", "1")
    served.order("2", "1")
    deadline = time.monotonic() + 300
    while served.members() != ["1"] and time.monotonic() < deadline:
        time.sleep(2)
    assert served.members() == ["1"]
    ledger = served.manage(
        "shell", "-v0", "-c",
        "from segments.models import Membership; "
        "columns = ('customer__number', 'entered_reason', 'entered_version', 'left_at'); "
        "print(list(Membership.objects.values_list(*columns)))",
    )  # fmt: skip
    assert ledger.strip().splitlines()[-1] == "[('1', 'matched', 1, None)]"

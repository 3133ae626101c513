"""What the main pages cost the server: queries and milliseconds in a small house and in a large one.

Each house is a demo of its own in a folder of its own, filled and measured by child processes.
"""

import json
import os
import subprocess
import sys
import tempfile
import time
from statistics import median
from typing import Any

from config.benchmarks import Size

SMALLER = 100  # the small house has so many times fewer customers
FEWEST = 100
RUNS = 7


def run(size: Size) -> dict[str, Any]:
    """Per page: queries, median milliseconds, and `growth` of these from the small house to the large one."""
    small = max(size.customers // SMALLER, FEWEST)
    before, after = pages_of_a_house(small), pages_of_a_house(size.customers)
    pages = [
        {**after[name], "growth": round(after[name]["median_ms"] / before[name]["median_ms"], 1)} for name in after
    ]
    return {
        "small_customers": small,
        "most_growth": max(page["growth"] for page in pages),
        "queries_grow": any(after[name]["queries"] > before[name]["queries"] for name in after),
        "pages": pages,
    }


def pages_of_a_house(customers: int) -> dict[str, dict[str, Any]]:
    with tempfile.TemporaryDirectory() as folder:
        manage(folder, "manage.py", "migrate", "--verbosity=0")
        manage(folder, "manage.py", "collectstatic", "--noinput", "--verbosity=0")
        manage(folder, "manage.py", "demo_data", f"--customers={customers}", "--json")
        pages = json.loads(manage(folder, "-m", "config.benchmarks.pages"))
    return {page["page"]: page for page in pages}


def manage(folder: str, *words: str) -> str:
    """What a child process says whose whole house lies in the folder."""
    house = {name: value for name, value in os.environ.items() if name not in ("DATABASE_URL", "REDIS_URL")}
    house |= {"KOHDE_DATA_DIR": folder, "DJANGO_SETTINGS_MODULE": "config.settings"}
    return subprocess.run([sys.executable, *words], env=house, stdout=subprocess.PIPE, text=True, check=True).stdout


def addresses() -> dict[str, str]:
    """Page → its address, on the first customer, segment and finished campaign there are."""
    from django.urls import reverse

    from campaigns import queries as campaign_queries
    from crm import queries as crm_queries
    from crm.rights import machine
    from segments import queries as segment_queries

    actor = machine("bench")
    customer = crm_queries.customers(actor).order_by("pk")[0]
    segment = segment_queries.segments(actor).exclude(rule=None).order_by("pk")[0]
    campaign = campaign_queries.campaigns().order_by("pk")[0]
    return {
        "customers": reverse("customers"),
        "customers found": reverse("customers") + "?q=virtanen",
        "customer": reverse("customer", args=[customer.pk]),
        "profile": reverse("customer-profile", args=[customer.pk]),
        "segments": reverse("segments"),
        "segment": reverse("segment", args=[segment.slug]),
        "members": reverse("segment-members", args=[segment.slug]),
        "segment editor": reverse("segment-edit", args=[segment.slug]),
        "campaigns": reverse("campaigns"),
        "campaign": reverse("campaign", args=[campaign.pk]),
        "report": reverse("campaign-report", args=[campaign.pk]),
        "imports": reverse("imports"),
        "data": reverse("data"),
    }


def measure() -> list[dict[str, Any]]:
    from django.test import Client

    from config.demo import story

    browser = Client()
    browser.login(username="adele", password=story.PASSWORD)
    return [measure_page(browser, page, address) for page, address in addresses().items()]


def measure_page(browser: Any, page: str, address: str) -> dict[str, Any]:
    from django.db import connection
    from django.test.utils import CaptureQueriesContext

    seconds = []
    for _ in range(RUNS):
        with CaptureQueriesContext(connection) as asked:
            began = time.perf_counter()
            status = browser.get(address).status_code
            seconds.append(time.perf_counter() - began)
        if status != 200:
            raise RuntimeError(f"{address} answered {status}")
    return {"page": page, "queries": len(asked), "median_ms": round(1000 * median(seconds), 1)}


if __name__ == "__main__":
    import django

    django.setup()
    sys.stdout.write(json.dumps(measure()))

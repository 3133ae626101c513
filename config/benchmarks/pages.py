"""What the pages cost: queries, milliseconds and weight, in a small house and in a large one.

The small house is a demo of its own, the large one the same with every customer many times (config/demo/multiplied.py).
Both are kept in KOHDE_DATA_DIR/bench for the next time, with DATABASE_URL in two databases beside the named one; take
them away to have them built anew. The houses answer in turns, so that a busy machine slows both alike.
"""

import json
import os
import shutil
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from statistics import median, quantiles
from typing import Any
from urllib.parse import urlsplit, urlunsplit

from config.benchmarks import Size

SMALLER = 100  # the small house has so many times fewer customers
FEWEST = 100
RUNS = 20
PATIENCE = 20.0  # seconds for one page in both houses; the dear ones are asked less often, but thrice
FEWEST_RUNS = 3


@dataclass(frozen=True)
class House:
    """A house of its own: where its files and its database are."""

    folder: Path
    database_url: str

    @property
    def environment(self) -> dict[str, str]:
        inherited = {name: value for name, value in os.environ.items() if name not in ("DATABASE_URL", "REDIS_URL")}
        own = {
            "KOHDE_DATA_DIR": str(self.folder),
            "DJANGO_SETTINGS_MODULE": "config.settings",
            "KOHDE_LOG_LEVEL": "ERROR",
        }
        return inherited | own | ({"DATABASE_URL": self.database_url} if self.database_url else {})

    def manage(self, *words: str) -> None:
        subprocess.run([sys.executable, *words], env=self.environment, stdout=subprocess.DEVNULL, check=True)


def run(size: Size) -> dict[str, Any]:
    """Per page: queries, milliseconds by the clock and of the processor, `growth`, weight on first view."""
    small, large = houses(max(size.customers // SMALLER, FEWEST), size.customers)
    measured = compared(small, large)
    return {
        "small_customers": max(size.customers // SMALLER, FEWEST),
        "most_growth": max(page["growth"] for page in measured),
        "most_ms": max(page["median_ms"] for page in measured),
        "most_p99_ms": max(page["p99_ms"] for page in measured),
        "most_kb": max(page["kb"] for page in measured),
        "queries_grow": [page["page"] for page in measured if page["queries"] > page["queries_small"]],
        "pages": measured,
    }


# --- the houses ----------------------------------------------------------------------------------


def houses(few: int, many: int) -> tuple[House, House]:
    """The small house and the large one, built where they are missing, up to date with today's tables."""
    small, large = house(few), house(many)
    if not is_built(small):
        empty(small)
        small.manage("manage.py", "prepare")
        small.manage("manage.py", "demo_data", f"--customers={few}", "--json")
        mark(small).touch()
    if not is_built(large):
        copy(small, large)
        large.manage("-m", "config.demo.multiplied", str(many // few))
        mark(large).touch()
    for one in (small, large):
        one.manage("manage.py", "prepare")
    return small, large


def house(customers: int) -> House:
    from django.conf import settings

    url = os.environ.get("DATABASE_URL", "")
    is_server = url.startswith("postgres")
    folder = settings.DATA_DIR / "bench" / f"{'postgresql' if is_server else 'sqlite'}-{customers}"
    folder.mkdir(parents=True, exist_ok=True)
    parts = urlsplit(url)
    return House(folder, urlunsplit(parts._replace(path=f"{parts.path}_bench_{customers}")) if is_server else "")


def mark(house: House) -> Path:
    """Stands in a house that was built to the end."""
    return house.folder / "built"


def is_built(house: House) -> bool:
    return mark(house).exists() and (not house.database_url or database_name(house) in databases(house))


def empty(house: House) -> None:
    shutil.rmtree(house.folder)
    house.folder.mkdir()
    if house.database_url:
        on_server(house, f'DROP DATABASE IF EXISTS "{database_name(house)}"')
        on_server(house, f'CREATE DATABASE "{database_name(house)}"')


def copy(small: House, large: House) -> None:
    """The files and rows of the small house; its snapshots know nothing of the copies and stay behind."""
    shutil.rmtree(large.folder)
    shutil.copytree(small.folder, large.folder, ignore=shutil.ignore_patterns("built", "warehouse", "demo"))
    if large.database_url:
        on_server(large, f'DROP DATABASE IF EXISTS "{database_name(large)}"')
        on_server(large, f'CREATE DATABASE "{database_name(large)}" TEMPLATE "{database_name(small)}"')


def database_name(house: House) -> str:
    return urlsplit(house.database_url).path.lstrip("/")


def databases(house: House) -> set[str]:
    return {name for (name,) in on_server(house, "SELECT datname FROM pg_database")}


def on_server(house: House, statement: str) -> list[Any]:
    import psycopg

    url = urlunsplit(urlsplit(house.database_url)._replace(path="/postgres"))
    with psycopg.connect(url, autocommit=True) as server:
        asked = server.execute(statement.encode())
        return asked.fetchall() if asked.description else []


# --- measuring -----------------------------------------------------------------------------------


def compared(small: House, large: House) -> list[dict[str, Any]]:
    """Each page in both houses, up to RUNS times in turns; the first round warms up and is not counted."""
    visitors = [visitor(one) for one in (small, large)]
    try:
        pages, _same = (told(one)["pages"] for one in visitors)
        return [figures_of(page, *taken(page, visitors)) for page in pages]
    finally:
        for one in visitors:
            one.kill()
            one.wait()


def visitor(house: House) -> "subprocess.Popen[str]":
    words = [sys.executable, "-m", "config.visits"]
    pipe = subprocess.PIPE
    return subprocess.Popen(words, env=house.environment, stdin=pipe, stdout=pipe, text=True, bufsize=1)


def told(visitor: "subprocess.Popen[str]") -> dict[str, Any]:
    assert visitor.stdout
    answer: dict[str, Any] = json.loads(visitor.stdout.readline() or '{"error": "the visitor died"}')
    if "error" in answer:
        raise RuntimeError(answer["error"])
    return answer


def taken(page: str, visitors: "list[subprocess.Popen[str]]") -> list[list[dict[str, Any]]]:
    rounds: list[list[dict[str, Any]]] = []
    until = time.monotonic() + PATIENCE
    while len(rounds) <= RUNS and (len(rounds) <= FEWEST_RUNS or time.monotonic() < until):
        answers = []
        for one in visitors:
            assert one.stdin
            one.stdin.write(page + "\n")
            answers.append(told(one))
        rounds.append(answers)
    return [list(of_house) for of_house in zip(*rounds[1:], strict=True)]


def figures_of(page: str, small: list[dict[str, Any]], large: list[dict[str, Any]]) -> dict[str, Any]:
    """Growth is that of the medians: of the time by the clock, and of the time this process was at work."""
    ms, cpu = ([median(one[key] for one in runs) for runs in (small, large)] for key in ("ms", "cpu_ms"))
    return {
        "page": page,
        "queries_small": max(one["queries"] for one in small),
        "queries": max(one["queries"] for one in large),
        "median_ms": round(ms[1], 1),
        "p99_ms": round(quantiles([one["ms"] for one in large], n=100, method="inclusive")[-1], 1),
        "cpu_ms": round(cpu[1], 1),
        "growth": round(ms[1] / ms[0], 2),
        "cpu_growth": round(cpu[1] / max(cpu[0], 0.1), 2),
        "kb": round(large[0]["bytes"] / 1000),
    }

"""How fast rules are evaluated and kept up, against the same 48 segments as SQL written by hand for the engine itself.

Evaluation is measured on the engine alone; refresh, snapshot and following in a house of its own on SQLite and, where
one answers, on PostgreSQL (KOHDE_BENCH_POSTGRES_URL), in databases that are taken away again.
"""

import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from statistics import median
from typing import TYPE_CHECKING, Any, Final

from django.conf import settings
from django.test.utils import override_settings

from config import anchor_house
from config.benchmarks import Size
from segments.anchor import measuring
from segments.anchor.measuring import Measured, Together

if TYPE_CHECKING:
    from profiles.models import Snapshot

SHAPE: Final = slice(None, -2)  # the name of a segment without its setting
POSTGRES_URL: Final = os.environ.get("KOHDE_BENCH_POSTGRES_URL", "postgres://postgres@127.0.0.1:5432/postgres")
DATABASE: Final = f"kohde_anchor_{os.getpid()}"


def run(size: Size) -> dict[str, Any]:
    """Evaluation with the first compile included; growth is from a tenth of the size. Then the houses."""
    with written(size) as snapshot:
        found, alone = list(measuring.together(snapshot)), list(measuring.alone(snapshot))
        with written(Size(size.customers // 10, size.events // 10)) as tenth:
            smaller = list(measuring.together(tenth))
        anchor = {anchor_house.ANCHOR: str(Path(settings.WAREHOUSE_DIR) / snapshot.file_name)}
        houses = {**in_a_house(size, "", anchor), **on_postgres(size, median(one.rules[0] for one in found), anchor)}
    return {
        **figures(found),
        "preview_vs_duckdb": round(measuring.preview_vs_anchor(alone), 2),
        "preview_remembered_vs_duckdb": round(median(one.rule_seconds / one.anchor_seconds for one in alone), 2),
        "growth": round(median(one.remembered[0] for one in found) / median(one.remembered[0] for one in smaller), 1),
        **houses,
        "anchor_seconds": round(median(one.anchor[0] for one in found), 3),
        "shapes": shapes(alone),
    }


@contextmanager
def written(size: Size) -> Iterator["Snapshot"]:
    """The anchor's tables of a size, in a folder of their own."""
    with tempfile.TemporaryDirectory() as folder, override_settings(WAREHOUSE_DIR=folder):
        yield measuring.write_snapshot(size.customers, size.events)


def figures(found: Sequence[Together]) -> dict[str, Any]:
    """Medians of the ratios of each turn; of seconds by the clock and, for busy machines, of the processor."""

    def ratio(which: str, clock: int) -> float:
        return round(median(getattr(one, which)[clock] / one.anchor[clock] for one in found), 2)

    return {
        "counts_equal": all(one.counts_equal for one in found),
        "evaluate_seconds": round(median(one.rules[0] for one in found), 3),
        "evaluate_vs_duckdb": ratio("rules", 0),
        "evaluate_vs_duckdb_processor": ratio("rules", 1),
        "evaluate_remembered_vs_duckdb": ratio("remembered", 0),
    }


def shapes(found: Sequence[Measured]) -> list[dict[str, Any]]:
    """Milliseconds of each shape's three settings together, each segment by itself."""
    names = dict.fromkeys(one.name[SHAPE] for one in found)
    return [shape(name, [one for one in found if one.name[SHAPE] == name]) for name in names]


def shape(name: str, found: Sequence[Measured]) -> dict[str, Any]:
    keys = ("anchor_seconds", "rule_seconds", "compile_seconds")
    sums = {key.replace("seconds", "ms"): round(1000 * sum(getattr(one, key) for one in found), 1) for key in keys}
    return {"shape": name, **sums}


# --- houses ----------------------------------------------------------------------------------------------------------


def in_a_house(size: Size, suffix: str, more: dict[str, str]) -> dict[str, Any]:
    """First snapshot, a periodic run after one change in a hundred, and events followed one by one."""
    with house(more) as env:
        filled = anchor_house.run("fill", env=env)
        first = anchor_house.run("first", env=env)
        periodic = anchor_house.run("periodic", env=env)
        live = anchor_house.run("live", size.customers, env=env)
    return {
        f"house_counts_equal{suffix}": first.pop("counts") == filled["counts"],
        f"snapshot_vs_arrow{suffix or '_sqlite'}": round(first["snapshot_vs_arrow"], 2),
        f"refresh_vs_duckdb{suffix}": round(periodic["refresh_vs_anchor"], 2),
        f"refresh_seconds{suffix}": round(periodic["refresh_seconds"], 2),
        f"take_seconds{suffix}": round(periodic["take_seconds"], 2),
        f"peak_memory_mb{suffix}": periodic["peak_memory_mb"],
        f"live_seconds_p50{suffix}": round(live["live_seconds_p50"], 2),
        f"live_seconds_p99{suffix}": round(live["live_seconds_p99"], 2),
        f"live_events_per_second{suffix}": live["events_per_second"],
    }


@contextmanager
def house(more: dict[str, str]) -> Iterator[dict[str, str]]:
    """The environment of a new, empty house in UTC."""
    inherited = {name: value for name, value in os.environ.items() if name not in ("DATABASE_URL", "REDIS_URL")}
    folder = Path(tempfile.mkdtemp(prefix="kohde-anchor-"))
    own = {"KOHDE_DATA_DIR": str(folder), "KOHDE_TIME_ZONE": "UTC", "DJANGO_SETTINGS_MODULE": "config.settings"}
    env = {**inherited, **own, **more}
    try:
        subprocess.run([sys.executable, "manage.py", "migrate", "-v0"], env=env, check=True)
        yield env
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def on_postgres(size: Size, evaluate_seconds: float, anchor: dict[str, str]) -> dict[str, Any]:
    """The same in PostgreSQL, and the SQL by hand in its own tables with the indexes it needs; said when absent."""
    import psycopg

    try:
        server = psycopg.connect(POSTGRES_URL, autocommit=True)
    except psycopg.OperationalError as fault:
        return {"evaluate_vs_postgres": f"absent: {str(fault).strip().splitlines()[0]}"}
    with server:
        server.execute(f'CREATE DATABASE "{DATABASE}"')
    url = POSTGRES_URL.rpartition("/")[0] + f"/{DATABASE}"
    try:
        found = in_a_house(size, "_postgresql", {**anchor, "DATABASE_URL": url})
        with house({**anchor, "DATABASE_URL": url}) as env:
            by_hand = anchor_house.run("postgres", env=env)
    finally:
        with psycopg.connect(POSTGRES_URL, autocommit=True) as again:
            again.execute(f'DROP DATABASE "{DATABASE}" WITH (FORCE)')
    return {
        "evaluate_vs_postgres": round(evaluate_seconds / by_hand["seconds"], 4),
        "postgres_seconds": round(by_hand["seconds"], 1),
        **found,
    }

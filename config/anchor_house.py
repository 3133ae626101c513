"""The anchor's customers as a house of its own: filled, copied into snapshots, refreshed and followed, each measured.

For the benchmark of segments. Every phase is a process with the house's environment and prints its figures as JSON:
`KOHDE_ANCHOR_FILE=… python -m config.anchor_house PHASE [CUSTOMERS]`.
"""

import json
import os
import resource
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from functools import partial
from pathlib import Path
from statistics import median, quantiles
from typing import Any, Final

from config import anchor_rows

ANCHOR: Final = "KOHDE_ANCHOR_FILE"
TABLES: Final = ("crm_customer", "crm_order", "crm_event")
CHANGED: Final = 100  # one row of so many
EVENTS_PER_SECOND: Final = 100
FOLLOWED_SECONDS: Final = 20
RUNS: Final = 3
TURNS: Final = 5  # the first finds nothing in memory, one in five closes the gaps of a snapshot

ANCHOR_TABLES: Final = {
    "customer": "id bigint, birth_date date, gender text, city text, country text, language text, income numeric,"
    " education text, life_stage text, device text, eco_minded boolean, email_consent boolean, created_at timestamp",
    "sorted": "customer_id bigint, type text, ts timestamp, value numeric, category text, channel text",
}
ANCHOR_INDEXES: Final = (
    "CREATE INDEX ON sorted (customer_id, ts)", "CREATE INDEX ON sorted (type, ts)", "CREATE INDEX ON customer (city)",
    "VACUUM ANALYZE customer", "VACUUM ANALYZE sorted",
)  # fmt: skip


def main() -> None:
    import django

    django.setup()
    phase, *sizes = sys.argv[1:]
    print(json.dumps(PHASES[phase](*map(int, sizes))))  # noqa: T201


@contextmanager
def stopwatch() -> Iterator[Callable[[], float]]:
    began = time.perf_counter()
    yield lambda: time.perf_counter() - began


# --- the phases ------------------------------------------------------------------------------------------------------


@contextmanager
def anchor() -> Iterator[Any]:
    """A cursor of the engine on the anchor's own tables, written before anything was measured."""
    from django.test.utils import override_settings

    from profiles import queries as profile_queries

    path = Path(os.environ[ANCHOR])
    with override_settings(WAREHOUSE_DIR=path.parent), profile_queries.cursor_of_file(path.name) as cursor:
        yield cursor


def fill() -> dict[str, Any]:
    """Rows of the database, the fields and the 48 segments; and how many the SQL by hand counts."""
    from segments.anchor import handwritten, measuring

    with anchor() as cursor, stopwatch() as passed:
        anchor_rows.put_all(cursor)
        seconds = passed()
        counts = measuring.counted_by_hand(cursor, handwritten.definitions())
    define(handwritten.AS_OF)
    return {"fill_seconds": seconds, "counts": counts}


def by_hand() -> dict[str, Any]:
    """Seconds of the 48 segments as SQL by hand: the median of some, the first of which finds nothing read yet."""
    from segments.anchor import handwritten, measuring

    with anchor() as cursor:
        counted = partial(measuring.counted_by_hand, cursor, handwritten.definitions())
        return {"seconds": median(measuring.timed(counted)[1][0] for _ in range(RUNS))}


def define(at: datetime) -> None:
    from crm import actions as crm_actions
    from crm.rights import machine
    from segments import actions
    from segments.anchor.rules import anchor_rules

    by = machine("bench")
    for key, kind in anchor_rows.FIELDS.items():
        values = {"key": key, "label": key, "type": kind, "dimension": "economic"}
        crm_actions.define_field(values=values, by=by, at=at)
    for name, rule in anchor_rules().items():
        slug = name.replace("_", "-")
        actions.create_segment(name=name, slug=slug, rule=rule, purpose="analysis", by=by, at=at)


def first() -> dict[str, Any]:
    """The first snapshot, and a bare Arrow read of the same rows by the driver alone, in turns."""
    from profiles import actions as profile_actions
    from segments import actions
    from segments.anchor import handwritten

    bare = run("read")
    with stopwatch() as passed:
        profile_actions.refresh(at=handwritten.AS_OF, full=True)
    seconds = passed()
    bare_seconds = median([bare["seconds"], run("read")["seconds"]])
    found = actions.refresh_segments(at=handwritten.AS_OF)
    counts = {done.slug.replace("-", "_"): done.size for done in found}
    return {
        "snapshot_seconds": seconds,
        "arrow_seconds": bare_seconds,
        "rows": bare["rows"],
        "snapshot_vs_arrow": bare_seconds / seconds,
        "counts": counts,
    }


def read() -> dict[str, Any]:
    """Every column of the three tables as Arrow batches, thrown away."""
    from importlib import import_module

    from profiles.queries import database_address

    address = database_address()
    driver = import_module(f"adbc_driver_{address['vendor']}.dbapi")
    found = 0
    with driver.connect(address["uri"]) as connection, stopwatch() as passed:
        for table in TABLES:
            with connection.cursor() as cursor:
                cursor.execute(f"select * from {table}")
                found += sum(batch.num_rows for batch in cursor.fetch_record_batch())
        return {"rows": found, "seconds": passed()}


def periodic() -> dict[str, Any]:
    """One in a hundred customers and events changed, then the whole run: the median of several, beside the anchor."""
    turns = [periodic_turn(turn) for turn in range(TURNS)]
    found = {key: median(turn[key] for turn in turns) for key in turns[0]}
    child = turns[0]["child_mb"]  # later ones have seen the SQL by hand, which is a child too
    return {**found, "turns": turns, "peak_memory_mb": child + max(turn["own_mb"] for turn in turns)}


def most_mb(who: int) -> int:
    """The most that this process, or any child that ended, has held at once."""
    return resource.getrusage(who).ru_maxrss // 1024


def periodic_turn(turn: int) -> dict[str, float]:
    """Seconds of taking the changes and of all: take, evaluate, difference, ledger; and of the SQL by hand."""
    from profiles import actions as profile_actions
    from segments import actions
    from segments.anchor import handwritten

    at = handwritten.AS_OF + timedelta(minutes=6 * (turn + 1))
    change(at - timedelta(minutes=1), 3 + turn)
    with stopwatch() as passed:
        taken = profile_actions.refresh(at=at)
        taken_seconds = passed()
        found = actions.refresh_segments(at=at)
        seconds = passed()
    own, child = most_mb(resource.RUSAGE_SELF), most_mb(resource.RUSAGE_CHILDREN)
    return {
        "refresh_seconds": seconds,
        "refresh_vs_anchor": seconds / run("by_hand")["seconds"],
        "own_mb": own,
        "child_mb": child,
        "take_seconds": taken_seconds,
        "is_full": taken.is_full,
        "segments": len(found),
        "moved": sum(done.entered + done.left for done in found),
    }


def change(at: datetime, which: int) -> None:
    """New events and orders of one row in a hundred, moved to the last day; as many customers move house."""
    from django.db import connection

    yesterday = f"{at - timedelta(days=1):%Y-%m-%d %H:%M:%S}"
    now = f"{at:%Y-%m-%d %H:%M:%S}"
    text = f"CAST(id AS {'text' if connection.vendor == 'postgresql' else 'TEXT'}) || '-{which}'"
    chosen = f"id % {CHANGED} = {which} AND source = 'anchor'"
    statements = (
        f"UPDATE crm_customer SET city = 'Helsinki', updated_at = '{now}' WHERE id % {CHANGED} = {which}",
        "INSERT INTO crm_event (source, source_id, type, customer_id, anonymous_id, occurred_at, received_at, channel,"
        f" category, properties) SELECT 'again', {text}, type, customer_id, '', '{yesterday}', '{now}', channel,"
        f" category, properties FROM crm_event WHERE {chosen}",
        "INSERT INTO crm_order (source, number, kind, customer_id, ordered_at, channel, currency, total_amount,"
        f" country, created_at, updated_at) SELECT 'again', {text}, kind, customer_id, '{yesterday}', channel,"
        f" currency, total_amount, country, '{now}', '{now}' FROM crm_order WHERE {chosen}",
    )
    with connection.cursor() as cursor:
        for statement in statements:
            cursor.execute(statement)


def live(customers: int) -> dict[str, Any]:
    """Events at a steady rate, each from a customer of its own, while another process follows them."""
    from django.utils import timezone

    from crm import actions as crm_actions
    from crm.rights import machine

    by, kinds, found = machine("bench"), ("page", "cart", "email_open"), dict[str, Any]()
    follower = threading.Thread(target=lambda: found.update(run("follow")))
    follower.start()
    time.sleep(3)  # until it has started
    began = time.perf_counter()
    for n in range(EVENTS_PER_SECOND * FOLLOWED_SECONDS):
        time.sleep(max(0, began + n / EVENTS_PER_SECOND - time.perf_counter()))
        at = timezone.now()
        source_id, who = f"live-{at.timestamp()}-{n}", 1 + n * 7919 % customers
        event = crm_actions.NewEvent("bench", source_id, kinds[n % 3], at, who, category="yoga")
        crm_actions.record_events([event], by=by, at=at)
    sent = FOLLOWED_SECONDS * EVENTS_PER_SECOND / (time.perf_counter() - began)
    follower.join()
    return {**found, "events_per_second": round(sent)}


def postgres() -> dict[str, Any]:
    """The SQL by hand in PostgreSQL: its own tables, three indexes, vacuumed."""
    from django.db import connection

    from segments.anchor import handwritten, measuring

    with anchor() as engine, connection.cursor() as server:
        for table, columns in ANCHOR_TABLES.items():
            names = ", ".join(column.split()[0] for column in columns.split(", "))
            server.execute(f"CREATE TABLE {table} ({columns})")
            anchor_rows.by_copy(engine, f"select {names} from {table}", table, names)
        for statement in ANCHOR_INDEXES:
            server.execute(statement)
        with stopwatch() as passed:
            measuring.counted_by_hand(server, handwritten.definitions())
            return {"seconds": passed()}


def follow() -> dict[str, Any]:
    """Seconds from an event's being accepted to its customer's memberships being visible."""
    from django.utils import timezone

    from segments import actions

    waited, until = [], time.perf_counter() + FOLLOWED_SECONDS + 12
    while time.perf_counter() < until:
        for done in actions.follow_customers(clock=timezone.now):
            now = timezone.now()
            waited += [(now - touched).total_seconds() for touched in done.touched_at]
        time.sleep(0.05)
    cuts = quantiles(waited, n=100) if len(waited) > 1 else [0.0] * 99
    return {"live_seconds_p50": cuts[49], "live_seconds_p99": cuts[98], "live_events": len(waited)}


def run(phase: str, *sizes: int, env: dict[str, str] | None = None) -> dict[str, Any]:
    """A phase in a process of its own; its figures are said at once, since the whole takes long. Raises
    CalledProcessError."""
    words = [sys.executable, "-m", "config.anchor_house", phase, *map(str, sizes)]
    said = subprocess.run(words, stdout=subprocess.PIPE, text=True, env=env, check=True).stdout.splitlines()[-1]
    sys.stderr.write(f"{phase} {said}\n")
    return dict(json.loads(said))


PHASES: Final[dict[str, Callable[..., dict[str, Any]]]] = {
    "fill": fill, "first": first, "read": read, "periodic": periodic, "live": live, "follow": follow,
    "by_hand": by_hand, "postgres": postgres,
}  # fmt: skip

if __name__ == "__main__":
    main()

"""The anchor's customers as a house of its own: filled, copied into snapshots, refreshed and followed, each measured.

For the benchmark of segments. Every phase is a process with the house's environment and prints its figures as JSON:
`python -m config.anchor_house PHASE [CUSTOMERS EVENTS]`.
"""

import json
import resource
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from statistics import median, quantiles
from typing import Any, Final

FIELDS: Final = {
    "income": "money", "education": "text", "life_stage": "text", "device": "text", "eco_minded": "truth",
    "email_consent": "truth",
}  # fmt: skip
ATTRIBUTES: Final = "json_object({}) ".format(", ".join(f"'{key}', {key}" for key in FIELDS))
TABLES: Final = ("crm_customer", "crm_order", "crm_event")
ROWS_AT_ONCE: Final = 50_000
CHANGED: Final = 100  # one row of so many
EVENTS_PER_SECOND: Final = 100
FOLLOWED_SECONDS: Final = 20
RUNS: Final = 3

ANCHOR_TABLES: Final = {
    "customer": "id bigint, birth_date date, gender text, city text, country text, language text, income numeric,"
    " education text, life_stage text, device text, eco_minded boolean, email_consent boolean, created_at timestamp",
    "sorted": "customer_id bigint, type text, ts timestamp, value numeric, category text, channel text",
}
ANCHOR_INDEXES: Final = (
    "CREATE INDEX ON sorted (customer_id, ts)", "CREATE INDEX ON sorted (type, ts)", "CREATE INDEX ON customer (city)",
    "VACUUM ANALYZE customer", "VACUUM ANALYZE sorted",
)  # fmt: skip

# Columns of each table and the anchor's rows for them.
ROWS: Final = {
    "crm_customer": (
        "id, number, first_name, last_name, email, phone, language, time_zone, birth_date, gender, street, postal_code,"
        " city, country, stage, attributes, source, is_test, created_at, updated_at",
        f"""select id, id::varchar, '', '', email, '', language, '', birth_date::varchar, gender, '', '', city,
            country, 'prospect', {ATTRIBUTES}::varchar, 'anchor', false, created_at::varchar, created_at::varchar
            from customer""",
    ),
    "crm_order": (
        "id, source, number, kind, customer_id, ordered_at, channel, currency, total_amount, country, created_at,"
        " updated_at",
        """select id, 'anchor', id::varchar, 'sale', customer_id, ts::varchar, channel, 'EUR', value::varchar, '',
            ts::varchar, ts::varchar from sorted where type = 'order'""",
    ),
    "crm_event": (
        "id, source, source_id, type, customer_id, anonymous_id, occurred_at, received_at, value, channel, category,"
        " properties",
        """select id, 'anchor', id::varchar, type::varchar, customer_id, '', ts::varchar, ts::varchar, null, channel,
            category, '{}' from sorted where type <> 'order'""",
    ),
}


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


def fill(customers: int, events: int) -> dict[str, Any]:
    """Rows of the database, the fields and the 48 segments; and what the SQL by hand takes and counts."""
    from django.conf import settings
    from django.test.utils import override_settings

    from profiles import queries as profile_queries
    from segments.anchor import handwritten, measuring

    with override_settings(WAREHOUSE_DIR=settings.DATA_DIR / "anchor"):
        snapshot = measuring.write_snapshot(customers, events)
        with profile_queries.cursor(snapshot) as cursor:
            for table, (columns, rows) in ROWS.items():
                put(table, columns, cursor.execute(rows))
            seconds, counts = [], {}
            for _ in range(RUNS):
                with stopwatch() as passed:
                    counts = measuring.counted_by_hand(cursor, handwritten.definitions())
                seconds.append(passed())
    define(handwritten.AS_OF)
    return {"anchor_seconds": median(seconds), "counts": counts}


def put(table: str, columns: str, rows: Any) -> None:
    """All rows into one table, past the models: COPY on PostgreSQL, else one prepared INSERT."""
    from django.db import connection, transaction

    with transaction.atomic(), connection.cursor() as cursor:
        while some := rows.fetchmany(ROWS_AT_ONCE):
            if connection.vendor == "postgresql":
                with cursor.copy(f"COPY {table} ({columns}) FROM STDIN") as copy:
                    for row in some:
                        copy.write_row(row)
            else:
                places = ", ".join(["%s"] * len(some[0]))
                cursor.executemany(f"INSERT INTO {table} ({columns}) VALUES ({places})", some)
    if connection.vendor == "postgresql":
        with connection.cursor() as cursor:
            last = f"(SELECT max(id) FROM {table})"
            cursor.execute(f"SELECT setval(pg_get_serial_sequence('{table}', 'id'), {last})")
            cursor.execute(f"VACUUM ANALYZE {table}")


def define(at: datetime) -> None:
    from crm import actions as crm_actions
    from crm.rights import machine
    from segments import actions
    from segments.anchor.rules import anchor_rules

    by = machine("bench")
    for key, kind in FIELDS.items():
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
    """One in a hundred customers and events changed; then the whole run: take, evaluate, difference, ledger."""
    from profiles import actions as profile_actions
    from segments import actions
    from segments.anchor import handwritten

    at = handwritten.AS_OF + timedelta(minutes=6)
    change(at - timedelta(minutes=1))
    with stopwatch() as passed:
        taken = profile_actions.refresh(at=at)
        taken_seconds = passed()
        found = actions.refresh_segments(at=at)
        seconds = passed()
    used = [resource.getrusage(who).ru_maxrss // 1024 for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return {
        "refresh_seconds": seconds,
        "take_seconds": taken_seconds,
        "is_full": taken.is_full,
        "segments": len(found),
        "moved": sum(done.entered + done.left for done in found),
        "peak_memory_mb": sum(used),
    }


def change(at: datetime) -> None:
    """New events and orders of one row in a hundred, moved to the last day; as many customers move house."""
    from django.db import connection

    yesterday = f"{at - timedelta(days=1):%Y-%m-%d %H:%M:%S}"
    now = f"{at:%Y-%m-%d %H:%M:%S}"
    text = "CAST(id + 100000000 AS {})".format("text" if connection.vendor == "postgresql" else "TEXT")
    statements = (
        f"UPDATE crm_customer SET city = 'Helsinki', updated_at = '{now}' WHERE id % {CHANGED} = 7",
        "INSERT INTO crm_event (source, source_id, type, customer_id, anonymous_id, occurred_at, received_at, channel,"
        f" category, properties) SELECT source, {text}, type, customer_id, '', '{yesterday}', '{now}', channel,"
        f" category, properties FROM crm_event WHERE id % {CHANGED} = 3",
        "INSERT INTO crm_order (source, number, kind, customer_id, ordered_at, channel, currency, total_amount,"
        f" country, created_at, updated_at) SELECT source, {text}, kind, customer_id, '{yesterday}', channel, currency,"
        f" total_amount, country, '{now}', '{now}' FROM crm_order WHERE id % {CHANGED} = 3",
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


def postgres(customers: int, events: int) -> dict[str, Any]:
    """The SQL by hand in PostgreSQL: its own tables, three indexes, vacuumed."""
    from django.conf import settings
    from django.db import connection
    from django.test.utils import override_settings

    from profiles import queries as profile_queries
    from segments.anchor import handwritten, measuring

    with override_settings(WAREHOUSE_DIR=settings.DATA_DIR / "anchor"):
        snapshot = measuring.write_snapshot(customers, events)
        with profile_queries.cursor(snapshot) as cursor, connection.cursor() as server:
            for table, columns in ANCHOR_TABLES.items():
                names = ", ".join(column.split()[0] for column in columns.split(", "))
                server.execute(f"CREATE TABLE {table} ({columns})")
                rows = cursor.execute(f"select columns(*)::varchar from (select {names} from {table})")
                with server.copy(f"COPY {table} ({names}) FROM STDIN") as copy:
                    while some := rows.fetchmany(ROWS_AT_ONCE):
                        for row in some:
                            copy.write_row(row)
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
    """A phase in a process of its own. Raises CalledProcessError."""
    words = [sys.executable, "-m", "config.anchor_house", phase, *map(str, sizes)]
    said = subprocess.run(words, stdout=subprocess.PIPE, text=True, env=env, check=True).stdout
    return dict(json.loads(said.splitlines()[-1]))


PHASES: Final[dict[str, Callable[..., dict[str, Any]]]] = {
    "fill": fill, "first": first, "read": read, "periodic": periodic, "live": live, "follow": follow,
    "postgres": postgres,
}  # fmt: skip

if __name__ == "__main__":
    main()

"""What `manage.py bench campaigns` measures: sealing, sending and answering against bare counterparts, and the report.

Measured in a process and a database of its own; with DATABASE_URL on that PostgreSQL server, else on SQLite.
"""

import argparse
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

MOST_MESSAGES, REQUESTS = 2_000, 400
MOST_SECONDS = 30  # for each measurement of sending


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("customers", type=int)
    asked = parser.parse_args()
    from chaos.stage import free_ports, kill, own_database, prepare

    with tempfile.TemporaryDirectory(prefix="kohde-bench-") as folder, own_database(folder):
        (port,) = free_ports(1)
        os.environ["EMAIL_URL"] = f"smtp://127.0.0.1:{port}"
        prepare()
        sink = fast_sink(port)
        try:
            time.sleep(1)
            count = min(asked.customers // 5, MOST_MESSAGES)
            figures: dict[str, Any] = {
                "database": database(),
                "sink": next(Path(word).name for word in map(str, sink.args) if "sink" in word),
            }
            for measure in (lambda: sealing(asked.customers), lambda: sending(count), answering, reporting):
                figures |= measure()
                sys.stderr.write(f"{json.dumps(figures)}\n")
        finally:
            kill(sink)
    sys.stdout.write(json.dumps(figures))


def fast_sink(port: int) -> "subprocess.Popen[bytes]":
    """Postfix's smtp-sink where it is installed; else our own, which takes more of the processor."""
    from chaos.stage import start

    found = shutil.which("smtp-sink", path=f"{os.environ.get('PATH', '')}:/usr/sbin")
    if not found:
        return start("chaos.fastsink", "--port", str(port))
    whose = ["-u", "nobody"] if os.geteuid() == 0 else []
    return subprocess.Popen([found, *whose, f"127.0.0.1:{port}", "100"], start_new_session=True)


def database() -> str:
    """The engine that was measured."""
    from django.db import connection

    return connection.vendor


def sealing(customers: int) -> dict[str, Any]:
    """Seconds to seal everyone in 20 segments ÷ to copy the same rows in one statement, all indexes in place."""
    from django.utils import timezone

    from campaigns import actions, sealing
    from chaos import crowd
    from crm import rights

    segments = crowd.people(customers)
    crowd.orders()
    campaign = actions.create_campaign(
        name="Bench",
        include=segments,
        variants=[{"key": key, "subject": "Hello", "html": LETTER} for key in "AB"],
        holdout_share="0.1",
        goal="revenue",
        by=rights.machine("bench"),
        at=timezone.now(),
    )
    launched = actions.launch(campaign, by=rights.machine("bench"), at=timezone.now())
    seconds = timed(lambda: sealing.seal(launched.pk, at=timezone.now()))
    bare = timed(lambda: copy_messages(launched.pk))
    return {"seal_per_second": round(customers / seconds), "seal_vs_insert": round(seconds / bare, 2)}


def copy_messages(run_id: int) -> None:
    """The bare statement: every row of the run again, under another run that is thrown away."""
    from django.db import connection, transaction

    from campaigns.models import Message, Run

    run = Run.objects.get(pk=run_id)
    run.pk, run.occurrence_key, run.rolls_out_id = None, "copy", run_id  # so that no report is about it
    run.save()
    names = [field.column for field in Message._meta.fields if field.column not in ("id", "run_id")]
    columns = ", ".join(names)
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(
            f"INSERT INTO campaigns_message (run_id, {columns}) SELECT %s, {columns} FROM campaigns_message"
            " WHERE run_id = %s",
            [run.pk, run_id],
        )


def sending(count: int) -> dict[str, Any]:
    """Messages per second of one worker process, and of two, against a bare loop over one connection."""
    from campaigns.models import Run

    run_id = Run.objects.order_by("pk").values_list("pk", flat=True)[0]
    bare = count / timed(lambda: bare_loop(count))
    one, two = (rate_of(run_id, count, processes) for processes in (1, 2))
    return {
        "send_per_second": round(one),
        "bare_per_second": round(bare),
        "send_vs_bare": round(one / bare, 2),
        "send_two_vs_one": round(two / one, 2),
    }


def rate_of(run_id: int, count: int, processes: int) -> float:
    """Messages per second between the first and the last hand-over of these workers."""
    from campaigns.models import Message
    from chaos.stage import Fork, kill
    from chaos.worker import work

    sent = Message.objects.filter(run=run_id, state="sent")
    before = sent.count()
    workers = [Fork(partial(work, run_id, size=200)) for _ in range(processes)]
    try:
        wait_for(lambda: sent.count() >= before + count // 10)
        first, began = sent.count(), time.perf_counter()
        wait_for(lambda: sent.count() >= first + count)
        return (sent.count() - first) / (time.perf_counter() - began)
    finally:
        for worker in workers:
            kill(worker)


def wait_for(holds: Callable[[], bool]) -> None:
    """Until it holds, or the time for one measurement is up."""
    latest = time.perf_counter() + MOST_SECONDS
    while not holds() and time.perf_counter() < latest:
        time.sleep(0.1)


def bare_loop(count: int) -> None:
    """Build the same message with Django's classes and send it, over one connection, nothing else."""
    from django.core.mail import EmailMultiAlternatives, get_connection

    backend = get_connection()
    backend.open()
    for number in range(count):
        mail = EmailMultiAlternatives("Hello", LETTER_TEXT, "a@b.example", [f"ok-{number}@mail.example"])
        mail.attach_alternative(LETTER, "text/html")
        backend.send_messages([mail])
    backend.close()


def answering() -> dict[str, Any]:
    """Opens answered and kept per second ÷ an empty view's, both through the whole of Django in this process."""
    from django.test import Client

    from campaigns.content import addresses
    from campaigns.models import Message, Response
    from chaos import firm
    from crm.models import ConsentState

    messages = list(Message.objects.filter(state="sent")[:REQUESTS])
    said = {"purpose": "tracking", "channel": "email", "is_granted": True, "since_at": firm.AT, "updated_at": firm.AT}
    ConsentState.objects.bulk_create([ConsentState(customer_id=one.customer_id, **said) for one in messages])
    paths = [f"/o/{addresses.token(message, addresses.OPEN)}.gif" for message in messages]
    client = Client(headers={"User-Agent": "Mozilla/5.0 (X11; Linux x86_64; rv:132.0) Gecko/20100101 Firefox/132.0"})
    client.get(paths[0])
    opens = timed(lambda: [client.get(path) for path in paths])
    empty = timed(lambda: [client.get("/live") for _ in paths])
    if Response.objects.filter(kind="open").count() < len(paths):
        raise RuntimeError("opens were answered and not kept")
    return {"opens_per_second": round(REQUESTS / opens), "endpoint_vs_empty": round(empty / opens, 2)}


def reporting() -> dict[str, Any]:
    """Seconds of a first report: everybody was sent to and answered five times, nothing is kept from before."""
    from django.core.cache import caches

    from campaigns import queries
    from campaigns.models import Run
    from chaos import crowd

    run = Run.objects.select_related("campaign").earliest("pk")
    crowd.responses(run.pk)
    caches["answers"].clear()
    return {"report_seconds": round(timed(lambda: queries.results(run.campaign)), 2)}


def timed(work: Callable[[], object]) -> float:
    began = time.perf_counter()
    work()
    return time.perf_counter() - began


PARAGRAPH = "<p style='margin:0 0 16px'>The new range is here, warm, light and made to last for many winters.</p>"
LETTER = f"""<html><body><p>Hello {{{{ customer.first_name }}}} of {{{{ customer.city }}}}</p>{PARAGRAPH * 120}
<p><a href='https://shop.example/new'>See it</a></p></body></html>"""
LETTER_TEXT = "Hello, the new range is here, warm and made to last.\n" * 110

if __name__ == "__main__":
    main()

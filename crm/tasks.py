"""Background work of the lowest floor: ids in, one action, safe to run twice."""

import contextlib
import logging

from celery import shared_task
from django.conf import settings
from django.db import transaction
from django.utils import timezone
from django.utils.module_loading import import_string
from kombu.exceptions import OperationalError

from crm import actions, duplicates, erasures, hooks
from crm.actions.merging import forget_merges
from crm.actions.two_factor import forget_visits
from crm.imports.door import carry_on_import
from crm.imports.forgetting import forget_files
from crm.imports.runs import ImportNotPossible, due_imports
from crm.reminders import remind as send_reminders
from crm.rest.idempotency import forget_answers

log = logging.getLogger(__name__)


@shared_task
def run_import(import_id: int) -> None:
    """Check, run or undo the import, whichever it waits for. Nothing when another worker has it."""
    with contextlib.suppress(ImportNotPossible):
        carry_on_import(import_id=import_id, clock=timezone.now)


@shared_task
def sweep_imports() -> None:
    """Take up imports that wait or whose worker has gone silent, one after the other."""
    for import_id in list(due_imports(timezone.now()).values_list("pk", flat=True)):
        try:
            run_import(import_id)
        except Exception:
            log.exception("import %s", import_id)


@shared_task
def gather_words() -> None:
    """Learn the names of customers and companies that changed, so that search forgives typing errors in them."""
    actions.gather_words(at=timezone.now())


@shared_task
def remind() -> None:
    """Send the reminders of tasks that are due."""
    send_reminders(at=timezone.now())


@shared_task
def tell_news() -> None:
    """Write down what is new to anybody, and mail what is to be mailed."""
    now = timezone.now()
    actions.tell(at=now)
    actions.mail_news(at=now)


@shared_task
def call_hooks() -> None:
    """Tell the webhooks what is due."""
    hooks.deliver(at=timezone.now())


@shared_task
def forget() -> None:
    """Let go of what was kept for a while only: answers to repeat, files of imports long ended, sign-ins, and names
    nobody bears any more."""
    now = timezone.now()
    forget_answers(at=now)
    forget_files(at=now)
    forget_merges(at=now)
    actions.forget_notes(at=now)
    actions.forget_news(at=now)
    hooks.forget(at=now)
    erasures.keep()
    forget_visits(at=now)
    actions.forget_words()


@shared_task
def find_duplicates() -> None:
    """Look over all customers for pairs that may be one person."""
    duplicates.find(at=timezone.now())


def poke_duplicates() -> None:
    """Ask a worker to look now; a lost poke costs a day."""
    with contextlib.suppress(OperationalError):
        find_duplicates.delay()


def poke_import(import_id: int) -> None:
    """Ask a worker to look at the import once the transaction is through; a lost poke costs a minute."""

    def poke() -> None:
        with contextlib.suppress(OperationalError):
            run_import.delay(import_id)

    transaction.on_commit(poke)


def poke_followers() -> None:
    """Ask workers to look at the customers that changed; the tasks of upper floors are known by name. A lost poke costs
    a minute."""
    with contextlib.suppress(OperationalError):
        for task in settings.FOLLOWERS:
            import_string(task).apply_async(retry=False)

"""read_bounces MAILBOX…: what came back by mail: a file of mails (mbox), a Maildir, or one mail on standard input."""

import json
import mailbox
import sys
from argparse import ArgumentParser
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.utils import timezone
from tqdm import tqdm

from campaigns.delivery import returned


class Command(BaseCommand):
    help = "Read delivery reports and complaints; each has its effect once, however often it is read."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("mailboxes", nargs="+", help="mbox files, Maildir folders, or - for one mail on stdin")
        parser.add_argument("--json", action="store_true", help="print the counts as JSON")

    def handle(self, *, mailboxes: list[str], **options: Any) -> None:
        now, is_quiet = timezone.now(), options["json"]
        mails = (mail for name in mailboxes for mail in mails_in(name))
        kinds = Counter(returned.take(mail, at=now) for mail in tqdm(mails, disable=is_quiet or None, unit=" mails"))
        if options["json"]:
            self.stdout.write(json.dumps(kinds))
            return
        self.stdout.write(", ".join(f"{kind} {count}" for kind, count in sorted(kinds.items())) or "no mail")


def mails_in(name: str) -> Iterator[bytes]:
    """The mails of a mailbox, one after the other; it is left as it is."""
    if name == "-":
        yield sys.stdin.buffer.read()
        return
    path = Path(name)
    if not path.exists():
        raise CommandError(f"There is no mailbox {name}.")
    box: Any = mailbox.Maildir(name, create=False) if path.is_dir() else mailbox.mbox(name, create=False)
    for key in list(box.iterkeys()):
        yield box.get_bytes(key)

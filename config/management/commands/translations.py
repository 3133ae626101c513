"""Collects the strings to translate and compiles their catalogues."""

from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from config import translations


class Command(BaseCommand):
    help = "Collect the translatable strings of every floor into its locale folder and compile them."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument(
            "--check", action="store_true", help="Change nothing; fail when one is missing or two contradict."
        )

    def handle(self, *, check: bool, **options: Any) -> None:
        if not check:
            translations.collect()
            translations.compile_all()
        gaps = translations.missing()
        for gap in gaps:
            self.stdout.write(gap)
        if check and gaps:
            raise CommandError(f"{len(gaps)} strings have no Finnish translation.")
        self.stdout.write(f"{len(gaps)} strings have no Finnish translation.")
        if check and (torn := translations.contradictory()):
            raise CommandError("Translated in two ways; give one of them a context:\n" + "\n".join(torn))

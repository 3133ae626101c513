"""Take segments from a file of definitions, or say in words and in people what it would change."""

import json
from argparse import ArgumentParser
from dataclasses import asdict
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.utils import timezone

from crm.refusals import ManyRefused, Refused
from crm.rights import machine
from segments import actions, definitions, transfers, wording
from segments.transfers import SAME, Plan, Step


class Command(BaseCommand):
    help = "Make and change segments as a file of definitions says; segments it does not name stay as they are."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("file", type=Path, help="JSON, as export_segments writes it")
        parser.add_argument("--dry-run", action="store_true", help="only say what would change")
        parser.add_argument("--json", action="store_true", help="print JSON")

    def handle(self, *, file: Path, dry_run: bool, json: bool, **options: Any) -> None:
        actor, at = machine("command"), timezone.now()
        try:
            found = definitions.read_text(file.read_bytes(), reserved=actions.RESERVED)
            plan = transfers.plan(found, by=actor, at=at)
            if not dry_run and not plan.is_empty:
                transfers.import_segments(found, file_name=file.name, mark=plan.mark, by=actor, at=at)
        except OSError as fault:
            raise CommandError(f"{file}: {fault.strerror or fault}") from fault
        except Refused as fault:
            raise CommandError("\n".join(_faults(file, fault))) from fault
        self.stdout.write(_as_json(plan) if json else _as_lines(plan, is_dry=dry_run))


def _faults(file: Path, fault: Refused) -> list[str]:
    faults = fault.faults if isinstance(fault, ManyRefused) else [fault]
    hints = [f"; choose one of: {', '.join(one.choices)}" if one.choices else "" for one in faults]
    return [f"{file}: {one.path or '$'}: {one.message}{hint}" for one, hint in zip(faults, hints, strict=True)]


def _as_json(plan: Plan) -> str:
    return json.dumps([asdict(step) for step in plan.steps], ensure_ascii=False, default=str)


def _as_lines(plan: Plan, *, is_dry: bool) -> str:
    lines = [line for step in plan.steps if step.verb != SAME for line in _lines(step)]
    ending = "Nothing was changed: a dry run." if is_dry else ""
    return "\n".join(filter(None, [wording.planned(plan), *lines, ending]))


def _lines(step: Step) -> list[str]:
    people = step.reason or (wording.people_moving(step.entering, step.leaving) if step.size is not None else "")
    found = [f"{step.slug} ({step.verb}){f': {people}' if people else ''}"]
    found += [f"  {one.name}: {one.before} → {one.after}" for one in step.settings]
    if step.changes:
        found += [f"  - {said}" for said in step.changes.removed] + [f"  + {said}" for said in step.changes.added]
    return found if step.changes or not step.sentence else [*found, f"  {step.sentence}"]

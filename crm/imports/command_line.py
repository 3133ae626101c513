"""Imports at the command line: a progress bar and a few lines for people, JSON for machines, one line per fault."""

import json
from argparse import ArgumentParser
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management.base import CommandError, OutputWrapper
from django.utils import timezone
from tqdm import tqdm

from crm.imports.files import FileError
from crm.imports.mapping import MappingError
from crm.imports.runs import ImportNotPossible, Progress, check_import, queue_import, run_import, start_import
from crm.imports.suggestion import preview, suggested
from crm.imports.undo import undo_import
from crm.models import Import, ImportProblem
from crm.models.imports import ImportStatus

SHOWN = 20


@dataclass(frozen=True)
class Answer:
    """What the command says: `report` for machines; people read the same, line by line."""

    report: dict[str, Any]
    lines: list[str]


def add_arguments(parser: ArgumentParser) -> None:
    """The arguments of every import command."""
    parser.add_argument("file", help="CSV (also gzipped), blank-separated, fixed-width or .xlsx file")
    parser.add_argument(
        "--mapping", help="JSON file that says how columns become fields; without it they are recognised"
    )
    parser.add_argument("--print-mapping", action="store_true", help="print the recognised mapping and import nothing")
    parser.add_argument("--dry-run", action="store_true", help="say what would happen and change nothing")
    parser.add_argument("--json", action="store_true", help="answer in JSON, without a progress bar")


def carry_out(kind: str, options: dict[str, Any], out: OutputWrapper) -> None:
    """Import the file named in the options, or say what importing it would do."""
    file, mapping = Path(options["file"]), options["mapping"]
    with one_line_faults():
        document = _document(Path(mapping)) if mapping else _recognised(kind, file)
        if options["print_mapping"]:
            out.write(json.dumps(document, ensure_ascii=False, indent=2))
            return
        run = _start(kind, file, document)
        answer = (_rehearse if options["dry_run"] else _run)(run, not options["json"])
    tell(answer, options["json"], out)
    if answer.report["status"] == ImportStatus.FAILED:
        raise CommandError(answer.report["error"])


def carry_out_undo(import_id: int, is_json: bool, out: OutputWrapper) -> None:
    """Undo an import and say what was restored, deleted and kept."""
    with one_line_faults(), _bar(not is_json) as progress:
        run = undo_import(import_id=import_id, by=None, clock=timezone.now, progress=progress)
    counts = {name: count for name, count in run.undo.items() if name not in ("up_to", "by")}
    lines = [f"Import {run.pk} undone: " + _counted(counts)]
    tell(Answer({"id": run.pk, "status": run.status, "counts": counts}, lines), is_json, out)


def tell(answer: Answer, is_json: bool, out: OutputWrapper) -> None:
    out.write(json.dumps(answer.report, ensure_ascii=False, indent=2) if is_json else "\n".join(answer.lines))


@contextmanager
def one_line_faults() -> Iterator[None]:
    """Turn what a user can put right into one line, without a traceback."""
    try:
        yield
    except Import.DoesNotExist as error:
        raise CommandError("there is no such import") from error
    except (FileError, MappingError, ImportNotPossible, OSError) as error:
        raise CommandError(str(error)) from error


def _recognised(kind: str, file: Path) -> dict[str, Any]:
    return suggested(kind, preview(file), settings.FIRM_TIME_ZONE, settings.FIRM_CURRENCY)


def _start(kind: str, file: Path, document: Any) -> Import:
    if not file.is_file():
        raise FileError(f"there is no file {file}")
    with file.open("rb") as source:
        return start_import(kind=kind, file=source, name=file.name, mapping=document, by=None, at=timezone.now())


def _document(mapping: Path) -> Any:
    try:
        return json.loads(mapping.read_text(encoding="utf-8"))
    except FileNotFoundError as error:
        raise FileError(f"there is no mapping {mapping}") from error
    except UnicodeDecodeError as error:
        raise FileError(f"{mapping} is not UTF-8 text") from error
    except (json.JSONDecodeError, RecursionError) as error:
        raise FileError(f"{mapping} is not JSON: {error}") from error


def _run(run: Import, has_bar: bool) -> Answer:
    queue_import(import_id=run.pk, at=timezone.now())
    with _bar(has_bar) as progress:
        run = run_import(import_id=run.pk, clock=timezone.now, progress=progress)
    counts = dict(run.counts)
    problems = counts.pop("problems", {})
    report = {
        "id": run.pk,
        "kind": run.kind,
        "status": run.status,
        "rows": run.cursor,
        "counts": counts,
        "problems": problems,
        "error": run.error,
    }
    lines = [f"Import {run.pk}, {run.cursor:,} rows: {_counted(counts)}", *_problem_lines(problems)]
    lines += [_problem_line(problem) for problem in run.problems.all()[:SHOWN]]
    return Answer(report, lines)


def _rehearse(run: Import, has_bar: bool) -> Answer:
    """A dry run leaves nothing behind, not even itself."""
    try:
        with _bar(has_bar) as progress:
            diff = check_import(import_id=run.pk, at=timezone.now(), progress=progress)
    finally:
        Import.objects.filter(pk=run.pk).delete()
    lines = [f"Dry run, {diff['rows']:,} rows: {_counted(diff['counts'])}", *_problem_lines(diff["problems"])]
    lines += [f"  would make the field {field['key']} ({field['type']})" for field in diff["fields"]]
    lines += [_example_line(example) for example in diff["examples"]]
    return Answer({"kind": run.kind, "status": "checked", **diff}, lines)


def _counted(counts: dict[str, int]) -> str:
    return ", ".join(f"{count:,} {name}" for name, count in counts.items()) or "nothing"


def _problem_lines(problems: dict[str, int]) -> list[str]:
    return [f"  {count:,} × {code}" for code, count in sorted(problems.items())]


def _problem_line(problem: ImportProblem) -> str:
    sign = "refused" if problem.is_fatal else "warning"
    return f"  row {problem.row} {sign} {problem.column}: {problem.message}"


def _example_line(example: dict[str, Any]) -> str:
    changes = "; ".join(f"{name}: {before} → {after}" for name, (before, after) in list(example["changes"].items())[:6])
    return f"  row {example['row']} {example['number']} {example['verb']}: {changes}"[:200]


@contextmanager
def _bar(is_shown: bool) -> Iterator[Progress]:
    with tqdm(unit=" rows", unit_scale=True, disable=None if is_shown else True, leave=False) as bar:

        def progress(done: int, total: int) -> None:
            bar.total = total
            bar.update(done - bar.n)

        yield progress

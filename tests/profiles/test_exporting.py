"""The snapshot as files: the same rows, only changed parts anew, nothing of a customer who was erased."""

from datetime import UTC, datetime, timedelta

import duckdb
import pytest
from django.core.management import call_command

from crm.models import Customer, Event
from profiles import actions, queries
from profiles.warehouse import engines, exporting

pytestmark = pytest.mark.django_db
AT = datetime(2026, 11, 20, 12, tzinfo=UTC)


def page(visitor: Customer, number: int, days_ago: int) -> None:
    Event.objects.create(source="web", source_id=str(number), type="page", customer=visitor, received_at=AT,
                         occurred_at=AT - timedelta(days=days_ago))  # fmt: skip


@pytest.fixture
def visitors() -> list[Customer]:
    """Three with a page in each of three months, and a snapshot of them."""
    found = [Customer.objects.create(number=str(n), city="Turku", created_at=AT, updated_at=AT) for n in range(3)]
    for n, (visitor, days) in enumerate((one, days) for one in found for days in (3, 33, 63)):
        page(visitor, n, days)
    actions.refresh(at=AT)
    return found


def rows(folder, done: exporting.Export, table: str) -> list:
    files = [str(path) for path in done.files[table]]
    return sorted(duckdb.execute("from read_parquet($files)", {"files": files}).fetchall(), key=repr)


def test_the_files_hold_the_rows_of_the_snapshot_and_a_month_of_events_each(visitors, tmp_path) -> None:
    done = actions.export_warehouse(folder=tmp_path)
    for part in exporting.PARTS:
        with queries.cursor() as cursor:
            assert rows(tmp_path, done, part.table) == sorted(cursor.execute(f"from {part.table}").fetchall(), key=repr)
    assert [name.split("/")[1] for name in done.tables["event"]] == ["2026-09", "2026-10", "2026-11"]
    assert done.tables["order_line"][0].startswith("order_line/none/")


def test_only_parts_that_changed_are_written_again_and_old_ones_leave(visitors, tmp_path, monkeypatch) -> None:
    first = actions.export_warehouse(folder=tmp_path)
    assert actions.export_warehouse(folder=tmp_path).written == 0
    for turn in range(exporting.EXPORTS_KEPT):
        page(visitors[0], 100 + turn, 1)
        actions.refresh(at=AT + timedelta(minutes=1 + turn))
        next_ = actions.export_warehouse(folder=tmp_path)
    assert next_.tables["event"][:2] == first.tables["event"][:2]
    assert next_.tables["event"][2] != first.tables["event"][2]
    assert first.files["event"][2].exists()  # another export may be about to name it
    monkeypatch.setattr(exporting, "UNNAMED_ARE_KEPT", timedelta(0))
    exporting.sweep(tmp_path)
    assert not first.files["event"][2].exists()
    assert all(path.exists() for files in next_.files.values() for path in files)


def test_an_erased_customer_is_in_no_file_once_the_older_exports_have_left(visitors, tmp_path, monkeypatch) -> None:
    monkeypatch.setattr(exporting, "UNNAMED_ARE_KEPT", timedelta(0))
    actions.export_warehouse(folder=tmp_path)
    gone = visitors[1]
    Customer.objects.filter(pk=gone.pk).update(erased_at=AT, updated_at=AT + timedelta(minutes=1))
    for turn in range(exporting.EXPORTS_KEPT):
        page(visitors[0], 100 + turn, 1)
        actions.refresh(at=AT + timedelta(minutes=2 + turn))
        actions.export_warehouse(folder=tmp_path)
    files = [str(path) for path in tmp_path.glob("*/*/*.parquet")]
    known = duckdb.execute("select distinct customer_id from read_parquet($files, union_by_name = true)",
                           {"files": files}).fetchall()  # fmt: skip
    assert {row[0] for row in known} - {None} == {visitors[0].pk, visitors[2].pk}


def test_the_command_says_how_many_files_there_are(visitors, tmp_path, capsys) -> None:
    call_command("export_warehouse", str(tmp_path))
    assert "of 5 tables" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("setting", "told"),
    [("oracle://host", "spark://"), ("nonsense", "spark://"), ("", "spark://"), ("chdb://?folder=/a{b", "braces")],
)
def test_a_setting_nobody_can_read_is_refused_with_what_would_do(settings, setting, told) -> None:
    settings.ENGINE = setting
    with pytest.raises(queries.EngineError, match=told):
        engines.chosen()


def test_the_setting_says_the_address_and_the_folder(settings) -> None:
    settings.ENGINE = "spark://one:7077,two:7077?folder=/shared/kohde"
    found = engines.chosen()
    assert (found.address, str(found.folder), found.dialect) == (
        "spark://one:7077,two:7077", "/shared/kohde", "pyspark",
    )  # fmt: skip

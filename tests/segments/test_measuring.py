"""The anchor, measured through the product's own path, counts what the SQL by hand counts."""

from segments.anchor import measuring


def test_measured_rules_count_what_the_sql_by_hand_counts(settings, tmp_path, monkeypatch):
    settings.WAREHOUSE_DIR = tmp_path
    monkeypatch.setattr(measuring, "REPEATS", 1)
    found = list(measuring.measure(measuring.write_snapshot(2_000, 20_000)))
    assert len(found) == 48
    assert [one.rule_count for one in found] == [one.count for one in found]
    assert sum(one.count for one in found) > 2_000

"""The anchor, measured through the product's own path, counts what the SQL by hand counts."""

from segments.anchor import measuring


def test_rules_evaluated_together_count_what_the_sql_by_hand_counts(settings, tmp_path):
    settings.WAREHOUSE_DIR = tmp_path
    snapshot = measuring.write_snapshot(2_000, 20_000)
    (once,) = measuring.together(snapshot, times=1)
    assert once.counts_equal
    assert sum(measuring.counted_as_rules(measuring.Engine(snapshot, measuring.MOMENT, measuring.FEATURES),
                                          measuring.rules()).values()) > 2_000  # fmt: skip

"""The index that finds a customer's memberships: on each database in the order that is cheap to write there."""

from typing import Any, Final

from django.db import models

# What SQLite would find out by itself by reading the whole ledger: many rows of few segments. Only with it does it look
# for a customer in each segment in turn; without, it reads every row.
STATISTICS: Final = (
    "ANALYZE sqlite_master",
    "DELETE FROM sqlite_stat1 WHERE idx = '{name}'",
    "INSERT INTO sqlite_stat1 (tbl, idx, stat) VALUES ('{table}', '{name}', '1000000 10000 2')",
    "ANALYZE sqlite_master",
)


class OfCustomer(models.Index):
    """By customer and segment; on SQLite by segment and customer.

    A refresh changes one segment in a transaction, and SQLite writes every page that a transaction touched to its log:
    by customer that is a page for each one who entered, by segment a few. Whoever asks for a customer there looks into
    every segment once, as the foreign key does when a customer is deleted.
    """

    def create_sql(self, model: Any, schema_editor: Any, using: str = "", **more: Any) -> Any:
        if schema_editor.connection.vendor != "sqlite":
            return super().create_sql(model, schema_editor, using, **more)
        words = {"name": self.name, "table": model._meta.db_table}
        schema_editor.deferred_sql.extend(statement.format(**words) for statement in STATISTICS)
        turned = models.Index(fields=[name for name, _ in reversed(self.fields_orders)], name=self.name)
        return turned.create_sql(model, schema_editor, using, **more)

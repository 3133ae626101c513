"""Open intervals have no place in the index of who left: entering writes one index less, and leaving moves no entry."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("segments", "0011_ledger_without_second_indexes")]
    operations = [
        migrations.RemoveIndex(model_name="membership", name="membership_left"),
        migrations.AddIndex(
            model_name="membership",
            index=models.Index(
                condition=models.Q(("left_at__isnull", False)),
                fields=["segment", "left_at", "id"],
                name="membership_left",
            ),
        ),
    ]

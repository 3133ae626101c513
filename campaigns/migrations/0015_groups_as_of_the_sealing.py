from typing import Any

from django.db import migrations, models

LISTED = {"postgresql": "STRING_AGG(CAST(id AS VARCHAR), ',' ORDER BY id)", "sqlite": "GROUP_CONCAT(id)"}
FILL = """
UPDATE campaigns_message SET groups = COALESCE((
    SELECT {listed} FROM (
        SELECT DISTINCT m.segment_id AS id
        FROM campaigns_run r
        JOIN campaigns_campaign_include i ON i.campaign_id = r.campaign_id
        JOIN segments_membership m ON m.segment_id = i.segment_id
        WHERE r.id = campaigns_message.run_id AND m.customer_id = campaigns_message.customer_id
            AND m.entered_at <= COALESCE(r.members_at, r.sealed_at, r.started_at)
            AND (m.left_at IS NULL OR m.left_at > COALESCE(r.members_at, r.sealed_at, r.started_at))
        ORDER BY 1
    ) AS own
), '')
WHERE customer_id IS NOT NULL
"""


KINDS = ("open", "click", "conversion", "unsubscribe", "complaint", "bounce", "reached", "agreed", "declined")
BITS = [(f"kind = '{kind}'", 1 << (1 + 2 * place)) for place, kind in enumerate(KINDS) if kind != "conversion"]
BITS += [(f"{rule} AND by_class = 'human'", one << 1) for rule, one in BITS]
DID = " + ".join(f"MAX(CASE WHEN {rule} THEN {one} ELSE 0 END)" for rule, one in BITS)
FILL_DID = f"""
UPDATE campaigns_message
SET did = (SELECT {DID} FROM campaigns_response WHERE message_id = campaigns_message.id)
WHERE id IN (SELECT message_id FROM campaigns_response WHERE kind <> 'conversion')
"""
FILL_ENDS = """
UPDATE campaigns_run SET
    first_message = (SELECT MIN(id) FROM campaigns_message WHERE run_id = campaigns_run.id),
    last_message = (SELECT MAX(id) FROM campaigns_message WHERE run_id = campaigns_run.id)
WHERE expected IS NOT NULL
"""


def fill(apps: Any, schema_editor: Any) -> None:
    """Write down for messages of before who was in which of the campaign's segments, and what came back."""
    schema_editor.execute(FILL.format(listed=LISTED[schema_editor.connection.vendor]))
    schema_editor.execute(FILL_DID)
    schema_editor.execute(FILL_ENDS)


class Migration(migrations.Migration):
    dependencies = [
        ("campaigns", "0014_checks_before_sending"),
        ("segments", "0002_ledger_version"),
    ]

    operations = [
        migrations.AddField(
            model_name="message",
            name="groups",
            field=models.TextField(
                db_default="",
                default="",
                help_text="Ids of the campaign’s segments the person was in at the sealing, commas between; read by reports.",
            ),
        ),
        migrations.AddField(
            model_name="message",
            name="did",
            field=models.IntegerField(
                db_default=0,
                default=0,
                help_text="What came back but conversions, as bits; kept with each answer, read by reports.",
            ),
        ),
        migrations.AddField(
            model_name="run",
            name="first_message",
            field=models.BigIntegerField(
                blank=True, help_text="Lowest id of its messages, once sealed: where a report looks.", null=True
            ),
        ),
        migrations.AddField(
            model_name="run",
            name="last_message",
            field=models.BigIntegerField(blank=True, help_text="Highest id of its messages.", null=True),
        ),
        migrations.AlterField(
            model_name="message",
            name="customer",
            field=models.ForeignKey(
                blank=True,
                db_index=False,
                help_text="Emptied by erasure once final.",
                null=True,
                on_delete=models.deletion.SET_NULL,
                related_name="messages",
                to="crm.customer",
                verbose_name="customer",
            ),
        ),
        migrations.AlterField(
            model_name="message",
            name="run",
            field=models.ForeignKey(
                db_index=False,
                help_text="Its run.",
                on_delete=models.deletion.PROTECT,
                related_name="messages",
                to="campaigns.run",
                verbose_name="run",
            ),
        ),
        migrations.RunPython(fill, migrations.RunPython.noop, elidable=True),
    ]

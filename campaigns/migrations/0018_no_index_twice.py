"""An index that another one begins with is written for nothing: every row of these tables is written once less.

Dropped by name: Django would write a table of SQLite anew, with every row in it.
"""

import django.db.models.deletion
from django.db import migrations, models

FIELDS = (
    ("attempt", "message"),
    ("response", "message"),
)


def drop(apps, editor):
    for model, field in FIELDS:
        for name in names(editor, apps.get_model("campaigns", model), field):
            editor.execute(f"drop index {editor.quote_name(name)}")


def names(editor, model, field):
    """The indexes of this column alone that Django made: those without a name of their own."""
    own, column = {one.name for one in model._meta.indexes}, model._meta.get_field(field).column
    with editor.connection.cursor() as cursor:
        found = editor.connection.introspection.get_constraints(cursor, model._meta.db_table)
    return [
        name for name, one in found.items()
        if one["index"] and not one["unique"] and one["columns"] == [column] and name not in own
    ]


def restore(apps, editor):
    for model, field in FIELDS:
        model = apps.get_model("campaigns", model)
        editor.execute(editor._create_index_sql(model, fields=[model._meta.get_field(field)]))


class Migration(migrations.Migration):

    dependencies = [
        ('campaigns', '0001_squashed_0017'),
    ]

    operations = [
        migrations.SeparateDatabaseAndState(
            database_operations=[migrations.RunPython(drop, restore)],
            state_operations=[
                migrations.AlterField(
                    model_name='attempt',
                    name='message',
                    field=models.ForeignKey(db_index=False, help_text='Its message.', on_delete=django.db.models.deletion.CASCADE, related_name='tries', to='campaigns.message'),
                ),
                migrations.AlterField(
                    model_name='response',
                    name='message',
                    field=models.ForeignKey(db_index=False, help_text='Its message; hold-out rows have conversions too.', on_delete=django.db.models.deletion.PROTECT, related_name='responses', to='campaigns.message', verbose_name='message'),
                ),
            ],
        ),
    ]

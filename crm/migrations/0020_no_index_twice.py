"""An index that another one begins with is written for nothing: every row of these tables is written once less.

Dropped by name: Django would write a table of SQLite anew, with every row in it.
"""

import django.db.models.deletion
from django.db import migrations, models

FIELDS = (
    ("auditline", "import_run"),
    ("consententry", "customer"),
    ("consentstate", "customer"),
    ("event", "customer"),
    ("event", "import_run"),
    ("hookcall", "hook"),
    ("importproblem", "run"),
    ("likepair", "first"),
    ("order", "customer"),
    ("order", "import_run"),
    ("orderline", "order"),
)


def drop(apps, editor):
    for model, field in FIELDS:
        for name in names(editor, apps.get_model("crm", model), field):
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
        model = apps.get_model("crm", model)
        editor.execute(editor._create_index_sql(model, fields=[model._meta.get_field(field)]))


class Migration(migrations.Migration):

    dependencies = [
        ('crm', '0001_squashed_0019'),
    ]

    operations = [
        migrations.SeparateDatabaseAndState(
            database_operations=[migrations.RunPython(drop, restore)],
            state_operations=[
                migrations.AlterField(
                    model_name='auditline',
                    name='import_run',
                    field=models.ForeignKey(blank=True, db_index=False, help_text='Import that made the change.', null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='crm.import'),
                ),
                migrations.AlterField(
                    model_name='consententry',
                    name='customer',
                    field=models.ForeignKey(db_index=False, help_text='Who.', on_delete=django.db.models.deletion.PROTECT, related_name='consent_entries', to='crm.customer', verbose_name='customer'),
                ),
                migrations.AlterField(
                    model_name='consentstate',
                    name='customer',
                    field=models.ForeignKey(db_index=False, help_text='Who.', on_delete=django.db.models.deletion.PROTECT, related_name='consents', to='crm.customer', verbose_name='customer'),
                ),
                migrations.AlterField(
                    model_name='event',
                    name='customer',
                    field=models.ForeignKey(blank=True, db_index=False, help_text='Empty while the visitor is unknown.', null=True, on_delete=django.db.models.deletion.PROTECT, related_name='events', to='crm.customer', verbose_name='customer'),
                ),
                migrations.AlterField(
                    model_name='event',
                    name='import_run',
                    field=models.ForeignKey(blank=True, db_index=False, help_text='Import that brought it.', null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='crm.import'),
                ),
                migrations.AlterField(
                    model_name='hookcall',
                    name='hook',
                    field=models.ForeignKey(db_index=False, help_text='Who is told.', on_delete=django.db.models.deletion.CASCADE, related_name='calls', to='crm.hook', verbose_name='webhook'),
                ),
                migrations.AlterField(
                    model_name='importproblem',
                    name='run',
                    field=models.ForeignKey(db_index=False, help_text='Its import.', on_delete=django.db.models.deletion.CASCADE, related_name='problems', to='crm.import'),
                ),
                migrations.AlterField(
                    model_name='likepair',
                    name='first',
                    field=models.ForeignKey(db_index=False, help_text='The lower id.', on_delete=django.db.models.deletion.CASCADE, related_name='+', to='crm.customer'),
                ),
                migrations.AlterField(
                    model_name='order',
                    name='customer',
                    field=models.ForeignKey(blank=True, db_index=False, help_text='Empty for a guest.', null=True, on_delete=django.db.models.deletion.PROTECT, related_name='orders', to='crm.customer', verbose_name='customer'),
                ),
                migrations.AlterField(
                    model_name='order',
                    name='import_run',
                    field=models.ForeignKey(blank=True, db_index=False, help_text='Import that brought it.', null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='crm.import'),
                ),
                migrations.AlterField(
                    model_name='orderline',
                    name='order',
                    field=models.ForeignKey(db_index=False, help_text='Its order.', on_delete=django.db.models.deletion.CASCADE, related_name='lines', to='crm.order'),
                ),
            ],
        ),
    ]

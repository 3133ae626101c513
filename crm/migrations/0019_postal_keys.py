"""Letters were suppressed by the street alone; now by the whole address. Whom the list holds back it goes on to."""

from django.db import migrations

from crm.addresses import COLUMNS, _keyed, keys_of


def carry_over(apps, schema_editor):
    """For every customer at a street on the list, the whole address: nobody can tell which of them had said no.

    Lines of streets alone stay, for they are in force for nobody now and say when and why.
    """
    Suppression = apps.get_model("crm", "Suppression")
    Customer = apps.get_model("crm", "Customer")
    known = {row.address_key: row for row in Suppression.objects.filter(channel="post").iterator()}
    if not known:
        return
    made = {}
    for one in Customer.objects.exclude(street="").only(*COLUMNS).iterator():
        street = " ".join(one.street.split()).casefold()
        row, key = known.get(_keyed(f"street:{street}")), keys_of(one).get("post")
        if row and key and key not in known:
            values = {"reason": row.reason, "source": row.source, "at": row.at}
            made[key] = Suppression(channel="post", address_key=key, **values)
    Suppression.objects.bulk_create(made.values(), ignore_conflicts=True, batch_size=1000)


class Migration(migrations.Migration):

    dependencies = [
        ('crm', '0018_api_key_help'),
    ]

    operations = [
        migrations.RunPython(carry_over, migrations.RunPython.noop, elidable=True),
    ]

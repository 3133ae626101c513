
import django.db.models.deletion
from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('crm', '0015_webhooks'),
    ]

    operations = [
        migrations.AddField(
            model_name='tag',
            name='merged_into',
            field=models.ForeignKey(blank=True, help_text='The tag that took its place, when it was archived by a merge.', null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='crm.tag', verbose_name='merged into'),
        ),
    ]

import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('campaigns', '0020_topics'),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.AddField(
            model_name='campaign',
            name='asked_at',
            field=models.DateTimeField(blank=True, help_text='UTC.', null=True),
        ),
        migrations.AddField(
            model_name='campaign',
            name='asked_by',
            field=models.ForeignKey(blank=True, help_text='Who asked a second person to approve it; a change takes that back.', null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to=settings.AUTH_USER_MODEL),
        ),
    ]
